from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from pydantic import ValidationError

from tests.plugins.groups import RESOURCES
from udasa_core import PairTable, StagePlan
from udasa_plugin_stages.selective import Selective

NAN = float("nan")


def _plan(pairs: Mapping[str, tuple[float, float, float, float, float]], **options: object) -> StagePlan:
    """pairs: id → (gap, log-probability and tokens of the chosen response, and of the rejected one)."""
    policy = Selective(Selective.Options.model_validate(options), "selective", RESOURCES)
    gaps, chosen, chosen_tokens, rejected, rejected_tokens = np.array(list(pairs.values())).reshape(-1, 5).T
    table = PairTable(
        list(pairs),
        gaps,
        np.zeros(len(gaps)),
        chosen_logprobs=chosen,
        chosen_tokens=chosen_tokens,
        rejected_logprobs=rejected,
        rejected_tokens=rejected_tokens,
    )
    return policy.udasa_stage(table)


# Log-ratios a token: 1, 0.5, −0.5, −1, and of their sums −2, 1, −5, 8.
FOUR = {
    "easy": (0.1, -4.0, 4.0, -2.0, 1.0),
    "likely": (0.9, -2.0, 4.0, -3.0, 3.0),
    "unlikely": (0.5, -9.0, 9.0, -4.0, 8.0),
    "hard": (0.8, -4.0, 2.0, -12.0, 12.0),
}


def test_the_hardest_share_is_dropped_and_the_rest_staged_by_gap() -> None:
    plan = _plan(FOUR, share=0.25)
    assert list(plan.stages.values()) == [("likely",), ("unlikely",), ("easy",)]
    assert plan.dropped == (("hard", "hard: its log-ratio is among the lowest 0.25 of all"),)
    # A fifth of four pairs is none, rounded down.
    assert _plan(FOUR).dropped == ()
    five = {**FOUR, "fifth": (0.7, -1.0, 1.0, -1.0, 1.0)}
    assert [pair_id for pair_id, _ in _plan(five).dropped] == ["hard"]


def test_a_bound_drops_what_is_below_it() -> None:
    plan = _plan(FOUR, bound=0.0)
    assert [pair_id for pair_id, _ in plan.dropped] == ["hard", "unlikely"]
    assert plan.dropped[0][1] == "hard: its log-ratio is below 0"
    assert _plan(FOUR, bound=-1.0).dropped == ()


def test_sums_tell_other_pairs_than_means() -> None:
    plan = _plan(FOUR, share=0.5, per_token=False)
    assert [pair_id for pair_id, _ in plan.dropped] == ["easy", "unlikely"]


def test_of_equally_hard_pairs_the_later_id_is_dropped() -> None:
    same = (0.5, -1.0, 1.0, -1.0, 1.0)
    assert [one for one, _ in _plan({"b": same, "a": same, "c": same}, share=0.34).dropped] == ["c"]


def test_a_share_is_not_rounded_down_by_floating_point() -> None:
    pairs = {f"{number:03}": (0.5, -1.0, 1.0, -1.0, 1.0) for number in range(100)}
    assert len(_plan(pairs, share=0.29).dropped) == 29


def test_pairs_without_a_gap_may_be_hard_too_where_they_are_staged() -> None:
    pairs = {name: (NAN, *figures[1:]) for name, figures in FOUR.items()}
    spread = _plan(pairs, share=0.25, ungapped="spread")
    assert dict(spread.dropped) == {"hard": "hard: its log-ratio is among the lowest 0.25 of all"}
    assert set(dict(_plan(pairs, share=0.25).dropped).values()) == {"no gap: the pair was not made by U"}


def test_a_pair_that_was_not_measured_is_dropped_with_the_reason() -> None:
    plan = _plan({"a": (0.5, -1.0, 1.0, -1.0, 1.0), "b": (0.9, NAN, 1.0, -1.0, 1.0)}, share=0.5)
    assert dict(plan.dropped) == {"b": "the log-probabilities of its responses are not known"}


def test_two_rules_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"share \(0.1\) and bound \(0\) are two rules"):
        Selective.Options(share=0.1, bound=0.0)
