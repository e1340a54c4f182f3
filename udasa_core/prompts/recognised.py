"""Prompts that nobody has described: how their rows are laid out, and which columns to name."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from udasa_core.errors import SourceError, reason
from udasa_core.progress import Progress, silent
from udasa_core.prompts.layouts import as_ours, likely_columns
from udasa_core.prompts.prompt_row import RowError, row_id, row_messages
from udasa_core.prompts.read import PromptSource, ReadPrompt, named_columns, read_prompts, source_rows
from udasa_core.prompts.reasons import Reasons
from udasa_core.prompts.rows import BadRow

# Rows by which a layout is told.
_LOOKED = 200
# Names under which ids, and system messages, are often found.
_IDS = ("prompt_id", "question_id", "qid", "uid", "uuid", "_id", "idx", "index")
_SYSTEMS = ("system_prompt", "system_message")
# Fields that some tools fill in other ways than ours: a text beside its conversation, messages as the prompt.
_OTHERWISE = ({"prompt": "prompt"}, {"messages": "prompt"}, {"messages": "messages"})


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a source of prompts holds, read with `columns` (our field → theirs, empty where none is needed).

    layout: in words. usable, reasons: rows that give a prompt, and why others do not. characters: of each
    prompt. first: the first prompt's text. own: the columns that stay beside the prompts.
    """

    columns: Mapping[str, str]
    layout: str
    usable: int = 0
    reasons: Reasons = field(default_factory=Reasons)
    characters: Sequence[int] = ()
    first: str = ""
    own: tuple[str, ...] = ()


def recognised(options: PromptSource, root: Path, *, progress: Progress = silent) -> Recognised:
    """Find out how a source's rows are laid out, and read them so; columns that are named already stay.

    Raises SourceError where the source cannot be read.
    """
    looked = min(_LOOKED, options.limit or _LOOKED)
    with progress(f"reading {options.source}", None):
        try:
            first_rows = source_rows(replace(options, limit=looked), root)
            rows = [row for _, row, _ in first_rows if not isinstance(row, BadRow)]
        except OSError as error:
            raise SourceError(f"{options.source} cannot be read: {reason(error)}") from error
        columns = {**_asked(rows, options.columns), **options.columns}
        layout = _layout(rows, columns)
        found = _read(replace(options, columns=columns), root, layout)
        for our, names in (("system", _SYSTEMS), ("id", _IDS)):
            if more := _first_column(our, names, rows, columns):
                other = _read(replace(options, columns={**found.columns, **more}), root, layout)
                # Further down it may be missing, and an id be there twice.
                found = other if other.usable >= found.usable else found
    return found


def _asked(rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> dict[str, str]:
    """Return the columns by which most of the rows give messages; of equal ones the first."""
    if not rows or {"prompt", "messages"} & given.keys():
        return {}
    guesses = [{}, *_OTHERWISE, *likely_columns(rows[0])]
    return max(guesses, key=lambda columns: sum(_gives(row, {**columns, **given}) for row in rows))


def _gives(row: Mapping[str, Any], columns: Mapping[str, str]) -> bool:
    named = named_columns(columns)
    try:
        row_messages(as_ours(row, named)[0], named)
    except RowError:
        return False
    return True


def _first_column(
    our: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> dict[str, str]:
    """Return the first of some columns that can serve as one of our fields which no row has."""
    if our in columns or not rows or any(row.get(our) is not None for row in rows):
        return {}
    for name in names:
        if all(_serves(our, row.get(name)) for row in rows):
            values = [str(row[name]) for row in rows]
            if our != "id" or len(set(values)) == len(values):
                return {our: name}
    return {}


def _serves(our: str, value: object) -> bool:
    try:
        return bool(row_id(value)) and (our == "id" or isinstance(value, str))
    except RowError:
        return False


def _layout(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """Say in words how most rows are laid out."""
    asked = [f"{our} = {columns[our]!r}" for our in ("prompt", "messages") if our in columns]
    if asked:
        return f"columns {', '.join(asked)}"
    named = named_columns(columns)
    read = [fields for fields in (_fields(row, named) for row in rows) if fields is not None]
    for name, layout in (
        ("conversations", "ShareGPT's conversations"),
        ("instruction", "Alpaca's instruction and input"),
    ):
        if sum(name in fields for fields in read) * 2 > len(rows):
            return layout
    has_messages = sum(row.get("messages") is not None for row in rows) * 2 > len(rows)
    return "rows with messages" if has_messages else "rows with a prompt"


def _fields(row: Mapping[str, Any], named: Mapping[str, str]) -> frozenset[str] | None:
    try:
        return as_ours(row, named)[1]
    except RowError:
        return None


def _read(options: PromptSource, root: Path, layout: str) -> Recognised:
    reasons, characters, own = Reasons(), array("Q"), dict[str, None]()
    first = ""
    for row in read_prompts(options, root):
        if isinstance(row, ReadPrompt):
            first = first or row.prompt.messages[-1].content
            characters.append(sum(len(message.content) for message in row.prompt.messages))
            own.update(dict.fromkeys(row.own))
        else:
            reasons.add(row.reason, row.line)
    return Recognised(dict(options.columns), layout, len(characters), reasons, characters, first, tuple(own))
