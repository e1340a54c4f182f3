"""Prompts from the user's source, streamed: each row becomes a Prompt, or is set aside with the reason.

A row is {"prompt": text}, {"system": text, "prompt": text} or {"messages": [{"role": …, "content": …}, …]},
with an optional "id" that is unique in the source, and optional "passages": texts that a dimension may check
responses against (a list; in CSV, JSON text). Alpaca's and ShareGPT's rows are read as well. What else a row
holds is the user's own, and stays with the prompt.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import SourceError, reason
from udasa_core.progress import Progress, silent
from udasa_core.prompts.layouts import as_ours, remedy
from udasa_core.prompts.own import own_columns
from udasa_core.prompts.prompt_row import NoPromptError, RowError, row_id, row_messages, row_passages
from udasa_core.prompts.rows import BadRow, Row, dataset_rows, rows_of
from udasa_core.prompts.seen import SeenHashes
from udasa_core.records import Prompt, content_key
from udasa_core.sources.digests import data_digest
from udasa_core.sources.hub import hub_errors
from udasa_core.sources.resolve import resolve
from udasa_core.sources.source import Source, parse_source

if TYPE_CHECKING:
    from udasa_core.config.schema import PromptsTable

FIELDS = ("prompt", "messages", "system", "id", "passages")
_SHOWN = 200
# Counts up when the same source would be read as other prompts.
_READER = 3


@dataclass(frozen=True, slots=True)
class PromptSource:
    """Where prompts come from. config and split: hub data sets; columns: our field → theirs; limit: rows."""

    source: str
    config: str | None = None
    split: str = "train"
    columns: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None

    @classmethod
    def of_table(cls, table: PromptsTable) -> PromptSource:
        """Return what [prompts] names."""
        return cls(table.source, table.config, table.split, dict(table.columns), table.limit)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that gives no prompt: its line (from 1), why, and its first 200 characters, safe to print."""

    line: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A row that gives a prompt, its line (from 1), and the user's own columns: JSON scalars by name."""

    line: int
    prompt: Prompt
    own: Mapping[str, Any] = field(default_factory=dict)


def read_prompts(
    options: PromptSource, root: Path, *, progress: Progress = silent
) -> Iterator[ReadPrompt | SetAside]:
    """Yield each row of the source, in order, as a ReadPrompt or as a SetAside.

    Rows are never a reason to raise; a source that cannot be read at all is (SourceError). Memory stays flat:
    duplicates are found by 64-bit hashes. Relative files are looked for in `root`.
    """
    named = named_columns(options.columns)
    contents, ids = SeenHashes(), SeenHashes()
    try:
        for line, row, shown in source_rows(options, root, progress=progress):
            try:
                if isinstance(row, BadRow):
                    raise RowError(row.reason)
                row, fields = as_ours(row, named)
                prompt = _prompt(row, named, contents, ids)
            except RowError as fault:
                yield SetAside(line, str(fault), _excerpt(shown))
            else:
                yield ReadPrompt(line, prompt, own_columns(row, fields))
    except OSError as error:
        raise SourceError(f"{options.source} cannot be read: {reason(error)}") from error


def prompts_digest(options: PromptSource, root: Path, *, progress: Progress = silent) -> str:
    """Return what the prompts of a source depend on, as a hash: equal digests, equal prompts.

    A hub data set counts by its commit where the hub or its cache tells it, otherwise by name and revision.
    """
    source = parse_source(options.source, root)
    if source.scheme == "hf":
        identity = f"{source.name}@{_commit(source)}"
    else:
        identity = data_digest(resolve(options.source, root, progress=progress), progress=progress)
    return content_key(
        _READER, identity, options.config, options.split, dict(options.columns), options.limit, length=64
    )


def _commit(source: Source) -> str:
    if re.fullmatch("[0-9a-f]{40}", source.revision):
        return source.revision
    from huggingface_hub import HfApi, constants

    try:
        return str(HfApi().dataset_info(source.name, revision=source.revision, timeout=10).sha)
    except hub_errors():  # its cache may still tell
        folder = "datasets--" + source.name.replace("/", "--")
        ref = Path(constants.HF_HUB_CACHE) / folder / "refs" / source.revision
        return ref.read_text().strip() if ref.is_file() else source.revision


def named_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Return our field → their column. Naming one of prompt and messages leaves the other unread.

    Raises SourceError where [prompts] columns names what is no field of a prompt.
    """
    unknown = sorted(set(columns) - set(FIELDS))
    if unknown:
        turned = [f'{columns[one]} = "{one}"' for one in unknown if columns[one] in FIELDS]
        hint = f"our field comes first: columns = {{ {', '.join(turned)} }}" if turned else ", ".join(FIELDS)
        raise SourceError(f"prompts.columns: {', '.join(unknown)} is not a field of a prompt\n    → {hint}")
    named = {name: name for name in FIELDS}
    given = {"prompt", "messages"} & set(columns)
    for name in {"prompt", "messages"} - given if given else ():
        del named[name]
    return {**named, **columns}


def source_rows(options: PromptSource, root: Path, *, progress: Progress = silent) -> Iterator[Row]:
    """Return the rows of a source as they stand in it, `limit` of them at most. Raises SourceError and
    OSError where it cannot be read."""
    named = named_columns(options.columns)
    source = parse_source(options.source, root)
    columns = list(named.values())
    config, split, told = options.config, options.split, source.text
    if source.scheme == "hf":
        revision = source.revision
        rows = dataset_rows(source.name, None, source=told, config=config, split=split, revision=revision)
    else:
        path = resolve(options.source, root, progress=progress)
        optional = [named["system"], named["id"], named["passages"]]
        rows = rows_of(path, columns, source=told, optional=optional, config=config, split=split, whole=True)
    return islice(rows, options.limit)


def _prompt(
    row: Mapping[str, Any], named: Mapping[str, str], contents: SeenHashes, ids: SeenHashes
) -> Prompt:
    try:
        messages = row_messages(row, named)
    except NoPromptError as fault:
        # A field that is there and empty is the right one.
        is_named = any(named.get(name) in row for name in ("prompt", "messages"))
        raise RowError(f"{fault}" if is_named else f"{fault}; {remedy(row)}") from fault
    passages = row_passages(row.get(named["passages"]))
    content = [[message.role, message.content] for message in messages]
    key = content_key(content, passages) if passages else content_key(content)
    identity = row_id(row.get(named["id"])) or key
    # 16 hex digits are the 64 bits.
    if not contents.add(int(key, 16)):
        raise RowError("is a duplicate: an earlier row has the same messages")
    hashed = hashlib.blake2b(identity.encode(), digest_size=8).digest()
    if not ids.add(int.from_bytes(hashed, "big")):
        raise RowError("has an id that an earlier row has")
    return Prompt(identity, messages, passages)


def _excerpt(shown: object) -> str:
    """Return a row's beginning with everything that a terminal could act on written out."""
    if isinstance(shown, bytes):
        text = shown[: 4 * _SHOWN].decode(errors="backslashreplace").strip()
    elif isinstance(shown, BadRow):
        text = ""
    else:
        text = json.dumps(shown, ensure_ascii=False, default=str)
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:_SHOWN])
    return safe if len(safe) <= _SHOWN and len(text) <= _SHOWN else safe[: _SHOWN - 1] + "…"
