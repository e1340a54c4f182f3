"""Judges' texts in a file, found by what was to be graded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udasa_core import Prompt, UdasaError, parse_json

_ADVICE = "each row has `raw` (the judge's text), and `id` or `prompt` (a text, or its SHA-256)"
_SHA256 = re.compile(r"[0-9a-f]{64}")
# How a prompt is named (by its digest or its id) and for which seed, None for any.
_Key = tuple[str, str, int | None]


def grading_text(prompt: Prompt) -> str:
    """Return a grading prompt as one text: its messages' contents, joined by an empty line."""
    return "\n\n".join(message.content for message in prompt.messages)


def grading_digest(prompt: Prompt) -> str:
    """Return the SHA-256 of a grading prompt's text, as hex: a row may name it so. It holds the answer, so a
    grade that is found by it is for that very answer; an id would serve every model's answer alike."""
    return _digest(grading_text(prompt))


class RecordedTexts:
    """The judges' texts of a JSONL file, held in memory.

    Raises UdasaError, with file and line, at the first row that cannot be read, or that gives a prompt
    another text than an earlier row.
    """

    def __init__(self, path: Path) -> None:
        self._raw: dict[_Key, tuple[str, int]] = {}
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    key, raw = _read(parse_json(line.decode("utf-8-sig")))
                except (TypeError, ValueError) as error:
                    raise UdasaError(f"{path}, line {number}: {error}; {_ADVICE}") from error
                earlier, at = self._raw.setdefault(key, (raw, number))
                if earlier != raw:
                    raise UdasaError(
                        f"{path}, line {number}: the same prompt has another judgement in line {at}; give "
                        "each row the `seed` that it belongs to, or leave one out"
                    )

    def of(self, prompt: Prompt, seed: int) -> str | None:
        """Return the text recorded for a grading prompt and a seed, None where there is none."""
        names = (("prompt", grading_digest(prompt)), ("id", prompt.id))
        for kind, name in names:
            for asked in (seed, None):
                found = self._raw.get((kind, name, asked))
                if found is not None:
                    return found[0]
        return None


def _read(row: Any) -> tuple[_Key, str]:
    """Return a row's key and text. Raises ValueError or TypeError saying what is wrong."""
    if not isinstance(row, Mapping):
        raise TypeError("the row is not an object")
    identity, prompt, raw, seed = (row.get(name) for name in ("id", "prompt", "raw", "seed"))
    if not isinstance(raw, str):
        raise TypeError("`raw` is missing, or is not text")
    if (identity is None) == (prompt is None):
        raise ValueError("it has neither `id` nor `prompt`, or both")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise TypeError("`seed` is not a whole number")
    given = identity if prompt is None else prompt
    if not isinstance(given, str):
        raise TypeError("`id` or `prompt` is not text")
    for text in (raw, given):
        text.encode()  # half a surrogate pair is no text; UnicodeEncodeError is a ValueError
    if prompt is None:
        return ("id", given, seed), raw
    return ("prompt", given if _SHA256.fullmatch(given) else _digest(given), seed), raw


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
