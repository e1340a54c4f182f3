"""A generator and a judge whose answers a test writes, for suites without a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.canned import response
from tests.fakes import FakeResources
from tests.plugins.classifiers import PlannedClassifier
from udasa_core import Grade, Group, Message, ModelRef, Prompt, SamplingOptions

Says = Callable[[str, ModelRef, int], str | None]
Grades = Callable[[str], str]


@dataclass(frozen=True)
class AnsweringJudge:
    """A judge that does not say what its model is."""

    grade: Callable[..., list[Grade]]
    model: str = ""

    def __call__(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        return self.grade(prompts, seed)


class AnsweringResources(FakeResources):
    """Resources with a planned generator, judge and classifiers; what they were asked is kept.

    says: what response k to the last message is, None where the prompt is not taken. Tokens are bytes.
    """

    def __init__(
        self,
        base: ModelRef,
        says: Says,
        grades: Grades | None = None,
        classifiers: Mapping[str, PlannedClassifier] | None = None,
    ) -> None:
        super().__init__(base)
        self.says = says
        self.grades = grades
        self.classifiers = dict(classifiers or {})
        self.asked_of: list[tuple[str, SamplingOptions, int]] = []
        self.prompts: list[Prompt] = []
        self.judged: list[str] = []

    def generator(self) -> Callable[..., list[Group | None]]:
        return self._generate

    def judge(self) -> AnsweringJudge:
        return AnsweringJudge(self._grade)

    def classifier(self, source: str) -> PlannedClassifier:
        return self.classifiers[source]

    def data(self, source: str) -> Path:
        return Path(source.removeprefix("file:"))

    def _generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group | None]:
        self.asked_of.append((policy.key, sampling, seed))
        self.prompts.extend(prompts)
        return [self._group(prompt, sampling, policy) for prompt in prompts]

    def _group(self, prompt: Prompt, sampling: SamplingOptions, policy: ModelRef) -> Group | None:
        content = prompt.messages[-1].content
        texts = [self.says(content, policy, k) for k in range(sampling.responses)]
        said = tuple(response(text) for text in texts if text is not None)
        return Group(prompt, tuple(content.encode()), said, policy.key) if said else None

    def _grade(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        assert self.grades is not None
        contents = [prompt.messages[-1].content for prompt in prompts]
        self.judged.extend(contents)
        return [Grade(None, self.grades(content)) for content in contents]


def said(content: str) -> Message:
    return Message("user", content)
