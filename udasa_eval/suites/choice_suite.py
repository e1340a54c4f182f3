"""What suites share that ask how likely a model finds each of a question's choices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from udasa_core import CausalLM, ModelRef, Plugin, Resamples, SuiteReport, file_digest, hookimpl
from udasa_eval.choices.answer_tokens import AnswerTokens, TokenRule
from udasa_eval.choices.choice_likelihood import Choosing, Likelihoods, choice_likelihoods, cut_questions
from udasa_eval.truthfulqa.prompt import after_six_questions


class ChoiceOptions(Plugin.Options):
    """How the choices of a question that stands behind six others become tokens."""

    token_rule: TokenRule = Field(
        default="own",
        description="Which of a choice's tokens are scored. own: its own. lm-eval: as lm-evaluation-harness "
        "cuts them, for figures that are compared with the harness's; with a tokenizer that appends an end "
        "token to every text, the end token is scored in place of a choice's first.",
    )


class ChoiceSuite(Plugin):
    """A suite over a file of questions with choices, by the options `source` and `limit`.

    A subclass says where the questions are, what a row is, and which columns of the rows are figures. A
    question and its choices stand behind TruthfulQA's six answered questions, by the option `token_rule`
    (`ChoiceOptions`), unless `put` says otherwise.
    """

    # The suite's figures: a metric's name → the column of the rows whose mean it is.
    figures: ClassVar[Mapping[str, str]]
    options: Any

    @abstractmethod
    def file(self, path: Path) -> Path:
        """Return the file of questions that a source's path is, or holds."""

    @abstractmethod
    def read(self, file: Path) -> Sequence[Choosing]:
        """Return the questions that are asked."""

    @abstractmethod
    def row(self, question: Any, found: Likelihoods) -> dict[str, Any]:
        """Return a question's row, given how likely its choices are."""

    def put(self, lm: CausalLM, question: str, choices: Sequence[str]) -> list[AnswerTokens]:
        """Return each choice as the model is shown it, after its question."""
        return after_six_questions(lm, question, choices, self.options.token_rule)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the file: other questions make another report."""
        return file_digest(self._file)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Measure one model; `seed` draws the bootstrap."""
        questions = self.read(self._file)
        found = choice_likelihoods(questions, self.put, policy, self.resources, self.name)
        rows = [
            self.row(question, of_question) for question, of_question in zip(questions, found, strict=True)
        ]
        resamples = Resamples.draw(len(rows), seed)
        metrics = [
            resamples.mean(name, np.array([row[column] for row in rows]))
            for name, column in self.figures.items()
        ]
        return SuiteReport(self.name, policy, (*metrics, *cut_questions(found)), tuple(rows))

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return the questions."""
        return [asked.question for asked in self.read(self._file)]

    @property
    def _file(self) -> Path:
        return self.file(self.resources.data(self.options.source))
