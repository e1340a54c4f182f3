"""One row of a prompts source → its id and messages, or the reason why it gives none.

Reasons name fields, roles and places, never a text of the row, so that they can be counted and printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from udasa_core.files.json_text import parse_json
from udasa_core.records import ROLES, Message

# A row's fields by their own names.
_NAMED = {name: name for name in ("prompt", "messages", "system")}


class RowError(Exception):
    """Why a row gives nothing that can be used: a reason that can be counted and printed."""


class NoPromptError(RowError):
    """A row has neither a prompt nor messages."""


def row_id(given: object) -> str:
    """Return the id that a row gives in its field, "" where that is None. Whole numbers serve as ids too.

    Raises RowError where it is no such thing.
    """
    if given is None:
        return ""
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return _text(given, "id")


def row_passages(given: object) -> tuple[str, ...]:
    """Return a row's passages; none where it has no such field. One text is one passage, unless it is JSON,
    as in a CSV cell. Raises RowError."""
    if isinstance(given, str) and given.replace(" ", "").startswith(('["', "[]")):
        try:
            given = parse_json(given)
        except ValueError as error:
            raise RowError(f"has passages that are not JSON: {error}") from error
    if given is None:
        return ()
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        raise RowError(f"has passages of type {type(given).__name__}, not a list")
    return tuple(_text(passage, f"passage {number}") for number, passage in enumerate(given, start=1))


def row_messages(row: Mapping[str, Any], named: Mapping[str, str] = _NAMED) -> tuple[Message, ...]:
    """Return the messages of a row with "prompt" (and perhaps "system") or "messages".

    named: our field → the row's. Raises RowError with the reason where it gives none.
    """
    prompt = row.get(named["prompt"]) if "prompt" in named else None
    turns = row.get(named["messages"]) if "messages" in named else None
    if prompt is not None and turns is not None:
        raise RowError("has both a prompt and messages: name the one to read in [prompts.columns]")
    if prompt is not None:
        messages = [Message("user", _text(prompt, "prompt"))]
    elif turns is not None:
        messages = _turns(turns)
    else:
        wanted = " or ".join(repr(named[name]) for name in ("prompt", "messages") if name in named)
        found = ", ".join(map(repr, list(row)[:8]))
        raise NoPromptError(f"has no {wanted} (its fields: {found or 'none'})")
    system = row.get(named["system"])
    if system is not None:
        if messages[0].role == "system":
            raise RowError("has both a system field and a system message")
        messages.insert(0, Message("system", _text(system, "system")))
    return tuple(messages)


def _turns(turns: object) -> list[Message]:
    if isinstance(turns, str):  # a CSV cell
        try:
            turns = parse_json(turns)
        except ValueError as error:
            raise RowError(f"has messages that are not JSON: {error}") from error
    if not isinstance(turns, list):
        raise RowError(f"has messages of type {type(turns).__name__}, not a list")
    if not turns:
        raise RowError("has no message")
    messages = []
    for number, turn in enumerate(turns, start=1):
        if not isinstance(turn, Mapping):
            raise RowError(f"message {number} is not an object with role and content")
        role = turn.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise RowError(
                f"message {number} has role {str(role)[:40]!r}, which is none of {', '.join(ROLES)}"
            )
        messages.append(Message(role, _text(turn.get("content"), f"message {number}")))
    if messages[-1].role != "user":
        raise RowError(f"ends with a message from {messages[-1].role}, not from user")
    return messages


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        kind = "missing" if value is None else f"of type {type(value).__name__}, not text"
        raise RowError(f"{name} is {kind}")
    if not value or value.isspace():
        raise RowError(f"{name} is empty")
    if "\0" in value:
        raise RowError(f"{name} holds a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # The CSV reader passes bytes that are no UTF-8 on in this range.
        if 0xDC80 <= ord(value[error.start]) <= 0xDCFF:
            raise RowError(
                f"{name} is not UTF-8, or holds a lone surrogate: save the file as UTF-8"
            ) from error
        raise RowError(f"{name} holds a lone surrogate") from error
    return value
