"""How two measurements of a suite are paired: by item where the rows hold the figure, which is looked at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from udasa_core.statistics.student import student_interval
from udasa_core.steps.transition import _of_metric
from udasa_core.store.moves import Move

ITEMS = 8


def side(name: str, value: float, rows: list[dict[str, Any]], error: float | None = 0.5) -> tuple[Any, Any]:
    metric = {"name": name, "value": value, "n": len(rows), "error": error}
    return {name: metric}, rows


def moved(name: str, *sides: tuple[Any, Any]) -> Move:
    (move,) = _of_metric("suite", name, sides)
    return move


def rows(column: str, values: list[float]) -> list[dict[str, Any]]:
    return [{"id": str(number), column: value} for number, value in enumerate(values)]


@pytest.mark.parametrize("column", ["accuracy", "score"])
def test_a_column_whose_mean_is_the_figure_pairs_by_item(column: str) -> None:
    old, new = [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    # In another order: items are found by their ids.
    move = moved(
        "accuracy",
        side("accuracy", 7 / 8, rows(column, old)),
        side("accuracy", 5 / 8, rows(column, new)[::-1]),
    )
    differences = np.array(new) - np.array(old)
    assert (move.paired, move.n, move.change) == ("item", ITEMS, pytest.approx(-0.25))
    assert (move.low, move.high) == pytest.approx(student_interval(differences, 6))


def test_a_column_that_is_not_the_figure_is_not_taken_for_it() -> None:
    """The mean of these scores is another figure: only the standard errors are left."""
    sides = [side("f1", value, rows("score", [0.5] * ITEMS)) for value in (0.7, 0.8)]
    move = moved("f1", *sides)
    half = 1.96 * math.hypot(0.5, 0.5)
    assert move.paired == "standard errors"
    assert (move.low, move.high) == pytest.approx((0.1 - half, 0.1 + half), abs=1e-3)
    bare = moved("f1", *(side("f1", value, [], error=None) for value in (0.7, 0.8)))
    assert (bare.low, bare.high) == (None, None)


def test_what_a_shares_items_all_agree_on_three_in_n_may_not() -> None:
    sides = [side("accuracy", 1.0, rows("score", [1.0] * ITEMS)) for _ in range(2)]
    move = moved("accuracy", *sides)
    assert (move.low, move.high) == (-3 / ITEMS, 3 / ITEMS)


def test_a_perplexity_is_paired_by_text() -> None:
    """Texts differ far more from one another than before from after: by the jackknife's error, an oracle."""
    random = np.random.default_rng(0)
    tokens = random.integers(5, 40, 30).astype(float)
    old = random.normal(3.5, 0.8, 30)
    new = old + random.normal(0.05, 0.02, 30)

    def together(logs: np.ndarray, weights: np.ndarray) -> float:
        return float(np.exp((logs * weights).sum() / weights.sum()))

    def measured(logs: np.ndarray) -> tuple[Any, Any]:
        told = zip(rows("perplexity", list(np.exp(logs))), tokens, strict=True)
        return side("perplexity", together(logs, tokens), [{**row, "tokens": count} for row, count in told])

    move = moved("perplexity", measured(old), measured(new))
    left = [np.delete(np.arange(30), number) for number in range(30)]
    knifed = np.array([together(new[one], tokens[one]) - together(old[one], tokens[one]) for one in left])
    error = (29 / 30 * ((knifed - knifed.mean()) ** 2).sum()) ** 0.5
    assert (move.paired, move.n) == ("item", 30)
    assert move.low is not None
    assert move.high is not None
    assert (move.high - move.low) / 2 == pytest.approx(2.045 * error, rel=0.05)
    assert 0 < move.low < move.change < move.high
