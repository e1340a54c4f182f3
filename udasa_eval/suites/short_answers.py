"""Suite `short-answers`: short questions with known answers, several responses each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from udasa_core import (
    Group,
    Message,
    ModelRef,
    Plugin,
    Prompt,
    Resamples,
    SamplingOptions,
    SuiteReport,
    answer_to,
    hookimpl,
)
from udasa_eval.inputs.evenly import evenly
from udasa_eval.labelled.sets import Question, questions
from udasa_eval.refusals.detector import is_refusal
from udasa_eval.statistics.columns import column, measured
from udasa_eval.suites.unasked import not_asked, refuse_silence

_FIGURES = ("accuracy", "any_of_k", "majority", "single_cluster", "truncated", "refusals")


class ShortAnswers(Plugin):
    """Suite `short-answers`: udasa's own short questions, K responses each, graded by rules for English.

    Metrics, means over questions with intervals by question:

    - accuracy: the share of right responses. any_of_k: whether any of the K is right: it falls where a policy
      collapses onto fewer answers, whatever accuracy does. majority: whether the answer that most give is
      right; of two that are given alike, the one that was given first.
    - single_cluster: whether all K give one answer.
    - truncated, refusals: shares of responses.
    - not_asked: the share of questions that the generator did not take, where there are any.

    Rows: one a question, with each figure, the responses, which of them are right, and the reference answers;
    score is its accuracy. The part test is for reporting once: watch training on dev. The questions are
    public (see the labelled sets in docs/experiments.md), so that a model may have seen them.
    """

    class Options(Plugin.Options):
        """Which questions, and how they are answered."""

        set: Literal["factual", "yes_no", "graded"] = Field(
            default="factual",
            description="Short facts, questions for yes or no, or both and made tasks, of graded difficulty.",
        )
        part: Literal["train", "dev", "test"] = Field(
            default="dev", description="Its part; graded has no test here, for that is sealed."
        )
        limit: int | None = Field(
            default=None, ge=1, description="So many questions, taken evenly; left out: all."
        )
        responses: int = Field(default=8, ge=1, description="Responses a question (K).")
        temperature: float = Field(default=0.7, gt=0.0, description="The temperature of sampling.")
        max_new_tokens: int = Field(default=40, ge=1, description="The longest response, in tokens.")

        @model_validator(mode="after")
        def _part_is_there(self) -> Self:
            if self.set == "graded" and self.part == "test":
                raise ValueError(
                    'the set "graded" is measured on its parts "train" and "dev"; its test is sealed'
                )
            return self

    options: Options
    needs = ("generator",)

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return what is asked."""
        return [one.prompt for one in self._questions()]

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a question."""
        options = self.options
        asked = self._questions()
        prompts = [Prompt(one.id, (Message("user", one.prompt),)) for one in asked]
        sampling = SamplingOptions(options.responses, options.temperature, options.max_new_tokens)
        groups = self.resources.generator()(prompts, sampling, policy, seed)
        rows = [_row(one, group, seed) for one, group in zip(asked, groups, strict=True)]
        refuse_silence(self.name, groups)
        resamples = Resamples.draw(len(rows), seed)
        metrics = [resamples.mean(name, column(rows, name)) for name in _FIGURES]
        metrics += not_asked(groups, resamples)
        return SuiteReport(self.name, policy, measured(metrics), tuple(rows))

    def _questions(self) -> Sequence[Question]:
        # Sets go by domain; taken evenly, a few questions are of all of them.
        return evenly(questions(self.options.set, self.options.part), self.options.limit)


def _row(asked: Question, group: Group | None, seed: int) -> dict[str, Any]:
    told: dict[str, Any] = {"id": asked.id, "prompt": asked.question, "seed": seed}
    told["reference"] = " / ".join(asked.answers)
    if group is None:
        return {**told, "outputs": None, "right": None, "score": None, **dict.fromkeys(_FIGURES)}
    texts = [response.text for response in group.responses]
    right = [asked.is_right(text) for text in texts]
    answers = [answer_to(asked.question, text) for text in texts]
    joined = [sum(one.same_as(other) for other in answers) for one in answers]
    accuracy = sum(right) / len(right)
    return {
        **told,
        "outputs": texts,
        "right": right,
        "score": accuracy,
        "accuracy": accuracy,
        "any_of_k": float(any(right)),
        "majority": float(right[joined.index(max(joined))]),
        "single_cluster": float(min(joined) == len(joined)),
        "truncated": sum(one.finish_reason == "length" for one in group.responses) / len(texts),
        "refusals": sum(map(is_refusal, texts)) / len(texts),
    }
