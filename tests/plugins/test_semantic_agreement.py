"""Dimension `semantic.agreement`: votes for an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from tests.fakes import FakeResources
from udasa_core import Abstain, Group, Message, Prompt, Response
from udasa_plugin_semantic.agreement import Agreement

QUESTION = "How many legs does a spider have?"


def group(*responses: tuple[str, float], question: str = QUESTION) -> Group:
    return Group(
        Prompt("p", (Message("user", question),)),
        (1,),
        tuple(
            Response(text, (7, 8), (logprob,) * 2, (logprob,) * 2, (0.0, 0.0), "stop")
            for text, logprob in responses
        ),
        "policy",
    )


class Planned(FakeResources):
    """An embedder whose every cosine is `cosine`, or 1 for equal texts."""

    def __init__(self, cosine: float) -> None:
        super().__init__()
        self._cosine = cosine

    def embedder(self) -> Planned:  # type: ignore[override]
        return self

    def embed(self, texts: Sequence[str]) -> NDArray[float32]:
        known = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        rows = np.eye(len(known) + 1, dtype=float32)[1:] * math.sqrt(1 - self._cosine)
        rows[:, 0] = math.sqrt(self._cosine)
        return rows[[known[text] for text in texts]]


def scored(one: Group, cosine: float = 0.5) -> list[float]:
    resources = Planned(cosine)
    scores = Agreement(Agreement.Options(), "agreement", resources).udasa_score((one,), 0).scores[0]
    return [score for score in scores if not isinstance(score, Abstain)]


def test_the_formula_by_hand() -> None:
    # Weights e^-1 for both; overlap 0 between {8} and {6}; cosine .5, so s = .25 between them.
    assert scored(group(("8 legs.", -1.0), ("6 legs.", -1.0))) == pytest.approx([0.375, 0.375])
    # A sure vote counts more: dissent .75 weighed by the other's share.
    sure, unsure = math.exp(-0.5), math.exp(-2.0)
    first, second = scored(group(("8 legs.", -0.5), ("6 legs.", -2.0)))
    assert first == pytest.approx(0.75 * unsure / (sure + unsure))
    assert second == pytest.approx(0.75 * sure / (sure + unsure))


def test_elaboration_is_forgiven_and_numbers_are_not() -> None:
    few, many, other = scored(
        group(("8 legs.", -1.0), ("A spider typically has eight hairy legs.", -1.0), ("9 legs.", -1.0))
    )
    assert few < other
    assert many < other


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("Is it safe to drink bleach?", "No.", "Yes."),
        ("Is it safe to drink bleach?", "Never.", "Yes."),
        ("Is it safe to drink bleach?", "Not allowed.", "It is safe to drink bleach."),
        ("Can penguins fly?", "Penguins cannot fly.", "Yes, penguins can fly."),
        ("Who was first?", "No one.", "Armstrong."),
        ("How often does it happen?", "Never.", "Always."),
        ("Which is bigger, the Sun or the Moon?", "The Sun.", "The Moon."),
        ("What is the capital of Brazil?", "Brasília.", "Rio de Janeiro."),
        ("Was it 12?", "12", "13"),
        ("日本の首都はどこですか？", "東京です。", "京都です。"),
    ],
)
@pytest.mark.parametrize("cosine", [0.0, 0.5, 0.95])
def test_the_majority_is_heard_whatever_its_words(question: str, one: str, other: str, cosine: float) -> None:
    """Equal likelihoods: five of eight are less uncertain than the three, and swapped words swap scores."""
    five_to_three = [(one, -1.0)] * 5 + [(other, -1.0)] * 3
    swapped = [(other, -1.0)] * 5 + [(one, -1.0)] * 3
    scores = scored(group(*five_to_three, question=question), cosine)
    assert scores[0] < scores[-1]
    assert scored(group(*swapped, question=question), cosine) == pytest.approx(scores)


def test_elaborations_of_no_agree_with_one_another_and_not_with_yes() -> None:
    """Seven ways to deny outvote a yes that stands alone, or three times, in the very words."""
    denials = (
        *("No.", "No, it is poison.", "Never.", "It is not safe to drink bleach.", "Absolutely not!"),
        *("The answer is no.", "**No**, bleach burns the throat."),
    )
    question = "Is it safe to drink bleach?"
    for yes in (1, 3):
        votes = [(text, -1.0) for text in (*denials, *["Yes."] * yes)]
        scores = scored(group(*votes, question=question))
        assert scores[: len(denials)] == pytest.approx([yes / (7 + yes)] * 7)
        assert scores[-1] == pytest.approx(7 / (7 + yes))


def test_an_echo_of_the_question_agrees_with_none_but_its_like() -> None:
    echo = "A spider does have legs."
    right, wrong, one, other = scored(
        group(("8 legs.", -1.0), ("6 legs.", -1.0), (echo, -1.0), (echo, -1.0)), cosine=0.9
    )
    assert one == other == pytest.approx(2 / 4)
    assert right == wrong == pytest.approx((0.55 + 1 + 1) / 4)


def test_voters_vote_and_are_not_scored() -> None:
    few = group(("8 legs.", -1.0), ("6 legs.", -1.0))
    heard = replace(few, voters=group(*[("8 legs.", -1.0)] * 8).responses)
    right, wrong = scored(heard)
    assert right == pytest.approx(0.75 / 10)
    assert wrong == pytest.approx(0.75 * 9 / 10)


def test_equal_texts_agree_whatever_the_embedder_says() -> None:
    assert scored(group(("8 legs.", -1.0), ("8 legs.", -4.0))) == [0.0, 0.0]


def test_permuting_responses_permutes_scores() -> None:
    responses = [("8 legs.", -1.0), ("six legs", -2.0), ("", -0.5), ("مرحبا", -1.5), ("🙂", -1.0)]
    scores = scored(group(*responses))
    assert scored(group(*responses[::-1])) == pytest.approx(scores[::-1])
    assert all(0.0 <= score <= 1.0 for score in scores)


def test_an_impossible_response_does_not_divide_by_zero() -> None:
    assert all(math.isfinite(score) for score in scored(group(("8 legs.", -1e4), ("6 legs.", -1e4))))


def test_alone_it_abstains() -> None:
    scores = Agreement(Agreement.Options(), "a", FakeResources()).udasa_score((group(("8", -1.0)),), 0).scores
    assert isinstance(scores[0][0], Abstain)
