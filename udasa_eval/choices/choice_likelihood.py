"""How likely a model finds each choice of many questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from udasa_core import CausalLM, Metric, ModelRef, Resources
from udasa_eval.choices.answer_likelihood import AnswerLikelihood
from udasa_eval.choices.answer_tokens import AnswerTokens


class Choosing(Protocol):
    """A question with distinct choices."""

    @property
    def question(self) -> str:
        """What is asked."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers to choose from."""


# Puts a question's choices to a model: one answer a choice.
Form = Callable[[CausalLM, str, Sequence[str]], Sequence[AnswerTokens]]


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """A question's choices with their summed log-probabilities in nats.

    cut: how many of them were longer than the model's context, so that their context lost its beginning.
    """

    logprobs: Mapping[str, float]
    cut: int

    def of(self, choices: Sequence[str]) -> list[float]:
        """Return the log-probabilities of some of the choices, in their order."""
        return [self.logprobs[choice] for choice in choices]


def choice_likelihoods(
    questions: Sequence[Choosing], form: Form, policy: ModelRef, resources: Resources, name: str
) -> list[Likelihoods]:
    """Return each question's likelihoods under `policy`; progress is told under `name`.

    Raises UdasaError where a choice alone is longer than the model's context.
    """
    lm = resources.causal_lm(policy)
    length = lm.context_length
    put = [form(lm, question.question, question.choices) for question in questions]
    asked = [answer for some in put for answer in some]
    with resources.progress(name, len(asked)) as advance:
        sums = iter(AnswerLikelihood(lm.model).sums(asked, length, advance))
    return [
        Likelihoods(
            {choice: next(sums) for choice in question.choices},
            sum(answer.read > length for answer in answers),
        )
        for question, answers in zip(questions, put, strict=True)
    ]


def cut_questions(found: Sequence[Likelihoods]) -> tuple[Metric, ...]:
    """Return the count of questions that the model could not read whole; nothing where it could read all."""
    count = float(sum(likelihoods.cut > 0 for likelihoods in found))
    return (Metric("cut_questions", count, count, count, len(found)),) if count else ()
