"""Whether stages by labels keep their bounds as often as they say, and what they give away for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from udasa_plugin_stages.certified import certified_ends, is_random_sample

if TYPE_CHECKING:
    from numpy import bool_, float64, int64
    from numpy.typing import NDArray

BOUNDS = (0.1, 0.2, 0.3)
RISK = 0.1


def _ends(
    truth: NDArray[bool_], places: Sequence[int] | NDArray[int64], bounds: Sequence[float], risk: float
) -> list[int]:
    labelled = np.asarray(places, dtype=np.int64)
    return certified_ends(labelled, truth[labelled], len(truth), bounds, risk)


def _is_broken(truth: NDArray[bool_], ends: Sequence[int], bounds: Sequence[float]) -> bool:
    return any(
        end > start and truth[start:end].mean() > bound + 1e-9
        for start, end, bound in zip([0, *ends], ends, bounds, strict=False)
    )


def test_an_end_passes_where_as_few_inverted_labels_would_be_as_improbable_as_the_level() -> None:
    # A share above 0.3 of 1 … 10 pairs is at least 1, 1, 1, 2, 2, 2, 3, 3, 3, 4 of them; labelled are then
    # 1, 2, 3, 4, 4, 4, 5, 6, 7, 7. P(none seen) is 0 but for the first six: C(4, 4)/C(6, 4) = 1/15.
    truth = np.zeros(10, dtype=bool)
    places = [0, 1, 2, 3, 6, 7, 8]
    assert _ends(truth, places, [0.3], 0.066) == [5]
    assert _ends(truth, places, [0.3], 0.067) == [10]
    # One is seen, the seventh: P(at most one) = C(3, 1) C(4, 4)/C(7, 5) = 3/21; of eight 3/28, nine 3/36.
    truth[6] = True
    assert _ends(truth, places, [0.3], 0.142) == [6]
    assert _ends(truth, places, [0.3], 0.143) == [10]


def test_a_stage_that_cannot_be_certified_is_empty_and_the_next_begins_where_it_would() -> None:
    # With 30 labels of 3,000, P(none of 30) under a share of 0.1 is 0.9³⁰ = 0.042 > 0.025; of 0.2, 0.001.
    truth = np.zeros(3000, dtype=bool)
    places = np.arange(50, 3000, 100)
    first, second, third = _ends(truth, places, BOUNDS, RISK)
    assert (first, second) == (0, 3000)
    assert third == second
    assert _ends(truth, [], BOUNDS, RISK) == [0, 0, 0]
    assert certified_ends(np.array([], dtype=np.int64), np.array([], dtype=bool), 0, BOUNDS, RISK) == [0] * 3


@pytest.mark.parametrize("bounds", [(0.3,), (0.2, 0.4)])
def test_over_every_sample_the_bounds_are_broken_no_more_often_than_they_may_be(
    bounds: tuple[float, ...],
) -> None:
    """No simulation: all 56 samples of five pairs out of eight, for planted truths."""
    samples = list(combinations(range(8), 5))
    draw, risk = np.random.default_rng(3), 0.15 * len(bounds)
    worst = 0.0
    for number in range(12):
        truth = draw.random(8) < (0.3 if number % 2 else np.linspace(0.0, 0.8, 8))
        broken = [_is_broken(truth, _ends(truth, sample, bounds, risk), bounds) for sample in samples]
        worst = max(worst, float(np.mean(broken)))
    assert worst <= risk
    assert worst > 0.0  # it would show, if there were more


def _oracle(truth: NDArray[bool_], bounds: Sequence[float]) -> list[int]:
    """Each stage as long as its bound allows, by the truth."""
    ends, start = [], 0
    for bound in bounds:
        shares = np.cumsum(truth[start:]) / np.arange(1, len(truth) - start + 1)
        within = np.flatnonzero(shares <= bound + 1e-9)
        start += int(within[-1]) + 1 if len(within) else 0
        ends.append(start)
    return ends


def simulated(
    chance: Callable[[NDArray[float64]], NDArray[float64]],
    bounds: Sequence[float],
    labels: int = 200,
    pairs: int = 2000,
    sets: int = 200,
) -> tuple[float, float]:
    """Return how often bounds are broken, and the share of the oracle's pairs that is kept."""
    draw = np.random.default_rng(11)
    broken, kept, possible = 0, 0, 0
    for _ in range(sets):
        truth = draw.random(pairs) < chance((np.arange(pairs) + 0.5) / pairs)
        places = np.sort(draw.choice(pairs, labels, replace=False))
        ends = _ends(truth, places, bounds, RISK)
        broken += _is_broken(truth, ends, bounds)
        kept, possible = kept + ends[-1], possible + _oracle(truth, bounds)[-1]
    return broken / sets, kept / possible


# By rank in [0, 1], the clearest first: the chance that a pair is inverted.
PLANTED: dict[str, Callable[[NDArray[float64]], NDArray[float64]]] = {
    "bent": lambda rank: 0.03 + 0.45 * rank**1.5,
    "stepped": lambda rank: 0.6 / (1 + np.exp(-10 * (rank - 0.6))),
    "straight": lambda rank: 0.02 + 0.5 * rank,
    "shallow": lambda rank: 0.1 + 0.25 * rank,
    "late": lambda rank: 0.08 + 0.5 * rank**4,
}


@pytest.mark.parametrize("planted", PLANTED)
def test_bounds_hold_in_nine_of_ten_sets_and_most_of_what_could_be_kept_is(planted: str) -> None:
    broken, kept = simulated(PLANTED[planted], BOUNDS)
    assert broken <= 0.1
    assert kept >= 0.7


@pytest.mark.parametrize(
    ("planted", "least"),
    [("bent", 0.7), ("stepped", 0.7), ("straight", 0.55), ("shallow", 0.25), ("late", 0.7)],
)
def test_a_single_bound_keeps_what_labels_can_tell(planted: str, least: float) -> None:
    """Of "straight" and "shallow" no test could keep much more: see the next one."""
    broken, kept = simulated(PLANTED[planted], (0.2,))
    assert broken <= 0.1
    assert kept >= least


def most_kept(
    chance: Callable[[NDArray[float64]], NDArray[float64]], bound: float, labels: int = 200, pairs: int = 2000
) -> float:
    """Return the share of the oracle's pairs beyond which nothing that breaks one bound in 10% of the sets at
    most can keep, were even the curve known.

    Where a stage may end at x or beyond with a probability P, that is a test whose level is 10% under any
    curve by which all such ends break the bound. By Neyman and Pearson P is at most the power of the
    likelihood ratio against one such curve: here the planted one, so tilted up to x that its mean there is
    the bound, and no lower than the bound behind x. Labels are many more pairs' worth where they are drawn
    without replacement, and may lie evenly.
    """
    from scipy.optimize import brentq

    count, draws = round(labels / (1 - labels / pairs)), 4000
    truth = chance((np.arange(count) + 0.5) / count)
    odds, means = np.log(truth / (1 - truth)), np.cumsum(truth) / np.arange(1, count + 1)
    drawn = np.random.default_rng(1).random((draws, count))
    total = 0.0
    for ends in range(1, count + 1):
        if means[ends - 1] >= bound:
            total += RISK
            continue

        def tilted(tilt: float, upto: int = ends) -> NDArray[float64]:
            return np.asarray(1 / (1 + np.exp(-(odds[:upto] + tilt))))

        tilt = brentq(lambda tilt: float(tilted(tilt).mean()) - bound, 0.0, 20.0)
        other = np.concatenate([tilted(tilt), np.maximum(truth[ends:], bound)])
        right, wrong = np.log((1 - other) / (1 - truth)), np.log(other / truth)
        under_other, under_truth = (
            np.round(np.where(drawn < curve, wrong, right).sum(axis=1), 9) for curve in (other, truth)
        )
        # Randomised, so that the level is used up.
        cut = np.quantile(under_other, RISK, method="lower")
        at = (RISK - (under_other < cut).mean()) / (under_other == cut).mean()
        total += float((under_truth < cut).mean() + at * (under_truth == cut).mean())
    oracle = np.flatnonzero(means <= bound)[-1] + 1
    return float(total / oracle)


@pytest.mark.slow
@pytest.mark.parametrize(("planted", "most"), [("straight", 0.77), ("shallow", 0.47)])
def test_beyond_what_200_labels_can_tell_no_test_keeps_more(planted: str, most: float) -> None:
    assert simulated(PLANTED[planted], (0.2,))[1] < most_kept(PLANTED[planted], 0.2) < most


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.1, 0.2, 0.3])
def test_bounds_hold_where_all_pairs_are_as_bad_as_just_not_allowed(level: float) -> None:
    """The hardest case: scores that say nothing, and a share of inverted pairs at each of the bounds."""
    broken, _ = simulated(lambda rank: np.full_like(rank, level), BOUNDS, sets=1000)
    assert broken <= 0.1


def test_labels_of_the_clearest_pairs_alone_are_no_random_sample() -> None:
    draw = np.random.default_rng(5)
    for count, labels in ((2000, 200), (200, 50), (60, 60), (1, 1)):
        assert is_random_sample(np.sort(draw.choice(count, labels, replace=False)), count)
    assert not is_random_sample(np.arange(200), 2000)
    assert not is_random_sample(np.arange(1800, 2000), 2000)
    assert not is_random_sample(np.arange(900, 1100), 2000)
