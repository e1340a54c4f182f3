"""The guard's signs: hand-computed, and false alarms where nothing is planted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from udasa_core.config.transitions import GuardTable
from udasa_core.steps.guard import signs
from udasa_core.store.meters import ENTROPY, HALVES_DIFFER, SINGLE

GUARD = GuardTable()


def test_each_sign_is_a_mean_over_prompts_held_against_its_bound() -> None:
    zeros, ones = np.zeros(8), np.ones(8)
    base = {HALVES_DIFFER: zeros, SINGLE: zeros, ENTROPY: np.full(8, 2.0)}
    policy = {SINGLE: np.array([1.0] * 7 + [0.0]), ENTROPY: np.full(8, 0.5)}
    flips, single, entropy = signs(base, policy, ones, GUARD)
    assert (flips.before, flips.after, flips.worse, flips.verdict) == (0.0, 1.0, 1.0, "tripped")
    # 7/8 ± t(7) · sd / √8, with sd = √(7/8 · 1/8 · 8/7).
    half = 2.3646 * (1 / 8) ** 0.5 / 8**0.5
    assert (single.low, single.high) == (
        pytest.approx(0.875 - half, abs=1e-3),
        pytest.approx(0.875 + half, abs=1e-3),
    )
    assert single.verdict == "tripped"
    # Three quarters of the entropy are lost, in every prompt alike.
    assert (entropy.worse, entropy.low, entropy.high) == pytest.approx((0.75, 0.75, 0.75))
    assert entropy.verdict == "tripped"


def test_what_has_no_figure_is_not_measured_and_few_prompts_say_nothing() -> None:
    nothing = np.full(8, np.nan)
    base = {HALVES_DIFFER: nothing, SINGLE: np.zeros(8), ENTROPY: nothing}
    policy = {SINGLE: np.array([1.0] * 5 + [np.nan] * 3), ENTROPY: nothing}
    flips, single, entropy = signs(base, policy, nothing, GUARD)
    assert (flips.verdict, entropy.verdict) == ("not measured", "not measured")
    assert (single.n, single.low, single.verdict) == (5, None, "not certified")


def drawn(random: Generator, answers: np.ndarray, count: int) -> np.ndarray:
    """Draw so many answers a prompt, each by its number."""
    return np.array([random.choice(len(row), size=count, p=row) for row in answers])


def most(answers: np.ndarray) -> np.ndarray:
    return np.array([np.bincount(row).argmax() for row in answers])


def figures_of(
    random: Generator, answers: np.ndarray, entropy: np.ndarray, count: int
) -> dict[str, np.ndarray]:
    said = drawn(random, answers, count)
    half = count // 2
    return {
        HALVES_DIFFER: (most(said[:, :half]) != most(said[:, half:])).astype(float),
        SINGLE: (said == said[:, :1]).all(axis=1).astype(float),
        # The responses' mean, about the prompt's own.
        ENTROPY: entropy * random.lognormal(0.0, 0.3, len(entropy)),
        "most": most(said).astype(float),
    }


def alarms(prompts: int, count: int, spread: float) -> int:
    """Count in 200 runs of three stages, in which policy and base are the same, those that trip anything."""
    found = 0
    for seed in range(200):
        random = default_rng(seed)
        answers = random.dirichlet(np.full(12, spread), prompts)
        entropy = random.lognormal(-1.0, 0.8, prompts)
        base = figures_of(random, answers, entropy, count)
        tripped = False
        for _ in range(3):
            policy = figures_of(random, answers, entropy, count)
            flips = (policy["most"] != base["most"]).astype(float)
            tripped = tripped or any(one.tripped for one in signs(base, policy, flips, GUARD))
        found += tripped
    return found


@pytest.mark.slow
@pytest.mark.parametrize("prompts", [6, 12, 40, 150])
@pytest.mark.parametrize("count", [4, 12, 24])
@pytest.mark.parametrize("spread", [0.05, 0.5, 5.0])
def test_false_alarms_are_at_most_a_tenth(prompts: int, count: int, spread: float) -> None:
    """From prompts with one answer (spread .05) to such where anything is said (5)."""
    assert alarms(prompts, count, spread) <= 20
