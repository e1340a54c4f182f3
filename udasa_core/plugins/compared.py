"""What a dimension that compares responses is told, and where it has nothing to compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field

from udasa_core.plugins.base import Options
from udasa_core.records import Abstain, Column, Group, Score
from udasa_core.text.answer import Answer, answer_to
from udasa_core.text.final_answer import answer_share, final_answer

if TYPE_CHECKING:
    from numpy import bool_, float64
    from numpy.typing import NDArray

    from udasa_core.resources.protocols import Resources

_Kind = TypeVar("_Kind", "bool_", "float64")

# A prompt whose responses are less than this of an answer is not answered: it is written about.
_LEAST_SHARE = 0.5
# For who makes a run, and not for who reads of it: the card of a model leaves it out.
ADVICE = "; `udasa init FILE --recipe open` names what reads whole texts"
NO_ANSWER = Abstain(f"the responses give no short answer that could be compared{ADVICE}")


def is_answered(group: Group) -> bool:
    """Say whether a prompt is one that its responses answer: whether, in the mean over responses and voters,
    the final answer is at least half of the text, a marked one being all of it.

    It is asked of the prompt and not of a response, or the short responses alone would have scores.
    """
    shares = [answer_share(response.text) for response in group.heard]
    return math.fsum(shares) / len(shares) >= _LEAST_SHARE


def answered(
    name: str,
    groups: Sequence[Group],
    score: Callable[[Sequence[Group]], Iterable[tuple[Score, ...]]],
) -> Column:
    """Return a dimension's column where only final answers are compared: `score` gives the scores of each
    prompt that `is_answered`, in order; it abstains from the others."""
    speaking = [is_answered(group) for group in groups]
    scores = iter(score([group for group, speaks in zip(groups, speaking, strict=True) if speaks]))
    return Column(
        name,
        tuple(
            next(scores) if speaks else (NO_ANSWER,) * len(group.responses)
            for group, speaks in zip(groups, speaking, strict=True)
        ),
    )


class ComparedOptions(Options):
    """The options of a dimension that compares a prompt's responses: whole, or by their final answers."""

    on: Literal["text", "answer"] = Field(
        default="text",
        description="What is compared: the whole `text` of the responses, or their final `answer` without "
        "the words of the question (the whole text where a response has none). By `answer` it abstains from "
        "prompts whose responses are less than half answer.",
    )

    def column(
        self,
        name: str,
        groups: Sequence[Group],
        score: Callable[[Sequence[Group]], Iterable[tuple[Score, ...]]],
    ) -> Column:
        """Return a dimension's column, `score` giving the scores of each prompt that it does not abstain
        from."""
        if self.on == "answer":
            return answered(name, groups, score)
        return Column(name, tuple(score(groups)))

    def compared(self, group: Group) -> list[str]:
        """Return what is compared of each response of a group, in order: of its K, and then of its voters."""
        return final_answers(group) if self.on == "answer" else [response.text for response in group.heard]

    def matrices(self, resources: Resources, groups: Sequence[Group]) -> list[NDArray[float64]]:
        """Return each group's (N, N) similarities in [0, 1] of what is compared, by the run's similarity; of
        answers as `agreements` has it."""
        found = resources.similarity().matrices([self.compared(group) for group in groups])
        if self.on == "text":
            return found
        return [agreements(group, matrix) for group, matrix in zip(groups, found, strict=True)]

    def equivalences(
        self, resources: Resources, groups: Sequence[Group], cosine: float
    ) -> list[NDArray[bool_]]:
        """Return whether texts mean the same, (N, N) for each group; answers that say yes or no, if they say
        the same. cosine: without an entailment model, from which on texts do."""
        texts = [self.compared(group) for group in groups]
        found = resources.similarity().equivalences(texts, cosine)
        if self.on == "text":
            return found
        return [yes_and_no(group, matrix) for group, matrix in zip(groups, found, strict=True)]


def final_answers(group: Group) -> list[str]:
    """Return the final answers of a group's responses and voters without the question's words; the whole text
    where there is none."""
    question = group.prompt.messages[-1].content
    return [final_answer(response.text, question) or response.text for response in group.heard]


def agreements(group: Group, closeness: NDArray[float64]) -> NDArray[float64]:
    """Return the (N, N) agreements in [0, 1] of a group's responses and voters by their final answers.

    1 for one and the same answer, else `Answer.agreement`. closeness: (N, N) in [0, 1], how near the answers
    are in meaning.
    """
    return _filled(group, closeness, lambda one, other, near: one.agreement(other, near))


def same_answers(group: Group) -> NDArray[bool_]:
    """Return whether any two of a group's N responses and voters give one answer, (N, N), by their final
    answers: they are one text, or `Answer.same_as` says so."""
    import numpy as np

    unlike = np.zeros((len(group.heard), len(group.heard)), dtype=np.bool_)
    return _filled(group, unlike, lambda one, other, _: one.same_as(other))


def same_answer(question: str, one: str, other: str) -> bool:
    """Return whether two responses give one answer to a question, as `same_answers` says it of a group's."""
    first, second = (final_answer(text, question) or text for text in (one, other))
    return first == second or answer_to(question, one).same_as(answer_to(question, other))


def yes_and_no(group: Group, similarity: NDArray[_Kind]) -> NDArray[_Kind]:
    """Return an (N, N) similarity in which answers that say yes or no are alike if they say the same, and
    unlike if not; any others are as they were."""

    def settled(one: Answer, other: Answer, similar: float) -> float:
        told = one.says_as(other)
        return similar if told is None else told

    return _filled(group, similarity, settled)


def _filled(
    group: Group, similarity: NDArray[_Kind], of: Callable[[Answer, Answer, float], float]
) -> NDArray[_Kind]:
    question = group.prompt.messages[-1].content
    texts = final_answers(group)
    told = dict(zip(texts, (response.text for response in group.heard), strict=True))
    # Many responses give one answer: each is read once.
    answers = {text: answer_to(question, whole) for text, whole in told.items()}
    found = similarity.copy()
    for i, one in enumerate(texts):
        for j, other in enumerate(texts):
            found[i, j] = 1.0 if one == other else of(answers[one], answers[other], float(similarity[i, j]))
    return found
