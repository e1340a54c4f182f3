"""What `udasa experiment stages` measures policies on: questions, instructions, and what may be forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from udasa_eval.experiments.measuring import evenly
from udasa_eval.labelled.sets import Contrast, Question, contrasts, prompts_file, questions, questions_file

# Questions whose answers are compared with the base's, token by token, beside the open prompts.
_DIVERGED = 40


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the graded questions, and the instructions of that part.

    instructions: rows in IFEval's layout; empty: those of the suite itself, its dev part.
    """

    name: str
    questions: Sequence[Question]
    instructions: Sequence[Mapping[str, Any]] = ()

    def evenly(self, limit: int | None) -> Part:
        """Return the part with so many of its questions, taken evenly; all of them where `limit` is None."""
        return replace(self, questions=evenly(self.questions, limit))

    def suites(self, folder: Path) -> list[dict[str, Any]]:
        """Return the suites that every policy is measured by, as [[suite]] tables.

        Both parts share what is asked for drift: perplexity on the open set's good answers, and divergence
        from the base on its prompts and on some questions of dev.
        """
        texts = Path(str(files("udasa_eval") / "labelled" / "open_ended.jsonl")).resolve()
        asked: list[Question | Contrast] = [*contrasts("open_ended", "dev")]
        asked += evenly(questions("graded", "dev"), _DIVERGED)
        prompts = questions_file(folder / "prompts", asked).resolve()
        retention = {
            "use": "retention",
            "texts": f"file:{texts}",
            "texts_column": "good",
            "prompts": f"file:{prompts}",
        }
        instructions = {"use": "instructions"}
        if self.instructions:
            path = prompts_file(folder / "prompts", self.instructions).resolve()
            instructions["source"] = f"file:{path}"
        return [retention, instructions]


def dev_part() -> Part:
    """Return the part that recipes are chosen on."""
    return Part("dev", questions("graded", "dev"))
