"""A model's answers to MT-Bench: two turns, each category at its temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from udasa_core import Generator, Group, Message, ModelRef, Prompt, SamplingOptions
from udasa_eval.mt_bench.data import BenchQuestion

TURNS = (1, 2)


@dataclass(frozen=True, slots=True)
class BenchAnswers:
    """A model's answers to one question, up to the first turn that the generator did not take.

    truncated: for each answer whether the token budget cut it off.
    """

    question: BenchQuestion
    texts: tuple[str, ...]
    truncated: tuple[bool, ...]

    def has(self, turn: int) -> bool:
        """Whether a turn, 1 or 2, was answered."""
        return turn <= len(self.texts)


def sample_answers(
    questions: Sequence[BenchQuestion],
    generator: Generator,
    policy: ModelRef,
    seed: int,
    max_new_tokens: int,
) -> list[BenchAnswers]:
    """Sample both turns of every question, in order; the second sees the first and its answer.

    The generator renders the turns by the model's own chat template, whatever the model is called. A
    question whose turn the generator does not take (a long first answer may leave no room for the second)
    has no answer from there on.
    """
    first = _turn(questions, {}, generator, policy, seed, max_new_tokens)
    second = _turn(
        [question for question in questions if question.id in first],
        first,
        generator,
        policy,
        seed,
        max_new_tokens,
    )
    found = []
    for question in questions:
        groups = [turn[question.id] for turn in (first, second) if question.id in turn]
        responses = [group.responses[0] for group in groups]
        cut = tuple(response.finish_reason == "length" for response in responses)
        found.append(BenchAnswers(question, tuple(response.text for response in responses), cut))
    return found


def given_answers(
    questions: Sequence[BenchQuestion], answers: Mapping[str, tuple[str, str]]
) -> list[BenchAnswers]:
    """Return answers that lie in a file, in the questions' order; a question that it lacks has none."""
    return [
        BenchAnswers(question, answers.get(question.id, ()), (False,) * len(answers.get(question.id, ())))
        for question in questions
    ]


def _turn(
    questions: Sequence[BenchQuestion],
    before: Mapping[str, Group],
    generator: Generator,
    policy: ModelRef,
    seed: int,
    max_new_tokens: int,
) -> dict[str, Group]:
    """Sample one turn of each question: the second where `before` has the first's."""
    found = {}
    for temperature in sorted({question.temperature for question in questions}):
        asked = [question for question in questions if question.temperature == temperature]
        prompts = [_prompt(question, before.get(question.id)) for question in asked]
        sampling = SamplingOptions(1, temperature, max_new_tokens)
        for question, group in zip(asked, generator(prompts, sampling, policy, seed), strict=True):
            if group is not None:
                found[question.id] = group
    return found


def _prompt(question: BenchQuestion, before: Group | None) -> Prompt:
    opening = Message("user", question.turns[0])
    if before is None:
        return Prompt(f"{question.id}/1", (opening,))
    answer = Message("assistant", before.responses[0].text)
    return Prompt(f"{question.id}/2", (opening, answer, Message("user", question.turns[1])))
