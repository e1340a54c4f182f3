"""Judges whose truth is planted: what each goes by is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from tests.canned import Canned, Strict
from udasa_core import Grade, Prompt, content_key, hookimpl, rating
from udasa_eval.experiments.judge_planted import RIGHT, planted

_ONE = re.compile(
    r"\[The Start of the Assistant's Response\]\n(.*)\n\[The End of the Assistant's Resp", re.DOTALL
)
_TWO = re.compile(
    r"\[The Start of Assistant A's Response\]\n(.*)\n\[The End of Assistant A's Response\]\n\n"
    r"\[The Start of Assistant B's Response\]\n(.*)\n\[The End of Assistant B's Response\]",
    re.DOTALL,
)
# What each goes by: the grade of an answer.
Liking = Callable[[str], float]
BOTH: tuple[Literal["helpful", "harmless"], ...] = ("helpful", "harmless")
_WRONG = {item.answers[RIGHT][1] for words in BOTH for item in planted(words, "dev", "")}


def fair(text: str) -> float:
    return 2 if text in _WRONG else 8


def by_length(text: str) -> float:
    return min(10, 1 + len(text) // 50)


def by_list(text: str) -> float:
    return 9 if text.startswith("- ") else 4


def by_name(text: str) -> float:
    return 9 if "Llama" in text.partition("\n")[0] else 4


class LikingJudge:
    """Grades by what it likes; of two it prefers the one that it likes better."""

    def __init__(self, liking: Liking, model: str = "") -> None:
        self.liking = liking
        self.model = model
        self.asked: list[Prompt] = []

    def __call__(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        self.asked += prompts
        raws = [self.says(prompt, seed) for prompt in prompts]
        return [Grade(rating(raw), raw) for raw in raws]

    def says(self, prompt: Prompt, seed: int) -> str:
        content = prompt.messages[-1].content
        if two := _TWO.search(content):
            a, b = map(self.liking, two.groups())
            return f"[[{'C' if a == b else 'A' if a > b else 'B'}]]"
        one = _ONE.search(content)
        assert one is not None
        return f"Rating: [[{self.liking(one[1])}]]"


class FirstJudge(LikingJudge):
    """Always prefers the first, and grades all alike."""

    def __init__(self) -> None:
        super().__init__(lambda text: 5)

    def says(self, prompt: Prompt, seed: int) -> str:
        said = super().says(prompt, seed)
        return said if "Rating" in said else "[[A]]"


class RandomJudge(LikingJudge):
    """Says anything, by a digest of what it is asked, the seed, and its salt."""

    def __init__(self, salt: int = 0) -> None:
        super().__init__(fair)
        self.salt = salt

    def says(self, prompt: Prompt, seed: int) -> str:
        drawn = int(content_key(prompt.messages[-1].content, seed, self.salt, length=6), 16)
        is_single = "Rating" in super().says(prompt, seed)
        return f"Rating: [[{1 + drawn % 10}]]" if is_single else f"[[{'ABC'[drawn % 3]}]]"


class UnreadableJudge(LikingJudge):
    """Never says a grade."""

    def says(self, prompt: Prompt, seed: int) -> str:
        return "Both are lovely."


class FirstJudgePlugin(Canned):
    """`FirstJudge` as a plugin."""

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        return FirstJudge()(prompts, seed)


class LengthJudgePlugin(Canned):
    """Goes by length; its model is named."""

    model = "hf:owner/Llama-3.1-8B-Instruct"

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        return LikingJudge(by_length)(prompts, seed)


class NamedJudgePlugin(Canned):
    """Is fair, and calls its model as it is told to."""

    class Options(Strict):
        model: str

    @property
    def model(self) -> str:
        return str(self.options.model)

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        return LikingJudge(fair)(prompts, seed)
