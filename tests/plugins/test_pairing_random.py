from __future__ import annotations

from collections import Counter

from tests.plugins.groups import RESOURCES, group, response, scores
from udasa_core import Abstain, Group, Pairing
from udasa_plugin_pairing.random import RandomPairs


def _prompt(number: int) -> Group:
    return group(*(response(letter) for letter in "abcd"), prompt_id=f"p{number}")


def _pair(groups: list[Group], seed: int = 0, **options: object) -> Pairing:
    pairs = RandomPairs(RandomPairs.Options.model_validate(options), "random", RESOURCES)
    us = [scores(*(0.5,) * len(one.responses), prompt_id=one.prompt.id) for one in groups]
    return pairs.udasa_pair(groups, us, seed)


def test_every_ordered_pair_comes_up_about_alike() -> None:
    pairing = _pair([_prompt(number) for number in range(1200)])
    drawn = Counter((pair.chosen.text, pair.rejected.text) for pair in pairing.pairs)
    assert len(drawn) == 12
    assert sum(drawn.values()) == 1200
    assert 60 <= min(drawn.values()) <= max(drawn.values()) <= 145  # 100 ± 4.5 σ


def test_the_draw_depends_on_seed_and_prompt_alone() -> None:
    groups = [_prompt(number) for number in range(40)]
    whole = _pair(groups).pairs
    assert _pair(groups[30:]).pairs == whole[30:]
    assert _pair(groups[::-1]).pairs == whole[::-1]
    assert _pair(groups, seed=1).pairs != whole


def test_no_gap_but_both_aggregates_are_kept() -> None:
    (pair,) = _pair([_prompt(0)]).pairs
    assert (pair.gap, pair.chosen_U, pair.rejected_U) == (None, 0.5, 0.5)


def test_identical_responses_are_never_drawn_while_others_exist() -> None:
    for number in range(50):
        one = group(response("a"), response("a"), response("b"), prompt_id=f"p{number}")
        (pair,) = _pair([one]).pairs
        assert {pair.chosen.text, pair.rejected.text} == {"a", "b"}
    (unpaired,) = _pair([group(response("a"), response("a", [-9.0]))]).unpaired
    assert unpaired.reason == "identical responses"


def test_guards_refuse_here_too() -> None:
    cut = group(response("a"), response("b", cut=True))
    assert _pair([cut], truncated="exclude").unpaired[0].reason == "truncated"
    assert _pair([cut], truncated="same").unpaired[0].reason == "truncated"
    uneven = group(response("a"), response("b", length=9))
    assert _pair([uneven], max_length_ratio=2.0).unpaired[0].reason == "length ratio above max_length_ratio"
    lost = RandomPairs(RandomPairs.Options(), "random", RESOURCES)
    pairing = lost.udasa_pair([cut], [scores(0.5, Abstain("lost"))], seed=0)
    assert pairing.unpaired[0].reason == "too few scored responses"
