"""Prompts of open suites: HH-RLHF's transcripts, or JSONL with prompts."""

from __future__ import annotations

import gzip
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core import (
    Message,
    Role,
    RowError,
    UdasaError,
    check_packed,
    content_key,
    parse_json,
    row_id,
    row_messages,
)

log = logging.getLogger("udasa")

_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES: dict[str, Role] = {"Human": "user", "Assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation that ends with the user's turn, and whether what it asks for is harmful, if known."""

    id: str
    messages: tuple[Message, ...]
    harmful: bool | None = None


def transcript_messages(transcript: str) -> tuple[Message, ...]:
    """Return the turns before the last answer of an HH-RLHF transcript.

    transcript: "\\n\\nHuman: …\\n\\nAssistant: …", several turns. The answer is what follows the last
    "\\n\\nAssistant:". Empty turns are left out, and turns of one side that follow one another are joined by
    an empty line. Raises RowError where there is no answer to cut off, or the user has not the last word
    before it.
    """
    marks = list(_TURN.finditer(transcript))
    answer = next((number for number in reversed(range(len(marks))) if marks[number][1] == "Assistant"), None)
    if answer is None:
        raise RowError("has a transcript without an Assistant turn")
    messages: list[Message] = []
    for number, mark in enumerate(marks[:answer]):
        role, text = _ROLES[mark[1]], transcript[mark.end() : marks[number + 1].start()].strip()
        if not text:
            continue
        if messages and messages[-1].role == role:
            text = f"{messages.pop().content}\n\n{text}"
        messages.append(Message(role, text))
    if not messages or messages[0].role != "user" or messages[-1].role != "user":
        raise RowError("has a transcript in which the user is not the first and the last to speak")
    return tuple(messages)


def find_prompts(path: Path, file: str, source: str) -> Path:
    """Return the file of prompts: the path itself, or `file` in the folder that it is.

    Raises UdasaError where it is not there.
    """
    found = path / file if path.is_dir() else path
    if not found.is_file():
        raise UdasaError(
            f"{source} has no file {file!r}\n    → name one of its files in `file`, or copy it "
            'onto this machine and write source = "file:/folder/prompts.jsonl"'
        )
    return found


def read_dialogues(path: Path, source: str, limit: int | None = None) -> tuple[Dialogue, ...]:
    """Return the prompts of a .jsonl or .jsonl.gz file, without repetitions.

    A row has "chosen" (an HH-RLHF transcript, whose last answer is cut off; "rejected" has the same
    beginning), or "prompt", or "messages"; "id" and "harmful" (true or false) may stand beside them. Without
    an id it is the hash of the turns.
    limit: how many, those with the smallest hashes: the same ones whatever the file's order and the seed.
    source: how messages name the file. Rows that give no prompt are counted in a warning by reason. Raises
    UdasaError where a row is not JSON, or none gives a prompt.
    """
    found: dict[str, tuple[str, Dialogue]] = {}
    ids: set[str] = set()
    reasons: Counter[str] = Counter()
    for number, row in _rows(path, source):
        try:
            messages = _messages(row)
            key = content_key([[message.role, message.content] for message in messages])
            if key in found:
                raise RowError("repeats the prompt of another row")
            id = row_id(row.get("id")) or key
            if id in ids:
                raise RowError(f"has an id that another row has: line {number}")
            harmful = row.get("harmful")
            if harmful is not None and not isinstance(harmful, bool):
                raise RowError('has a "harmful" that is neither true nor false')
        except RowError as fault:
            reasons[str(fault)] += 1
            continue
        ids.add(id)
        found[key] = (key, Dialogue(id, messages, harmful))
    told = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
    if not found:
        raise UdasaError(
            f"{source} gives no prompt ({told or 'it has no rows'})\n    → a row is "
            '{"chosen": "\\n\\nHuman: …\\n\\nAssistant: …"} as in HH-RLHF, or {"prompt": "…"}'
        )
    if reasons:
        log.warning("%s: rows left out: %s", source, told)
    ordered = list(found.values())
    if limit is not None and limit < len(ordered):
        chosen = {key for key, _ in sorted(ordered, key=lambda entry: entry[0])[:limit]}
        ordered = [entry for entry in ordered if entry[0] in chosen]
    return tuple(dialogue for _, dialogue in ordered)


def _messages(row: Mapping[str, Any]) -> tuple[Message, ...]:
    if "chosen" in row and "prompt" not in row and "messages" not in row:
        if not isinstance(row["chosen"], str):
            raise RowError('has a "chosen" that is not text')
        return transcript_messages(row["chosen"])
    return row_messages(row)


def _rows(path: Path, source: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    read = gzip.open if path.suffix == ".gz" else open
    try:
        check_packed(path)
        with read(path, "rt", encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                row = parse_json(line)
                if not isinstance(row, dict):
                    raise UdasaError(f"{source}: line {number} is not a JSON object")
                yield number, row
    except (OSError, EOFError, ValueError) as error:
        raise UdasaError(
            f"{source}: {path.name} cannot be read as JSON lines: {error}\n    → one JSON object a "
            "line, .jsonl or .jsonl.gz"
        ) from error
