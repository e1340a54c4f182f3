"""Comparisons of trained policies: figures by hand, planted truths, and tests that keep their level."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from udasa_eval.experiments.arms import BASE, Training
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.pairs import KINDS
from udasa_eval.experiments.premise_report import Findings, Measured, calibration
from udasa_eval.experiments.premise_tables import figure, rows, tables

COMPOSITION = dict(zip(KINDS, (5, 3, 2, 1), strict=True))
METRICS = {
    "first_loss": 0.693,
    "last_loss": 0.6,
    "chosen_logprob_before": -20.0,
    "chosen_logprob_after": -21.5,
}


def measured(arm: str, right: Any, seed: int = 7, **others: Any) -> Measured:
    """Return one policy's right responses (Q, K), scored by an honest column, a reversed one, and U."""
    right = np.asarray(right, bool)
    wrong = 1.0 - right.ravel()
    scores = LabelledScores(
        questions=np.repeat(np.arange(len(right)), right.shape[1]),
        right=right.ravel(),
        columns={"honest": wrong, "reversed": 1.0 - wrong, "U": wrong},
        tokens=np.full(right.size, 10),
        truncated=np.zeros(right.size, bool),
        refusal=np.zeros(right.size, bool),
        answers=[""] * right.size,
    )
    given: dict[str, Any] = {
        "part": "test",
        "temperature": 0.5,
        "tuned": True,
        "majority": right.mean(axis=1) > 0.5,
        "best": right.any(axis=1),
        "tokens": 10.0,
        "truncated": 0.0,
        "scores": scores,
        **others,
    }
    return Measured(arm=arm, seed=seed, right=right, **given)


def premise(*found: Measured) -> Findings:
    arms = tuple(dict.fromkeys(one.arm for one in found if one.arm != BASE))
    trained = {(one.arm, one.seed) for one in found if one.arm != BASE}
    trainings = tuple(Training(arm, seed, 11, METRICS, COMPOSITION) for arm, seed in sorted(trained))
    return Findings("test", arms, trainings, found)


# Four questions, four responses: 8 of 16 right before, 9 of 16 after.
BEFORE = [[1, 1, 1, 1], [1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
AFTER = [[1, 1, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]


# --- one comparison, by hand -----------------------------------------------------------------------------


def test_a_comparison_equals_its_figures_by_hand() -> None:
    found = premise(measured(BASE, BEFORE), measured("arm", AFTER)).compare("arm", BASE)
    differences = [0.0, -0.5, 0.75, 0.0]
    assert (found.arm, found.against) == ("arm", BASE)
    assert found.difference.value == pytest.approx(0.0625)
    assert found.difference.n == 4
    assert found.difference.low < 0 < found.difference.high
    assert found.any_of.value == 0.0, "three of four questions have a right response, before and after"
    error = float(np.std(differences, ddof=1)) / 2
    assert found.detectable == pytest.approx((1.959964 + 0.841621) * error, rel=1e-5)
    assert (found.gained, found.lost) == (1, 1)
    assert np.isnan(found.spread), "one seed has no spread"
    back = premise(measured(BASE, BEFORE), measured("arm", AFTER)).compare(BASE, "arm")
    assert back.difference.value == -found.difference.value
    assert back.p == found.p


def test_half_of_the_responses_are_not_most_of_them() -> None:
    half, most = [[1, 1, 0, 0]] * 2, [[1, 1, 1, 0]] * 2
    found = premise(measured(BASE, half), measured("arm", most))
    assert (found.compare("arm", BASE).gained, found.compare(BASE, "arm").lost) == (2, 2)


def test_any_of_sees_what_sharpening_loses() -> None:
    wide, sharp = [[1, 0, 0, 0]] * 4, [[1, 1, 1, 1]] * 2 + [[0, 0, 0, 0]] * 2
    found = premise(measured(BASE, wide), measured("arm", sharp)).compare("arm", BASE)
    assert found.difference.value == 0.25
    assert found.any_of.value == -0.5
    one = measured("arm", sharp)
    assert (one.accuracy, one.any_of) == (0.5, 0.5)


def test_seeds_are_averaged_by_question_and_their_spread_is_told() -> None:
    low, high = [[0, 0], [1, 0]], [[1, 0], [1, 1]]
    found = premise(
        measured(BASE, low, 7),
        measured("arm", high, 7),
        measured(BASE, high, 8),
        measured("arm", low, 8),
    ).compare("arm", BASE)
    assert found.difference.value == found.difference.low == found.difference.high == 0.0
    assert found.spread == pytest.approx(np.std([0.5, -0.5], ddof=1))
    assert found.p == 1.0
    assert found.detectable == 0.0


def test_only_the_tuned_measurement_of_the_part_in_question_counts() -> None:
    found = premise(
        measured(BASE, BEFORE, tuned=False, temperature=1.0),
        measured(BASE, BEFORE),
        measured("arm", BEFORE, part="dev"),
        measured("arm", AFTER),
        measured("arm", BEFORE, tuned=False, temperature=0.3),
    )
    assert [one.right.tolist() for one in found.final("arm")] == [np.array(AFTER, bool).tolist()]
    assert found.compare("arm", BASE).difference.value == pytest.approx(0.0625)


def test_arms_with_other_seeds_are_not_compared() -> None:
    found = premise(measured(BASE, BEFORE, 7), measured(BASE, BEFORE, 8), measured("arm", AFTER, 7))
    with pytest.raises(ValueError, match="zip"):
        found.compare("arm", BASE)


# --- planted truths --------------------------------------------------------------------------------------


def simulated(
    rng: np.random.Generator, lift: float, questions: int = 120, seeds: int = 2
) -> tuple[list[Measured], list[Measured]]:
    """Base and arm whose chance of a right response differs by `lift` on average, more on some questions."""
    chance = rng.uniform(0.25, 0.75, questions)
    lifted = np.clip(chance + lift + rng.uniform(-0.2, 0.2, questions), 0.0, 1.0)
    shape = (questions, 8)
    base = [measured(BASE, rng.random(shape) < chance[:, None], seed) for seed in range(seeds)]
    arm = [measured("arm", rng.random(shape) < lifted[:, None], seed) for seed in range(seeds)]
    return base, arm


def test_the_interval_contains_the_planted_truth() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(30):
        base, arm = simulated(rng, 0.05)
        found = premise(*base, *arm).compare("arm", BASE)
        inside += found.difference.low <= 0.05 <= found.difference.high
        assert found.difference.low < found.difference.value < found.difference.high
    assert inside >= 26  # 95% of 30 are 28.5


def test_a_large_lift_is_found_and_none_is_not() -> None:
    rng = np.random.default_rng(2)
    found = premise(*(one for part in simulated(rng, 0.15) for one in part)).compare("arm", BASE)
    assert found.difference.low > 0.1
    assert found.p == pytest.approx(1 / 10_001)
    assert found.detectable < 0.15
    assert found.gained > found.lost
    found = premise(*(one for part in simulated(rng, 0.0) for one in part)).compare("arm", BASE)
    assert found.difference.low < 0 < found.difference.high
    assert found.p > 0.05


def test_what_is_called_detectable_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(3)
    flat = [[0, 0], [0, 1], [1, 0], [1, 1]] * 25
    other = rng.permutation(np.array(flat))
    found = premise(measured(BASE, flat), measured("arm", other)).compare("arm", BASE)
    error = found.detectable / (NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8))
    differences = np.array(other).mean(axis=1) - np.array(flat).mean(axis=1)
    assert error == pytest.approx(differences.std(ddof=1) / 10)
    # Repetitions whose true effect is the detectable one, by a normal test at 5%.
    repeated = rng.normal(found.detectable, error * 10, (4000, 100))
    z = repeated.mean(axis=1) / (repeated.std(axis=1, ddof=1) / 10)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.02)


# --- calibration, and what is written --------------------------------------------------------------------


def test_calibration_is_a_mean_over_seeds() -> None:
    # By the honest column right is 0, wrong is 1: perfect; the reversed one is the worst there is.
    both = [measured("arm", BEFORE, 7), measured("arm", AFTER, 8)]
    honest, worst = calibration(both, "honest"), calibration(both, "reversed")
    assert (honest["pooled_auroc"], honest["prr"], honest["ece"]) == (1.0, 1.0, 0.0)
    assert (worst["pooled_auroc"], worst["ece"]) == (0.0, 1.0)
    assert worst["prr"] < 0
    # One seed calibrated, the other not: the mean of both.
    columns = {"honest": both[1].scores.columns["reversed"], "U": both[1].scores.columns["U"]}
    one = both[1].scores
    changed = LabelledScores(
        one.questions, one.right, columns, one.tokens, one.truncated, one.refusal, one.answers
    )
    mixed = calibration([both[0], measured("arm", AFTER, 8, scores=changed)], "honest")
    assert (mixed["pooled_auroc"], mixed["ece"]) == (0.5, 0.5)


@pytest.fixture
def whole() -> Findings:
    """Base, two arms and greedy, two seeds each, tuned on dev."""
    found = []
    for seed in (7, 8):
        for arm, right in ((BASE, BEFORE), ("uncertainty", AFTER), ("sft", BEFORE)):
            found.append(measured(arm, right, seed, part="dev", tuned=False))
            found.append(measured(arm, right, seed))
        found.append(measured(BASE, BEFORE, seed, temperature=0.0, tuned=False))
    return premise(*found)


def test_the_tables_say_what_was_found(whole: Findings) -> None:
    untrained, training, reached, compared, outdone, calibrated = map(str, tables(whole))
    assert [line.split()[0] for line in untrained.splitlines()[3:5]] == ["greedy", "0.5"]
    cells = next(line.split() for line in untrained.splitlines() if line.split()[:1] == ["0.5"])
    assert cells == ["0.5", "0.500", "0.750", "0.500", "0.750", "10.0", "0.000", "2"]
    row = next(line for line in training.splitlines() if "uncertainty" in line)
    assert row.split()[1:6] == ["11.0", "5.0", "3.0", "2.0", "1.0"]
    assert row.split()[6:] == ["0.693", "0.600", "−20.000", "−21.500"]
    assert max(map(len, training.splitlines())) <= 100
    row = next(line for line in reached.splitlines() if "uncertainty" in line)
    assert row.split() == ["uncertainty", "0.5,", "0.5", "0.562", "0.750", "0.500", "10.0", "0.000"]
    named = [line.strip().split("  ")[0] for line in compared.splitlines()[3:6]]
    assert named == ["uncertainty − base", "sft − base", "uncertainty − sft"]
    assert "+1 −1" in compared
    assert "4 questions" in compared
    assert outdone.count("one response − greedy") == 2
    assert calibrated.count("honest") == calibrated.count("reversed") == 3
    assert " U " not in calibrated, "U is calibrated on what it is measured on"


def test_a_trainer_without_log_probabilities_has_dashes(whole: Findings) -> None:
    bare = tuple(Training(one.arm, one.seed, one.pairs, {}, COMPOSITION) for one in whole.trainings)
    _, training, *_ = map(str, tables(Findings(whole.part, whole.arms, bare, whole.measured)))
    assert training.splitlines()[3].split()[-4:] == ["–"] * 4


def test_the_rows_hold_every_measurement_and_comparison(whole: Findings) -> None:
    told = {(one.set_name, one.temperature, one.column, one.measure): one for one in rows(whole)}
    one = told["factual-test", 0.5, "uncertainty seed 8", "accuracy"]
    assert (one.value, one.K, one.n) == (0.5625, 4, 4)
    assert told["factual-dev", 0.5, "uncertainty seed 8", "tuned"].value == 0.0
    assert told["factual-test", 0.0, "base seed 7", "any_of"].value == 0.75
    against = [one for one in rows(whole) if one.column == "uncertainty against base"]
    by_name = {one.measure: one for one in against}
    assert set(by_name) == {"accuracy", "any_of", "p", "detectable", "spread"}
    assert by_name["accuracy"].low < by_name["accuracy"].value < by_name["accuracy"].high
    assert by_name["spread"].value == 0.0


def test_the_figure_has_a_place_for_every_arm(whole: Findings, tmp_path: Path) -> None:
    figure(tmp_path / "premise.svg", whole)
    drawn = (tmp_path / "premise.svg").read_text()
    assert drawn.startswith("<?xml")
    for name in (BASE, "uncertainty", "sft"):
        assert f"<!-- {name} -->" in drawn
