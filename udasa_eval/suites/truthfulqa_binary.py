"""Suite `truthfulqa.binary`: does a model find the best answer likelier than the best incorrect one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from udasa_eval.choices.choice_likelihood import Likelihoods
from udasa_eval.choices.multiple_choice import mc1
from udasa_eval.suites.choice_suite import ChoiceOptions, ChoiceSuite
from udasa_eval.truthfulqa.data import BinaryQuestion, binary_file, binary_questions


class TruthfulQABinary(ChoiceSuite):
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

    class Options(ChoiceOptions):
        """Which questions are asked."""

        source: str = Field(
            description="The authors' TruthfulQA.csv as updated in January 2025, with the columns "
            '"Best Answer" and "Best Incorrect Answer" (file:TruthfulQA.csv, say), or its folder.',
        )
        limit: int | None = Field(
            default=None, ge=1, description="How many questions are asked, from the first; all without it."
        )

    options: Options

    figures: ClassVar[Mapping[str, str]] = {"accuracy": "score"}

    def file(self, path: Path) -> Path:
        """Return TruthfulQA.csv."""
        return binary_file(path)

    def read(self, file: Path) -> Sequence[BinaryQuestion]:
        """Return the first `limit` questions."""
        return binary_questions(file, self.options.limit)

    def row(self, question: BinaryQuestion, found: Likelihoods) -> dict[str, Any]:
        """Return a question's row; its score is 1 where the best answer is likelier."""
        best, best_incorrect = found.of(question.choices)
        return {
            "id": question.id,
            "question": question.question,
            "score": mc1((best, best_incorrect), (1, 0)),
            "best": question.best,
            "best_logprob": best,
            "best_incorrect": question.best_incorrect,
            "best_incorrect_logprob": best_incorrect,
            "cut": found.cut,
        }
