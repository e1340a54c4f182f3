"""Responses that somebody already has, read from a JSONL or Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.errors import UdasaError
from udasa_core.files.json_text import parse_json
from udasa_core.records import Message, content_key
from udasa_core.sources.limits import check_packed

_ADVICE = (
    "each row has `prompt` (text) or `messages` (a list of role and content), perhaps `system` (text), "
    "`responses` (a list of texts), and perhaps `voters` (likewise)"
)


class Recordings:
    """The recorded responses of each prompt, found by its messages; held in memory.

    Two rows with the same messages add up. Raises UdasaError, with file and line (Parquet: row), at the first
    row that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._responses: dict[str, list[str]] = {}
        self._voters: dict[str, list[str]] = {}
        for place, row in _rows(path):
            try:
                messages, responses, voters = _read(row)
            except (TypeError, ValueError) as error:
                raise UdasaError(f"{path}, {place}: {error}; {_ADVICE}") from error
            self._responses.setdefault(_key(messages), []).extend(responses)
            self._voters.setdefault(_key(messages), []).extend(voters)

    def of(self, messages: Sequence[Message]) -> Sequence[str]:
        """Return the responses recorded for a conversation; none is legal."""
        return self._responses.get(_key(messages), ())

    def voters(self, messages: Sequence[Message]) -> Sequence[str]:
        """Return the voters recorded for a conversation; none is legal."""
        return self._voters.get(_key(messages), ())


def _key(messages: Sequence[Message]) -> str:
    return content_key([[message.role, message.content] for message in messages])


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each row with the words for its place."""
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield f"line {number}", parse_json(line.decode("utf-8-sig"))
            except ValueError as error:
                raise UdasaError(f"{path}, line {number}: not JSON in UTF-8 ({error}); {_ADVICE}") from error


def _parquet_rows(path: Path) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_packed(path)
    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pa.ArrowInvalid as error:
        raise UdasaError(f"{path} is not a Parquet file: {error}") from error


def _read(row: Any) -> tuple[list[Message], list[str], list[str]]:
    """Return a row's messages, responses and voters. Raises ValueError or TypeError saying what is wrong."""
    if not isinstance(row, Mapping):
        raise TypeError("the row is no object")
    prompt, messages, responses = row.get("prompt"), row.get("messages"), row.get("responses")
    if (prompt is None) == (messages is None):
        raise ValueError("it has neither `prompt` nor `messages`, or both")
    if prompt is not None:
        conversation = [Message("user", _text(prompt, "prompt"))]
    else:
        conversation = [
            Message(message["role"], _text(message["content"], "content")) for message in _turns(messages)
        ]
    if (system := row.get("system")) is not None:
        conversation.insert(0, Message("system", _text(system, "system")))
    return conversation, _texts(responses, "responses"), _texts(row.get("voters") or [], "voters")


def _texts(given: Any, name: str) -> list[str]:
    if not isinstance(given, list):
        raise TypeError(f"`{name}` is no list")
    return [_text(text, f"one of `{name}`") for text in given]


def _turns(messages: Any) -> list[Mapping[str, Any]]:
    """Return messages that have a role and a content each."""
    if not isinstance(messages, list) or not messages:
        raise TypeError("`messages` is no list of messages")
    for message in messages:
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise TypeError("a message has a role and a content")
    return messages


def _text(given: Any, name: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{name} is no text")
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} holds half a surrogate pair, which is no text") from error
    return given
