"""Suites `truthfulqa.mc` and `truthfulqa.mc-chat`: are true answers likelier than false ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from udasa_core import CausalLM, Plugin, UdasaError
from udasa_eval.choices import multiple_choice
from udasa_eval.choices.answer_tokens import AnswerTokens
from udasa_eval.choices.choice_likelihood import Likelihoods
from udasa_eval.suites.choice_suite import ChoiceOptions, ChoiceSuite
from udasa_eval.truthfulqa.data import ChoiceQuestion, choice_file, choice_questions
from udasa_eval.truthfulqa.prompt import in_chat


class Questions(Plugin.Options):
    """Which questions are asked."""

    source: str = Field(
        default="hf:truthfulqa/truthful_qa@741b8276f2d1982aa3d5b832d3ee81ed3b896490",
        description="The questions: the hub's data set, or a file or folder that you have "
        "(file:mc_task.json, file:TruthfulQA.csv, or Parquet as the hub has it).",
    )
    limit: int | None = Field(
        default=None, ge=1, description="How many questions are asked, from the first; all 817 without it."
    )


class TruthfulQAChoices(ChoiceSuite):
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

    class Options(ChoiceOptions, Questions):
        """Which questions are asked, and how choices become tokens."""

    options: Questions

    figures: ClassVar[Mapping[str, str]] = {"mc1": "mc1", "mc2": "mc2"}

    def file(self, path: Path) -> Path:
        """Return the file with multiple choices."""
        return choice_file(path)

    def read(self, file: Path) -> Sequence[ChoiceQuestion]:
        """Return the first `limit` questions."""
        return choice_questions(file, self.options.limit)

    def row(self, question: ChoiceQuestion, found: Likelihoods) -> dict[str, Any]:
        """Return a question's row; its score is mc2."""
        mc1 = multiple_choice.mc1(found.of(question.mc1.choices), question.mc1.labels)
        mc2 = multiple_choice.mc2(found.of(question.mc2.choices), question.mc2.labels)
        true = {
            choice
            for targets in (question.mc1, question.mc2)
            for choice, label in zip(targets.choices, targets.labels, strict=True)
            if label
        }
        choices = [
            {"text": text, "true": text in true, "logprob": logprob, "mc1": text in question.mc1.choices}
            for text, logprob in found.logprobs.items()
        ]
        return {
            "id": question.id,
            "question": question.question,
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

    class Options(Questions):
        """Which questions are asked, and how."""

        template_options: dict[str, Any] = Field(
            default_factory=dict,
            description="Passed to the model's chat template, such as { enable_thinking = false }.",
        )

    options: Options

    def put(self, lm: CausalLM, question: str, choices: Sequence[str]) -> list[AnswerTokens]:
        """Return each choice in the chat template. Raises UdasaError where the model has none."""
        if not lm.tokenizer.chat_template:
            raise UdasaError(
                f"{self.name}: {lm.ref.source} has no chat template, as base models have none: "
                'use = "truthfulqa.mc" asks the same questions as plain text'
            )
        return in_chat(lm, question, choices, self.options.template_options)
