"""Judge `recorded`: grades that were given elsewhere, by people or by another program, read from a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_core import (
    Grade,
    Plugin,
    Prompt,
    RatingRule,
    UdasaError,
    file_digest,
    hookimpl,
    parse_json,
    rating,
    write_whole,
)
from udasa_eval.judges.recorded_texts import RecordedTexts, grading_digest

if TYPE_CHECKING:
    from pathlib import Path


class RecordedJudge(Plugin):
    """One Grade a grading prompt: the recorded text, and the rating from 1 to 10 that it holds, if any.

    The file is JSONL. A row has `raw`, the judge's text, and one of

    - `prompt`: the grading prompt's text (the messages' contents, joined by an empty line), or that text's
      SHA-256 in hex. The answer is in that text, so the grade is for that very answer;
    - `id`: the grading prompt's id. Every model's answer to the question has it, at any temperature, and all
      of them get this one grade without a word: only for grading a single model's answers, once.

    A row with `seed` answers that seed alone (gradings that are repeated have one seed each), and goes before
    a row without. A prompt's own text goes before its id. A row whose `raw` is empty is no grade.

    Raises UdasaError where prompts have no grade. They are written, each with what is to be graded and an
    empty `raw`, to `grades.missing.jsonl` beside a `grades.jsonl` that is a `file:` source: fill in `raw`,
    append the rows, go on. That file is replaced each time; what was filled in and not appended stays in it.
    Raises it, too, where a row cannot be read, or says another thing
    than an earlier one.
    """

    class Options(Plugin.Options):
        """Where the grades are."""

        source: str = Field(
            description="A JSONL file (file:grades.jsonl, say; it may be empty at first): each row has raw, "
            "and prompt or id."
        )
        rating_rule: RatingRule = "agreed"

    options: Options

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the file: other judgements make other grades."""
        return file_digest(self._path)

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        """Return the recorded grade of each prompt, in order."""
        found = [self._judgements.of(prompt, seed) for prompt in prompts]
        asked = list(zip(prompts, found, strict=True))
        missing = [prompt for prompt, raw in asked if raw is None or not raw.strip()]
        if missing:
            empty = sum(raw is not None and not raw.strip() for raw in found)
            raise UdasaError(
                f"judge {self.name!r}: {len(missing)} of {len(prompts)} grading prompts have no grade in "
                f"{self._path}{_left_empty(empty)}: {self._advice(missing, seed)}"
            )
        return [Grade(rating(raw, self.options.rating_rule), raw) for raw in found if raw is not None]

    def _advice(self, missing: Sequence[Prompt], seed: int) -> str:
        """Write the prompts where a person can grade them, and return what to type."""
        row = f'rows such as {{"prompt": "{grading_digest(missing[0])}", "raw": "Rating: [[7]]"}}'
        if not self.options.source.startswith("file:"):
            return (
                f'copy it into a file of your own, write [judge] source = "file:grades.jsonl", and add {row} '
                "(once the source is such a file, they are written beside it for you to fill in)"
            )
        beside = self._path.with_name(f"{self._path.stem}.missing.jsonl")
        try:
            _write_missing(beside, self._path, missing, seed)
        except (OSError, UdasaError) as error:
            return f"add {row} ({error})"
        return (
            f'fill in "raw" in each row of {beside} (with "Rating: [[7]]", say), append those rows to '
            f"{self._path.name}, and type the command again"
        )

    @cached_property
    def _path(self) -> Path:
        path = self.resources.path(self.options.source)
        if not path.is_file():
            raise UdasaError(
                f'judge {self.name!r}: {path} is not a file; write [judge] source = "file:grades.jsonl" (it '
                "may be empty at first)"
            )
        return path

    @cached_property
    def _judgements(self) -> RecordedTexts:
        return RecordedTexts(self._path)


def _left_empty(rows: int) -> str:
    # Left there, an empty row would contradict the one that is appended.
    return f' ({rows} with a row there whose "raw" is empty, to be deleted)' if rows else ""


def _write_missing(path: Path, grades: Path, missing: Sequence[Prompt], seed: int) -> None:
    """Write a row a prompt; what a person filled in and forgot to append stays."""
    earlier = RecordedTexts(path) if path.is_file() else None
    rows = {
        grading_digest(prompt): {
            "prompt": grading_digest(prompt),
            # Not `id`: a row has one key.
            "prompt_id": prompt.id,
            "messages": [asdict(message) for message in prompt.messages],
            "raw": (earlier.of(prompt, seed) or "") if earlier else "",
        }
        for prompt in missing
    }
    # Filled in for another model or suite, and not yet among the grades: hours of somebody's work.
    appended = grades.read_text(encoding="utf-8-sig")
    for line in path.read_text(encoding="utf-8-sig").splitlines() if earlier else ():
        row = parse_json(line) if line.strip() else {"raw": ""}
        if row["raw"].strip() and row.get("prompt", "") not in appended:
            rows.setdefault(str(row["prompt"]), row)
    write_whole(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows.values()))
