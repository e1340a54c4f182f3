"""Suites `truthfulqa.mc` and `truthfulqa.mc-chat`: are true answers likelier than false ones?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from udasa_core import CausalLM, ModelRef, Resources, SuiteReport, UdasaError, hookimpl
from udasa_eval.choices import multiple_choice
from udasa_eval.choices.answer_tokens import AnswerTokens
from udasa_eval.choices.choice_likelihood import Likelihoods, choice_likelihoods, cut_questions
from udasa_eval.statistics.resampling import Resamples
from udasa_eval.truthfulqa.data import ChoiceQuestion, choice_file, choice_questions, file_digest
from udasa_eval.truthfulqa.prompt import after_six_questions, in_chat


class TruthfulQAChoices:
    """mc1 and mc2 of TruthfulQA by the summed log-probabilities of given answers; in [0, 1], 1 is best.

    mc1: the share of questions whose likeliest choice is the one true choice. mc2: the true choices' share of
    the probability of all, on average. Source: Lin, Hilton and Evans 2022 (arXiv 2109.07958), with prompt,
    tokenisation and formulas as in lm-evaluation-harness 0.4.13 (tasks truthfulqa_mc1 version 2.0 and
    truthfulqa_mc2 version 3.0): six answered questions, "Q: …", "A:", and a space before each choice.

    A row is a question: its id, mc1, mc2, and its choices with their log-probabilities; its score is mc2.
    Where a model's context is too short, a sequence loses its beginning, as with the harness; the metric
    `cut_questions` then counts the questions.

    Cost: forward passes over the shared prompt once, each question once, and what the choices of a question
    do not begin with in common; mc1's choices are among mc2's.
    """

    class Options(BaseModel):
        """Which questions are asked."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        source: str = Field(
            default="hf:truthfulqa/truthful_qa@741b8276f2d1982aa3d5b832d3ee81ed3b896490",
            description="The questions: the hub's data set, or a file or folder that you have "
            "(file:mc_task.json, file:TruthfulQA.csv, or Parquet as the hub has it).",
        )
        limit: int | None = Field(
            default=None, ge=1, description="Ask the first so many questions only; all 817 without it."
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
        return file_digest(choice_file(self._resources.data(self.options.source)))

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Measure one model; `seed` draws the bootstrap."""
        file = choice_file(self._resources.data(self.options.source))
        questions = choice_questions(file, self.options.limit)
        found = choice_likelihoods(questions, self._put, policy, self._resources, self.name)
        rows = [self._row(one, likelihoods) for one, likelihoods in zip(questions, found, strict=True)]
        resamples = Resamples.draw(len(rows), seed)
        figures = [resamples.mean(name, np.array([row[name] for row in rows])) for name in ("mc1", "mc2")]
        return SuiteReport(self.name, policy, (*figures, *cut_questions(found)), tuple(rows))

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return the questions."""
        file = choice_file(self._resources.data(self.options.source))
        return [one.question for one in choice_questions(file, self.options.limit)]

    def _put(self, lm: CausalLM, question: str, choices: Sequence[str]) -> list[AnswerTokens]:
        return after_six_questions(lm, question, choices)

    @staticmethod
    def _row(one: ChoiceQuestion, found: Likelihoods) -> dict[str, Any]:
        mc1 = multiple_choice.mc1(found.of(one.mc1.choices), one.mc1.labels)
        mc2 = multiple_choice.mc2(found.of(one.mc2.choices), one.mc2.labels)
        true = {
            choice
            for targets in (one.mc1, one.mc2)
            for choice, label in zip(targets.choices, targets.labels, strict=True)
            if label
        }
        choices = [
            {"text": text, "true": text in true, "logprob": logprob, "mc1": text in one.mc1.choices}
            for text, logprob in found.logprobs.items()
        ]
        return {
            "id": one.id,
            "question": one.question,
            "score": mc2,
            "mc1": mc1,
            "mc2": mc2,
            "choices": choices,
            "cut": found.cut,
        }


class TruthfulQAChatChoices(TruthfulQAChoices):
    """mc1 and mc2 as `TruthfulQAChoices` has them, each question asked alone, in the model's chat template.

    The question is the user's turn, and a choice the assistant's first words; no example goes before, and the
    token that ends a turn is not scored. These figures are not the harness's, and not comparable with those
    of the plain form. A model without a chat template is refused.
    """

    class Options(TruthfulQAChoices.Options):
        """Which questions are asked, and how."""

        template_options: dict[str, Any] = Field(
            default_factory=dict,
            description="What is passed to the model's chat template (enable_thinking = false, say).",
        )

    options: Options

    def _put(self, lm: CausalLM, question: str, choices: Sequence[str]) -> list[AnswerTokens]:
        if not lm.tokenizer.chat_template:
            raise UdasaError(
                f"{self.name}: {lm.ref.source} has no chat template, as base models have none: "
                'use = "truthfulqa.mc" asks the same questions as plain text'
            )
        return in_chat(lm, question, choices, self.options.template_options)
