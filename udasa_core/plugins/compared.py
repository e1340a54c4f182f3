"""What a dimension that compares responses is told, and where it has nothing to compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import Field

from udasa_core.plugins.base import Options
from udasa_core.records import Abstain, Column, Group, Score
from udasa_core.text.final_answer import answer_share, final_answer

# A prompt whose responses are less than this of an answer is not answered: it is written about.
_LEAST_SHARE = 0.5
NO_ANSWER = Abstain(
    "the responses give no short answer that could be compared; name a dimension that reads whole texts "
    "(value.reward, value.principles with a larger [reader], semantic.degree with an [entailment] model)"
)


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
        texts = [response.text for response in group.heard]
        if self.on == "text":
            return texts
        question = group.prompt.messages[-1].content
        return [final_answer(text, question) or text for text in texts]
