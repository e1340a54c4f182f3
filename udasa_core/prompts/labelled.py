"""Responses that somebody labelled right or wrong: JSONL of prompt, responses, labels. No run reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core.errors import UdasaError, reason
from udasa_core.files.json_text import parse_json
from udasa_core.records import content_key
from udasa_core.text.answer import answer_to


@dataclass(frozen=True, slots=True)
class Labelled:
    """A user's prompt with responses, each labelled right (True) or wrong."""

    id: str
    prompt: str
    responses: tuple[str, ...]
    labels: tuple[bool, ...]

    def is_right(self, response: str) -> bool:
        """Grade another response to the prompt: right where it gives one answer with a response that is
        labelled right, and with none that is labelled wrong (`Answer.same_as`). One that nobody foresaw is
        wrong."""
        told = answer_to(self.prompt, response)
        said = {
            label
            for text, label in zip(self.responses, self.labels, strict=True)
            if text == response or answer_to(self.prompt, text).same_as(told)
        }
        return said == {True}


def labelled(path: Path) -> tuple[Labelled, ...]:
    """Read a user's JSONL: each row has prompt, responses (texts) and labels (true or 1 = right).

    Raises UdasaError, with the line, at the first row that is not so.
    """
    try:
        # Not splitlines: a text may hold other line separators, raw.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UdasaError(f"{path} cannot be read: {reason(error)}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(_labelled(parse_json(line)))
            except (ValueError, TypeError) as error:
                raise UdasaError(
                    f"{path}, line {number}: {error}; a row is "
                    '{"prompt": text, "responses": [text, …], "labels": [true, false, …]}'
                ) from error
    if len({row.prompt for row in found}) != len(found):
        raise UdasaError(f"{path}: two rows have one prompt; join their responses and labels in one row")
    if len({row.id for row in found}) != len(found):
        raise UdasaError(f"{path}: two rows have one id; make ids unique, or leave them out")
    if not found:
        raise UdasaError(f"{path} holds no row")
    return tuple(found)


def _labelled(row: Any) -> Labelled:
    if not isinstance(row, dict):
        raise ValueError("it is no JSON object")
    prompt, responses, labels = row.get("prompt"), row.get("responses"), row.get("labels")
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError("prompt is no text")
    if not isinstance(responses, list) or not all(isinstance(response, str) for response in responses):
        raise ValueError("responses is no list of texts")
    if len(responses) < 2:
        raise ValueError("it has fewer than 2 responses")
    if not isinstance(labels, list) or not all(label in (0, 1) for label in labels):
        raise ValueError("labels is no list of true and false")
    if len(labels) != len(responses):
        raise ValueError(f"it has {len(labels)} labels for {len(responses)} responses")
    if both := set(_said(responses, labels, 1)) & set(_said(responses, labels, 0)):
        raise ValueError(f"{min(both)!r} is labelled both right and wrong")
    identity = content_key(prompt) if row.get("id") is None else str(row["id"])
    return Labelled(identity, prompt, tuple(responses), tuple(map(bool, labels)))


def _said(responses: Sequence[str], labels: Sequence[int], label: int) -> list[str]:
    return [response for response, given in zip(responses, labels, strict=True) if given == label]
