"""Suite `truthfulqa.binary`: does a model find the best answer likelier than the best incorrect one?"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from udasa_core import ModelRef, Resources, SuiteReport, hookimpl
from udasa_eval.choices import multiple_choice
from udasa_eval.choices.choice_likelihood import Likelihoods, choice_likelihoods, cut_questions
from udasa_eval.statistics.resampling import Resamples
from udasa_eval.truthfulqa.data import BinaryQuestion, binary_file, binary_questions, file_digest
from udasa_eval.truthfulqa.prompt import after_six_questions


class TruthfulQABinary:
    """Accuracy between TruthfulQA's best answer and its best incorrect one, in [0, 1]; chance gives 0.5.

    A question counts where the best answer has the higher summed log-probability, after the same six
    questions as with the multiple choices. The two-choice version is what TruthfulQA's authors have
    recommended since January 2025 ("New, improved multiple-choice TruthfulQA"): the odd one out among many
    choices can be told without knowing the answer, of two it cannot. They show a model both choices; here
    each is read alone, so their order plays no part, and figures are not comparable with those of prompts
    that show both.

    A row is a question: its id, its score (1 or 0), and both log-probabilities. `cut_questions` counts those
    that a model's context was too short for. Cost: as with the multiple choices, two to a question.
    """

    class Options(BaseModel):
        """Which questions are asked."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        source: str = Field(
            description="The authors' TruthfulQA.csv as updated in January 2025, with the columns "
            '"Best Answer" and "Best Incorrect Answer" (file:TruthfulQA.csv, say), or its folder.',
        )
        limit: int | None = Field(
            default=None, ge=1, description="Ask the first so many questions only; all without it."
        )

    needs: ClassVar[tuple[str, ...]] = ()
    # A suite measures; nothing of it enters training.
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self._resources = resources

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the file: other questions make another report."""
        return file_digest(binary_file(self._resources.data(self.options.source)))

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Measure one model; `seed` draws the bootstrap."""
        file = binary_file(self._resources.data(self.options.source))
        questions = binary_questions(file, self.options.limit)
        found = choice_likelihoods(questions, after_six_questions, policy, self._resources, self.name)
        rows = [self._row(one, likelihoods) for one, likelihoods in zip(questions, found, strict=True)]
        resamples = Resamples.draw(len(rows), seed)
        accuracy = resamples.mean("accuracy", np.array([row["score"] for row in rows]))
        return SuiteReport(self.name, policy, (accuracy, *cut_questions(found)), tuple(rows))

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return the questions."""
        file = binary_file(self._resources.data(self.options.source))
        return [one.question for one in binary_questions(file, self.options.limit)]

    @staticmethod
    def _row(one: BinaryQuestion, found: Likelihoods) -> dict[str, Any]:
        logprobs = found.of(one.choices)
        return {
            "id": one.id,
            "question": one.question,
            "score": multiple_choice.mc1(logprobs, (1, 0)),
            "best": one.best,
            "best_logprob": logprobs[0],
            "best_incorrect": one.best_incorrect,
            "best_incorrect_logprob": logprobs[1],
            "cut": found.cut,
        }
