"""The stages experiment's figures: planted differences are found, and nothing else is called one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from udasa_core import UdasaError
from udasa_eval.experiments.arms import BASE, Training
from udasa_eval.experiments.pairs import KINDS
from udasa_eval.experiments.stages_report import (
    ACCURACY,
    ANY_OF_K,
    GREEDILY,
    MAJORITY,
    RETAINED,
    Asked,
    Findings,
    Measured,
)
from udasa_eval.experiments.stages_tables import rows, tables

ARMS = ("staged", "shuffled", "alike")
# Q questions, of which the base knows the first half (right in .8 of its responses) and not the others (.1).
Q, SEEDS = 60, 4
KNOWN = Q // 2
# What training adds to each half. Staged retains and learns; shuffled forgets what it learns elsewhere.
GAIN: Mapping[str, tuple[float, float]] = {
    BASE: (0.0, 0.0),
    "staged": (0.0, 0.3),
    "shuffled": (-0.2, 0.3),
    "alike": (0.0, 0.3),
}


def figures(arm: str, seed: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng([seed, *map(ord, arm)])
    noise = 0.01 * rng.standard_normal(Q)
    mean = np.where(np.arange(Q) < KNOWN, 0.8 + GAIN[arm][0], 0.1 + GAIN[arm][1])
    ids = [f"q-{n:02}" for n in range(Q)]
    right = dict(zip(ids, map(float, mean + noise), strict=True))
    found = {ACCURACY: right, ANY_OF_K: dict.fromkeys(ids, 1.0), MAJORITY: dict.fromkeys(ids, 0.5)}
    if arm == BASE:
        found[GREEDILY] = {item: value - 0.05 for item, value in right.items()}
    return found


def findings() -> Findings:
    trained = Training("", 0, 50, {"first_loss": 1.25, "last_loss": 0.5}, dict.fromkeys(KINDS, 1), 900, 90.0)
    measured = []
    for seed in range(SEEDS):
        for arm in (BASE, *ARMS):
            training = None if arm == BASE else Training(arm, seed, *_rest(trained))
            tuning = {0.01: 0.3, 0.5: 0.45 if arm == BASE else 0.2}
            best = 0.5 if arm == BASE else 0.01
            numbers = {"retention perplexity": 20.0 + seed, "tokens": 12.0}
            measured.append(Measured(arm, seed, training, tuning, best, figures(arm, seed), numbers))
    return Findings("dev", ARMS, tuple(measured))


def _rest(one: Training) -> tuple[int, Mapping[str, float], Mapping[str, int], int, float]:
    return one.pairs, one.metrics, one.composition, one.tokens, one.seconds


ASKED = Asked.read(
    {
        "primary": [["staged", "shuffled", ACCURACY], ["staged", "shuffled", RETAINED]],
        "others": [["staged", "alike"], ["staged", "unknown"]],
        "figures": [ACCURACY, RETAINED],
    }
)


def test_what_is_planted_is_found_and_called_by_its_name() -> None:
    found = {(one.arm, one.against, one.figure): one for one in findings().contrasts(ASKED)}
    # Half of the questions lose .2: .1 on all of them, .2 on those that the base knew.
    forgotten = found["staged", "shuffled", ACCURACY].found
    assert forgotten.metric.value == pytest.approx(0.1, abs=0.005)
    retained = found["staged", "shuffled", RETAINED].found
    assert retained.metric.value == pytest.approx(0.2, abs=0.005)
    assert retained.metric.n == KNOWN
    assert (forgotten.verdict, retained.verdict) == ("helps", "helps")
    assert found["staged", "alike", ACCURACY].found.verdict == "equivalent"
    assert found["shuffled", BASE, RETAINED].found.verdict == "harms"
    assert found["staged", BASE, ACCURACY].found.metric.value == pytest.approx(0.15, abs=0.005)


def test_all_but_the_primary_contrasts_are_corrected_for_their_number() -> None:
    contrasts = findings().contrasts(ASKED)
    assert [one.holm is None for one in contrasts[:2]] == [True, True]
    rest = contrasts[2:]
    # Three arms against the base and staged against alike, in two figures; the primary pair has no other.
    assert len(rest) == (3 + 1) * 2
    assert {one.against for one in rest} == {BASE, "alike"}, "an arm that was not trained is left out"
    smallest = min(rest, key=lambda one: one.found.p)
    assert smallest.holm == pytest.approx(min(1.0, len(rest) * smallest.found.p))
    assert all(one.holm is not None and one.holm >= one.found.p for one in rest)


def test_the_front_page_has_each_policy_with_what_it_cost() -> None:
    told = {table.title: table for table in tables(findings(), ASKED)}
    front = told["What each policy reached, on dev"]
    by_policy = {str(line[0]): line for line in front.rows}
    assert list(by_policy) == ["base, greedy", "base, at its best", *ARMS]
    staged = by_policy["staged"]
    assert staged[1] == pytest.approx(0.6, abs=0.01)
    assert "4 seeds, 60 questions" in front.text()
    assert staged[-2:] == (900.0, 1.5)
    # Against the greedy base, which is .05 below the base at its best.
    assert "0.200" in front.text()
    assert "helps" in told["The primary contrasts"].text()
    tuned = told["Accuracy on dev by temperature (0.01: greedy)"].text()
    assert "0.5, 0.5, 0.5, 0.5" in tuned
    assert "21.5" in told["How far each policy went, and how well its uncertainty tells"].text()


def test_the_rows_hold_all_that_tables_are_made_of() -> None:
    found = list(rows(findings()))
    items = [
        row for row in found if row["figure"] == ACCURACY and row["arm"] == "staged" and row["seed"] == 0
    ]
    assert len(items) == Q
    assert np.mean([row["value"] for row in items]) == pytest.approx(0.6, abs=0.01)
    numbers = [row for row in found if not row["item"]]
    assert {row["figure"] for row in numbers} == {"retention perplexity", "tokens"}


@pytest.mark.parametrize(
    "table", [{"primary": [["staged", "shuffled"]]}, {"others": [["staged"]]}, {"secondary": []}]
)
def test_contrasts_that_cannot_be_read_are_told(table: dict[str, list[list[str]]]) -> None:
    with pytest.raises(UdasaError, match=r"\[contrasts\] (primary|others|secondary)"):
        Asked.read(table)
