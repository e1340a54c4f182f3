"""Rows laid out as other tools write them (Alpaca, ShareGPT) → rows as ours; and what a row without a prompt
may have meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core.files.json_text import parse_json
from udasa_core.prompts.prompt_row import RowError

# Who speaks in ShareGPT's words → in ours.
_SPEAKERS = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "model", "bing", "bard"), "assistant"),
    "system": "system",
}
# Names under which prompts, and conversations, are often found; the likeliest first.
_PROMPTS = (
    "instruction",
    "question",
    "query",
    "problem",
    "input",
    "request",
    "task",
    "text",
    "content",
    "user",
)
_CONVERSATIONS = ("conversation", "conversations", "dialogue", "dialog", "chat", "turns")


def as_ours(row: Mapping[str, Any], named: Mapping[str, str]) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return a row with a prompt or messages, and the fields that it is read from.

    Alpaca: `instruction`, with `input` or `output` beside it, is the prompt, `input` below it. ShareGPT:
    `conversations` are the messages, without what the assistant says after the user's last turn. Every other
    row is returned as it is, and so is each where the user named the fields. Raises RowError.
    """
    read = frozenset(named.values())
    is_named = any(named.get(name) != name for name in ("prompt", "messages"))
    if is_named or row.get("prompt") is not None or row.get("messages") is not None:
        return row, read
    if row.get("conversations") is not None:
        return {**row, "messages": _turns(row["conversations"])}, read | {"conversations"}
    instruction, more = row.get("instruction"), row.get("input")
    if isinstance(instruction, str) and ("input" in row or "output" in row):
        below = f"\n\n{more}" if isinstance(more, str) and more.strip() else ""
        return {**row, "prompt": instruction + below}, read | {"instruction", "input"}
    return row, read


def _turns(given: object) -> list[dict[str, Any]]:
    if isinstance(given, str):  # a CSV cell
        try:
            given = parse_json(given)
        except ValueError as error:
            raise RowError(f"has conversations that are not JSON: {error}") from error
    if not isinstance(given, list):
        raise RowError(f"has conversations of type {type(given).__name__}, not a list")
    turns = []
    for number, turn in enumerate(given, start=1):
        if not isinstance(turn, Mapping):
            raise RowError(f"turn {number} of its conversations is not an object with from and value")
        speaker = turn.get("from", turn.get("role"))
        role = _SPEAKERS.get(speaker) if isinstance(speaker, str) else None
        if role is None:
            raise RowError(
                f"turn {number} of its conversations is from {str(speaker)[:40]!r}, which is none of "
                f"{', '.join(_SPEAKERS)}"
            )
        turns.append({"role": role, "content": turn.get("value", turn.get("content"))})
    while turns and turns[-1]["role"] == "assistant":
        turns.pop()
    if not turns:
        raise RowError("has conversations in which nothing is asked")
    return turns


def likely_columns(row: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield what [prompts] columns may have to be for such rows, the likeliest first: the fields that the row
    has under names that prompts, or conversations, are often found under."""
    for field, names in (("prompt", _PROMPTS), ("messages", _CONVERSATIONS)):
        yield from ({field: name} for name in names if row.get(name) is not None)


def remedy(row: Mapping[str, Any]) -> str:
    """Say what to write where a row has neither prompt nor messages: which of its fields may be meant."""
    for columns in likely_columns(row):
        ((field, name),) = columns.items()
        return f'if {name!r} is what to ask, write [prompts] columns = {{ {field} = "{name}" }}'
    return 'name the field to ask in [prompts] columns = { prompt = "…" }'
