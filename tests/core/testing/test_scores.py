"""What the kit asks of dimensions, calibrations and aggregations."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.core.testing.plain import Plugin, scoring
from udasa_core import (
    Abstain,
    Column,
    Group,
    hookimpl,
)
from udasa_core.errors import PluginError
from udasa_core.testing import (
    check_aggregation,
    check_calibration,
    check_dimension,
)


def _by_company(_: Any, groups: Sequence[Group], g: int, k: int) -> float:
    return 0.1 if len(groups) > 1 else 0.9


def _undeclared(self: Any, groups: Sequence[Group], g: int, k: int) -> float:
    return float(self.resources.embedder().embed(["a"])[0, 0])


@pytest.mark.parametrize(
    ("score", "told"),
    [
        (lambda *_: None, "None"),
        (lambda *_: float("nan"), "NaN"),
        (lambda *_: 1.5, "1.5"),
        (lambda *_: True, "True"),
        (lambda *_: 1 / 0, "ZeroDivisionError"),
        (lambda *_: random.random(), "differently the second time"),
        (lambda _, groups, g, k: g / len(groups), "order of the prompts"),
        (_by_company, "depend on the other prompts"),
        (_undeclared, "without declaring it"),
    ],
)
def test_a_dimension_that_breaks_the_contract_is_told_how(score: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_dimension(scoring(score))


def test_a_dimension_may_abstain_and_use_what_it_declares() -> None:
    class Embedding(Plugin):
        needs = ("embedder",)

        @hookimpl
        def udasa_score(self, groups: Sequence[Group]) -> Column:
            embedder = self.resources.embedder()
            rows = [
                tuple(
                    Abstain("empty")
                    if not one.text
                    else float(np.clip(embedder.embed([one.text])[0].max(), 0, 1))
                    for one in group.responses
                )
                for group in groups
            ]
            return Column(self.name, tuple(rows))

    column = check_dimension(Embedding)
    assert any(isinstance(score, Abstain) for scores in column.scores for score in scores)


def calibrating(
    calibrate: Callable[[Any, Any], Any], fit: Callable[[Any], Any] = lambda raw: {}
) -> type[Plugin]:
    class Planted(Plugin):
        @hookimpl
        def udasa_fit(self, raw: Any) -> Any:
            return fit(raw)

        @hookimpl
        def udasa_calibrate(self, raw: Any, state: Any) -> Any:
            return calibrate(raw, state)

    return Planted


def _in_place(raw: Any, state: Any) -> Any:
    raw *= 0.5
    return raw


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (calibrating(lambda raw, state: 1 - raw), "reverses the order"),
        (calibrating(lambda raw, state: raw * 2), "lies in"),
        (calibrating(lambda raw, state: raw[1:]), "values"),
        (calibrating(lambda raw, state: raw / max(raw.max(initial=0), 1e-9)), "other company"),
        (calibrating(_in_place), "read-only"),
        (calibrating(lambda raw, state: raw, lambda raw: {"mean": [raw.mean()]}), "not finite"),
        (calibrating(lambda raw, state: raw, lambda raw: [1.0]), "mapping"),
        (calibrating(lambda raw, state: raw, lambda raw: {"x": [random.random()]}), "the second time"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_calibration_that_breaks_the_contract_is_told_how(factory: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_calibration(factory)


def aggregating(aggregate: Callable[[Any, Any], Any]) -> type[Plugin]:
    class Planted(Plugin):
        @hookimpl
        def udasa_aggregate(self, columns: Any, weights: Any) -> Any:
            return aggregate(columns, weights)

    return Planted


def _first_heard(columns: Mapping[str, Any], weights: Mapping[str, float]) -> list[Any]:
    """U is the first dimension's word, and the second's where that abstains."""
    return [
        next((s for s in row if not isinstance(s, Abstain)), row[0])
        for row in zip(*columns.values(), strict=True)
    ]


def _highest(columns: Mapping[str, Any], weights: Mapping[str, float]) -> list[Any]:
    rows = [[s for s in row if not isinstance(s, Abstain)] for row in zip(*columns.values(), strict=True)]
    return [max(row) if row else Abstain("nobody spoke") for row in rows]


def test_a_sound_aggregation_passes() -> None:
    check_aggregation(aggregating(_highest))


@pytest.mark.parametrize(
    ("aggregate", "told"),
    [
        (lambda columns, weights: [0.5] * len(columns["one"]), "every dimension abstained"),
        (lambda columns, weights: [0.5], "was given 6"),
        (lambda columns, weights: [2.0] * len(columns["one"]), "2.0"),
        (_first_heard, "order of the dimensions"),
        (
            lambda columns, weights: [
                u if isinstance(u, Abstain) else u / len(columns["one"]) for u in _highest(columns, weights)
            ],
            "depends on the other responses",
        ),
    ],
)
def test_an_aggregation_that_breaks_the_contract_is_told_how(aggregate: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_aggregation(aggregating(aggregate))
