"""What the kit asks of pairing strategies and stage policies."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.core.testing.plain import Plugin
from udasa_core import (
    Abstain,
    Group,
    Pair,
    Pairing,
    PairTable,
    Scores,
    StagePlan,
    Unpaired,
    hookimpl,
)
from udasa_core.errors import PluginError
from udasa_core.testing import (
    check_pairing,
    check_stages,
    sample_groups,
)


def pairing(pair_of: Callable[[Group, Scores, int], Pair | str | None]) -> type[Plugin]:
    """Return a strategy that asks `pair_of` for each group's pair, the reason of its refusal, or silence."""

    class Planted(Plugin):
        @hookimpl
        def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
            made = [
                (group, pair_of(group, one, len(groups))) for group, one in zip(groups, scores, strict=True)
            ]
            pairs = tuple(one for _, one in made if isinstance(one, Pair))
            refused = tuple(Unpaired(group.prompt.id, one) for group, one in made if isinstance(one, str))
            return Pairing(pairs, refused)

    return Planted


def _first_two(group: Group, scores: Scores, chosen: int = 0, rejected: int = 1) -> Pair | str:
    if len(group.responses) < 2 or group.responses[0].text == group.responses[1].text:
        return "too alike"
    low, high = scores.U[chosen], scores.U[rejected]
    if isinstance(low, Abstain) or isinstance(high, Abstain) or low == high:
        return "not scored apart"
    one, other = group.responses[chosen], group.responses[rejected]
    return Pair(group.prompt, group.prompt_token_ids, one, other, high - low, low, high, "planted")


def _changed(**changes: Any) -> Callable[[Group, Scores, int], Pair | str]:
    def pair_of(group: Group, scores: Scores, count: int) -> Pair | str:
        made = _first_two(group, scores)
        return replace(made, **changes) if isinstance(made, Pair) else made

    return pair_of


def _unscored(group: Group, scores: Scores, count: int) -> Pair | str:
    responses = group.responses
    if len(responses) < 2 or responses[0].text == responses[-1].text:
        return "too alike"
    first, last = responses[0], responses[-1]
    return Pair(group.prompt, group.prompt_token_ids, first, last, None, None, None, "planted")


def test_a_sound_pairing_passes() -> None:
    assert check_pairing(pairing(lambda group, scores, count: _first_two(group, scores))).pairs


@pytest.mark.parametrize(
    ("pair_of", "told"),
    [
        (lambda group, scores, count: None, "each prompt is in a pair"),
        (lambda group, scores, count: _first_two(group, scores, 1, 0), "positive gaps only"),
        (_changed(gap=0.9), "gap 0.9 for prompt"),
        (_changed(chosen_U=0.0, rejected_U=0.3, gap=0.3), "U 0.0 for a side"),
        (_unscored, "never paired"),
        (
            lambda group, scores, count: _first_two(group, scores) if count > 1 else "alone",
            "depend on the other prompts",
        ),
        (
            lambda group, scores, count: _first_two(group, scores) if random.random() < 0.5 else "unlucky",
            "the second time",
        ),
        (
            lambda group, scores, count: _first_two(sample_groups()[0], scores),
            "depend on the other prompts|pair",
        ),
    ],
)
def test_a_pairing_that_breaks_the_contract_is_told_how(pair_of: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_pairing(pairing(pair_of))


def staging(plan: Callable[[PairTable], Any]) -> type[Plugin]:
    class Planted(Plugin):
        @hookimpl
        def udasa_stage(self, pairs: PairTable) -> Any:
            return plan(pairs)

    return Planted


def _halves(pairs: PairTable) -> StagePlan:
    """Stage by place of arrival."""
    half = len(pairs.ids) // 2
    return StagePlan({"a": pairs.ids[:half], "b": pairs.ids[half:]})


def test_a_sound_stage_policy_passes() -> None:
    check_stages(staging(lambda pairs: StagePlan({"all": pairs.ids})))


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (lambda pairs: StagePlan({}), "in a stage or dropped"),
        (lambda pairs: StagePlan({"a": [*pairs.ids, *pairs.ids]}), "2 times"),
        (lambda pairs: StagePlan({"a": ["stranger"]}), "no such pair"),
        (lambda pairs: StagePlan({"": pairs.ids}), "a stage has a name"),
        (lambda pairs: [], "StagePlan"),
        (_halves, "order in which pairs arrive"),
        (
            lambda pairs: StagePlan({f"s{random.random()}": pairs.ids}),
            "the second time",
        ),
    ],
)
def test_a_stage_policy_that_breaks_the_contract_is_told_how(plan: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_stages(staging(plan))
