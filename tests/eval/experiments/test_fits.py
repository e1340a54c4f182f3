from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udasa_core import UdasaError
from udasa_eval.experiments.fits import fit_isotonic, fit_platt, fit_weights


def test_isotonic_pools_violators_by_hand() -> None:
    # .1 right, .2 wrong, .3 right: the last two pool to ½; .4 wrong.
    scores, wrong = fit_isotonic([0.4, 0.2, 0.1, 0.3], [1, 1, 0, 0])
    assert scores.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert wrong.tolist() == [0.0, 0.5, 0.5, 1.0]


def test_isotonic_takes_equal_scores_as_one_point_and_skips_inner_knots() -> None:
    scores, wrong = fit_isotonic([0.5, 0.5, 0.5, 0.7, 0.8, 0.9], [1, 1, 0, 1, 0, 0])
    # .5: 2/3 of 3; .7: 1; .8, .9: 0. All pool, from the right: 3 of 6.
    assert scores.tolist() == [0.5, 0.9]
    assert wrong.tolist() == [0.5, 0.5]


def test_isotonic_of_one_label_is_flat() -> None:
    scores, wrong = fit_isotonic([0.3], [True])
    assert (scores.tolist(), wrong.tolist()) == ([0.3], [1.0])


labelled = st.lists(
    st.tuples(st.sampled_from([i / 8 for i in range(9)]), st.booleans()), min_size=1, max_size=40
)


@settings(deadline=None)
@given(labelled)
def test_isotonic_is_monotone_unbiased_and_the_best_step_function(rows: list[tuple[float, bool]]) -> None:
    x, y = np.array([u for u, _ in rows]), np.array([float(w) for _, w in rows])
    scores, wrong = fit_isotonic(x, y)
    assert (np.diff(scores) > 0).all()
    assert (np.diff(wrong) >= 0).all()
    assert 0.0 <= wrong.min() <= wrong.max() <= 1.0
    fitted = np.interp(x, scores, wrong)
    assert fitted.mean() == pytest.approx(y.mean())
    # The min-max formula of isotonic regression, evaluated point by point.
    for u, value in zip(x, fitted, strict=True):
        lowers, uppers = np.unique(x[x <= u]), np.unique(x[x >= u])
        exact = max(min(y[(x >= a) & (x <= b)].mean() for b in uppers) for a in lowers)
        assert value == pytest.approx(exact)


def test_platt_recovers_a_planted_curve() -> None:
    random = np.random.default_rng(0)
    scores = random.random(200_000)
    wrong = random.random(200_000) < 1 / (1 + np.exp(-(3.0 * scores - 2.0)))
    assert fit_platt(scores, wrong) == pytest.approx((3.0, -2.0), abs=0.08)


def test_platt_smooths_its_targets() -> None:
    # Two points determine the curve: it passes through the smoothed labels, 2/3 and 1/3 for one each.
    slope, intercept = fit_platt([0.0, 1.0], [0, 1])
    assert intercept == pytest.approx(-math.log(2.0))
    assert slope + intercept == pytest.approx(math.log(2.0))


def test_platt_is_finite_where_a_bound_separates_and_for_tiny_spreads() -> None:
    slope, intercept = fit_platt(np.linspace(0, 1, 100), np.arange(100) >= 50)
    assert slope > 0
    assert math.isfinite(slope + intercept)
    wide = fit_platt(np.linspace(0, 1, 9), [0, 0, 1, 0, 0, 1, 1, 0, 1])
    narrow = fit_platt(np.linspace(0, 1e-9, 9), [0, 0, 1, 0, 0, 1, 1, 0, 1])
    assert (narrow[0] * 1e-9, narrow[1]) == pytest.approx(wide)


@pytest.mark.parametrize("scores", [[0.9, 0.8, 0.2, 0.1], [0.1, 0.1, 0.1, 0.1]])
def test_platt_is_flat_where_the_score_says_nothing_or_the_opposite(scores: list[float]) -> None:
    slope, intercept = fit_platt(scores, [0, 0, 1, 1])
    assert (slope, intercept) == pytest.approx((0.0, 0.0))


def test_platt_of_labels_all_alike_is_flat_and_not_certain() -> None:
    # 3 wrong ones: every target is 4/5.
    assert fit_platt([0.1, 0.5, 0.6], [1, 1, 1]) == pytest.approx((0.0, math.log(4.0)))


@settings(deadline=None, max_examples=60)
@given(labelled)
def test_platt_is_where_the_gradient_vanishes_or_flat(rows: list[tuple[float, bool]]) -> None:
    x, y = np.array([u for u, _ in rows]), np.array([float(w) for _, w in rows])
    slope, intercept = fit_platt(x, y)
    bad = y.sum()
    targets = np.where(y > 0, (bad + 1) / (bad + 2), 1 / (len(y) - bad + 2))
    residual = 1 / (1 + np.exp(-(slope * x + intercept))) - targets
    assert slope >= 0.0
    assert residual.sum() == pytest.approx(0.0, abs=1e-6)
    if slope > 0.0:
        assert (residual * x).sum() == pytest.approx(0.0, abs=1e-6)
    else:
        # On the bound, the loss would only fall towards negative slopes.
        assert (residual * x).sum() >= -1e-6


def _planted(questions: int = 200, k: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dimension 0 tells right from wrong well, 1 weakly, 2 is noise, 3 points the wrong way; every question
    has an offset of its own that says nothing."""
    random = np.random.default_rng(seed)
    names = np.repeat(np.arange(questions), k)
    wrong = random.random(questions * k) < 0.5
    signal = np.array([0.35, 0.1, 0.0, -0.2])
    offset = np.repeat(random.normal(0, 0.2, questions), k)
    columns = 0.5 + offset[:, None] + wrong[:, None] * signal + random.normal(0, 0.15, (len(names), 4))
    return np.clip(columns, 0, 1), wrong, names


def test_weights_go_to_what_tells_within_questions() -> None:
    weights = fit_weights(*_planted())
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > 0.6
    assert weights[0] > weights[1] > weights[2]
    assert weights[2] < 0.1
    assert weights[3] == 0.0


def test_a_dimension_that_only_tells_questions_apart_gets_no_weight() -> None:
    random = np.random.default_rng(5)
    names = np.repeat(np.arange(300), 4)
    hard = random.random(300) < 0.5
    wrong = random.random(1200) < np.where(np.repeat(hard, 4), 0.9, 0.1)
    between = np.repeat(hard, 4) * 0.8 + random.normal(0, 0.02, 1200)
    within = 0.3 + 0.1 * wrong + random.normal(0, 0.1, 1200)
    # Pooled over questions the first is by far the better one.
    assert np.corrcoef(between, wrong)[0, 1] > np.corrcoef(within, wrong)[0, 1] + 0.2
    weights = fit_weights(np.stack([between, within], axis=1), wrong, names)
    assert weights[1] > 0.7


def test_each_question_weighs_alike_however_many_pairs_it_has() -> None:
    # In one large question dimension a tells, in two small ones b does.
    large = [([0.8, 0.5], 1)] * 8 + [([0.2, 0.5], 0)] * 8
    small = [([0.5, 0.8], 1), ([0.5, 0.2], 0)]
    rows = [*large, *small, *small]
    names = ["large"] * 16 + ["s1"] * 2 + ["s2"] * 2
    weights = fit_weights([row for row, _ in rows], [label for _, label in rows], names)
    assert weights[1] > weights[0] > 0.0
    doubled = fit_weights(
        [row for row, _ in [*large, *rows]], [label for _, label in [*large, *rows]], ["large"] * 16 + names
    )
    assert doubled == pytest.approx(weights, abs=1e-6)


def test_twins_share_their_weight_and_order_does_not_matter() -> None:
    columns, wrong, names = _planted(60)
    twins = fit_weights(columns[:, [0, 0]], wrong, names)
    assert twins == pytest.approx([0.5, 0.5], abs=1e-6)
    order = np.random.default_rng(1).permutation(len(wrong))
    shuffled = fit_weights(columns[order], wrong[order], names[order])
    assert shuffled == pytest.approx(fit_weights(columns, wrong, names), abs=1e-6)


def test_weights_meet_the_conditions_of_the_optimum() -> None:
    columns, wrong, names = _planted(40)
    weights = fit_weights(columns, wrong, names)

    def loss(beta: np.ndarray) -> float:
        parts = []
        for name in np.unique(names):
            own = names == name
            bad, good = columns[own & wrong], columns[own & ~wrong]
            if len(bad) and len(good):
                deltas = (bad[:, None] - good[None]).reshape(-1, 4) @ beta
                parts.append(np.logaddexp(0, -deltas).mean())
        return float(np.mean(parts) + 0.0005 * beta @ beta)

    # Only the direction is returned: the scale along it is searched for.
    scale = min(np.linspace(1, 60, 2000), key=lambda size: loss(size * weights))
    best = loss(scale * weights)
    random = np.random.default_rng(2)
    for _ in range(200):
        near = np.maximum(scale * weights + random.normal(0, 0.5, 4), 0.0)
        assert loss(near) >= best - 1e-4


def test_labels_without_a_contrast_and_dimensions_without_a_use_are_told() -> None:
    with pytest.raises(UdasaError, match="no question has both a right and a wrong response"):
        fit_weights([[0.1], [0.9]], [0, 1], ["a", "b"])
    with pytest.raises(UdasaError, match="no dimension puts wrong responses above right ones"):
        fit_weights([[0.9], [0.1]], [0, 1], ["a", "a"])


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        fit_isotonic([0.1, 0.2], [1])
    with pytest.raises(ValueError, match="one length"):
        fit_platt([], [])
    with pytest.raises(ValueError, match="not finite"):
        fit_platt([0.1, math.nan], [0, 1])
    with pytest.raises(ValueError, match="else than 0 and 1"):
        fit_isotonic([0.1, 0.2], [0.5, 1])
    with pytest.raises(ValueError, match="a row for each of the 2 labels"):
        fit_weights([[0.1]], [0, 1], ["a", "a"])
    with pytest.raises(ValueError, match="abstained"):
        fit_weights([[0.1], [math.nan]], [0, 1], ["a", "a"])
