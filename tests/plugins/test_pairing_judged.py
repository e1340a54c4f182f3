"""Pairing `judged`: a planned reader, whose liking for a place must not be heard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugins.asking import PlannedResources
from tests.plugins.groups import group, response, scores
from udasa_core import Abstain, Group, Message, Pairing, Prompt, Score, preference_margins
from udasa_plugin_pairing.judged import Judged

WORTH = {"good": 1.0, "bad": -1.0, "also good": 1.0}


def liking(place: float = 0.0) -> PlannedResources:
    """A reader that knows what texts are worth, and likes whatever stands first."""
    return PlannedResources(margin=lambda first, second: WORTH[first] - WORTH[second] + place)


def paired(
    resources: PlannedResources, *groups: Group, us: tuple[Score, ...] = (), seed: int = 0, **options: Any
) -> Pairing:
    strategy = Judged(Judged.Options.model_validate(options), "judged", resources)
    given = [scores(*(us or (0.5,) * len(one.responses)), prompt_id=one.prompt.id) for one in groups]
    return strategy.udasa_pair(groups, given, seed)


@pytest.mark.parametrize("place", [0.0, 5.0, -5.0])
@pytest.mark.parametrize("texts", [("good", "bad"), ("bad", "good")])
def test_the_better_one_wherever_it_stands(place: float, texts: tuple[str, str]) -> None:
    resources = liking(place)
    (pair,) = paired(resources, group(*map(response, texts)), us=(0.3, 0.4)).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("good", "bad")
    assert (pair.gap, {pair.chosen_U, pair.rejected_U}, pair.origin) == (None, {0.3, 0.4}, "judged")
    assert set(resources.planned.asked) == {("good", "bad"), ("bad", "good")}


def test_margins_by_hand() -> None:
    prompt = Prompt("p", (Message("user", "Why?"),))
    reader = liking(0.7).planned
    found = preference_margins(reader, [(prompt, "good", "bad"), (prompt, "bad", "also good")], "Better?")
    # ½ ((2 + .7) − (−2 + .7)) = 2, whatever the place adds.
    assert found == pytest.approx([2.0, -2.0])
    assert preference_margins(reader, [], "Better?") == []


def test_a_reader_that_is_not_sure_enough_gives_none() -> None:
    (unpaired,) = paired(liking(3.0), group(response("good"), response("also good"))).unpaired
    assert unpaired.reason.startswith("the reader is not sure enough")
    both = group(response("good"), response("bad"))
    # 1 / (1 + e^−2) = .881
    assert paired(liking(), both, min_preference=0.88).pairs
    assert paired(liking(), both, min_preference=0.89).unpaired


def test_two_differing_responses_are_drawn_by_seed_and_prompt() -> None:
    prompts = [group(*map(response, ("good", "bad", "bad")), prompt_id=f"p{n}") for n in range(30)]
    resources = liking()
    whole = paired(resources, *prompts).pairs
    assert len(whole) == 30
    # Two readings a prompt.
    assert len(resources.planned.asked) == 60
    assert paired(liking(), *prompts[20:]).pairs == whole[20:]
    third = [group(*map(response, ("good", "bad", "also good")), prompt_id=f"p{n}") for n in range(30)]
    drawn = {frozenset((one.chosen.text, one.rejected.text)) for one in paired(liking(), *third).pairs}
    assert drawn == {frozenset(("good", "bad")), frozenset(("bad", "also good"))}


def test_refusals() -> None:
    same = group(response("good"), response("good", [-9.0]))
    assert paired(liking(), same).unpaired[0].reason == "identical responses"
    two = group(response("good"), response("bad"))
    assert paired(liking(), two, us=(0.5, Abstain("x"))).unpaired[0].reason == "too few scored responses"
    cut = group(response("good"), response("bad", cut=True))
    assert paired(liking(), cut, truncated="same").unpaired[0].reason == "truncated"
