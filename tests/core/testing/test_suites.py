"""What the kit asks of suites and judges."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import Field

from tests.core.testing.plain import Plugin
from udasa_core import (
    Grade,
    Metric,
    ModelRef,
    Prompt,
    SuiteReport,
    hookimpl,
)
from udasa_core import (
    Options as UdasaOptions,
)
from udasa_core.errors import PluginError
from udasa_core.testing import (
    FAKE_BASE,
    check_judge,
    check_suite,
)


def measuring(
    metrics: Callable[[], tuple[Metric, ...]], rows: tuple[Mapping[str, Any], ...] = ({"item": 1},)
) -> type[Plugin]:
    class Planted(Plugin):
        @hookimpl
        def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
            return SuiteReport(self.name, policy, metrics(), rows)

    return Planted


SOUND = Metric("accuracy", 0.5, 0.4, 0.6, 10)


def test_a_sound_suite_passes() -> None:
    assert check_suite(measuring(lambda: (SOUND,)), policy=FAKE_BASE).metrics == (SOUND,)


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (measuring(lambda: (SOUND, SOUND)), "names are unique"),
        (measuring(lambda: (replace(SOUND, value=0.9),)), "outside"),
        (measuring(lambda: (replace(SOUND, n=0),)), "rests on 0"),
        (measuring(lambda: (replace(SOUND, value=float("nan")),)), "finite"),
        (measuring(lambda: (replace(SOUND, n=random.randrange(1, 10**9)),)), "the second time"),
        (measuring(lambda: (SOUND,), ({"score": float("nan")},)), "score is finite or None"),
        (measuring(lambda: (SOUND,), ({"other": float("nan")},)), "not plain JSON"),
        (measuring(lambda: (replace(SOUND, error=float("nan")),)), "finite"),
        (measuring(lambda: (SOUND,), ({"pair": (1, 2)},)), "survive JSON"),
    ],
)
def test_a_suite_that_breaks_the_contract_is_told_how(factory: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_suite(factory, policy=FAKE_BASE)


class Limited(Plugin):
    """Measures one item a question; what `limited` says and what is asked are as planned."""

    class Options(UdasaOptions):
        """How many it has, how many may be asked, and how `limited` goes wrong."""

        has: int = Field(default=6, description="Questions.")
        limit: int = Field(default=0, description="How many are asked.")
        answer: dict[str, int] | None = Field(default=None, description="What `limited` answers.")
        deaf: bool = Field(default=False, description="Whether the limit is not heeded.")
        fewest: int = Field(default=1, description="How many it can do with.")

        def limited(self, items: int) -> Mapping[str, int]:
            return super().limited(items) if self.answer is None else self.answer

    def __init__(self, options: Any, name: str, resources: Any) -> None:
        super().__init__(options, name, resources)
        self.options = options

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        options = self.options
        asked = min(options.has, options.limit or options.has) if not options.deaf else options.has
        if asked < options.fewest:
            raise ValueError("too few")
        rows = tuple({"item": number} for number in range(asked))
        return SuiteReport(self.name, policy, (replace(SOUND, n=asked),), rows)


@pytest.mark.parametrize("options", [{}, {"answer": {}}, {"has": 1}, {"limit": 1}, {"limit": 2}])
def test_a_suite_that_can_be_limited_passes_and_its_own_report_is_whole(options: dict[str, Any]) -> None:
    report = check_suite(Limited, options, policy=FAKE_BASE)
    assert report.metrics[0].n == len(report.rows) == options.get("limit", options.get("has", 6))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"answer": {"most": 1}}, "broke the contract of limited"),
        ({"answer": {"limit": 0}}, "broke the contract of limited"),
        ({"deaf": True}, "held to 1 question by limit = 1, it reports on as many rows, 6"),
        ({"fewest": 3}, "held to 1 question by limit = 1: .*ValueError: too few"),
    ],
)
def test_a_limit_that_does_not_hold_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_suite(Limited, options, policy=FAKE_BASE)


def judging(grade: Callable[[Prompt], Any]) -> type[Plugin]:
    class Planted(Plugin):
        @hookimpl
        def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
            return [one for one in map(grade, prompts) if one]

    return Planted


def test_a_sound_judge_may_fail_to_parse() -> None:
    unparsed = judging(lambda prompt: Grade(None, "") if prompt.id == "emoji" else Grade(7.0, "[[7]]"))
    grades = check_judge(unparsed)
    assert [grade.grade for grade in grades].count(None) == 1


@pytest.mark.parametrize(
    ("grade", "told"),
    [
        (lambda prompt: Grade(7.0, ""), "without its raw text"),
        (lambda prompt: None, "0 grades"),
        (lambda prompt: 7.0, "it returns Grades"),
        (lambda prompt: Grade(random.random(), "?"), "the second time"),
    ],
)
def test_a_judge_that_breaks_the_contract_is_told_how(grade: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_judge(judging(grade))
