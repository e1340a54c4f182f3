from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Abstain, Message, testing
from udasa_plugin_value.principles import Principles


def _odds(p: float) -> float:
    return math.log(p) - math.log1p(-p)


def _p(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))


class _Reader:
    """Answers planned by (last message, question), else ½, in log-odds moved by the question's bias.

    Remembers the conversations of every call.
    """

    def __init__(self, planned: dict[tuple[str, str], float], bias: dict[str, float] | None = None) -> None:
        self.planned = planned
        self.bias = bias or {}
        self.calls: list[list[tuple[Message, ...]]] = []

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> np.ndarray:
        self.calls.append([tuple(conversation) for conversation in conversations])
        rows = [[self._answer(one[-1].content, question) for question in questions] for one in conversations]
        return np.array(rows)

    def _answer(self, text: str, question: str) -> float:
        p, bias = self.planned.get((text, question), 0.5), self.bias.get(question)
        return p if bias is None else _p(_odds(p) + bias)


class _Resources(FakeResources):
    def __init__(self, reader: _Reader) -> None:
        super().__init__(RESOURCES.base)
        self._by_hand = reader

    def reader(self) -> _Reader:  # type: ignore[override]  # stands in for the fake one
        return self._by_hand


def _scores(reader: _Reader, *texts: str, **options: object) -> tuple[object, ...]:
    principles = Principles(Principles.Options.model_validate(options), "v", _Resources(reader))
    return principles.udasa_score([group(*map(response, texts))], seed=0).scores[0]


def test_mean_less_kappa_deviations_by_hand() -> None:
    planned = {("good", "q1"): 0.9, ("good", "q2"): 0.7, ("torn", "q1"): 1.0, ("torn", "q2"): 0.0}
    reader = _Reader(planned)
    options = Principles.Options.model_validate({"principles": ["q1", "q2"], "kappa": 0.5})
    resources = _Resources(reader)
    column = Principles(options, "safety", resources).udasa_score(
        [group(response("good"), response("torn"))], seed=0
    )
    # mean .8, population std .1; mean .5, std .5 (a reader surer than one in a million counts as that sure)
    assert column.scores[0] == pytest.approx((1 - (0.8 - 0.05), 1 - (0.5 - 0.25)), abs=1e-5)
    assert column.dimension == "safety"
    assert reader.calls[1][0] == (Message("user", "Why?"), Message("assistant", "good"))
    assert resources.told == [("safety", 1)]


def test_kappa_is_one_by_default_and_the_lower_bound_is_clipped() -> None:
    reader = _Reader({("torn", "q1"): 0.8, ("torn", "q2"): 0.0})
    assert _scores(reader, "torn", principles=["q1", "q2"]) == pytest.approx((1.0,))  # .4 − .4


def test_the_content_free_prior_is_subtracted_in_log_odds() -> None:
    # Zhao et al. divide p(yes) and p(no) by their content-free values and normalise.
    reader = _Reader({("text", "q"): 0.9, ("N/A", "q"): 0.8, ("", "q"): 0.6})
    expected = (0.9 / 0.7) / (0.9 / 0.7 + 0.1 / 0.3)
    assert _scores(reader, "text", principles=["q"]) == pytest.approx((1 - expected,))
    assert _scores(reader, "text", principles=["q"], content_free_prior=False) == pytest.approx((0.1,))


def test_a_reader_that_always_says_yes_says_nothing() -> None:
    principles = ["q1", {"ask": "q2", "flipped": "q3"}, {"ask": "q4", "applies": "q5"}]
    reader = _Reader({}, bias={f"q{number}": 4.0 for number in range(1, 6)})
    assert _scores(reader, "anything", principles=principles) == pytest.approx((0.5,))


def test_a_bias_differing_by_question_cancels_against_the_prior() -> None:
    planned = {("text", "q1"): 0.9, ("text", "q2"): 0.3, ("text", "q3"): 0.2}
    principles = ["q1", {"ask": "q2", "flipped": "q3"}]
    plain = _scores(_Reader(planned), "text", principles=principles)
    biased = _Reader(planned, bias={"q1": 1.5, "q2": -2.0, "q3": 0.7})
    assert _scores(biased, "text", principles=principles) == pytest.approx(plain)
    unaided = _scores(biased, "text", principles=principles, content_free_prior=False)
    assert unaided != pytest.approx(plain, abs=0.01)


def test_the_flipped_question_cancels_a_bias_that_both_share_without_a_prior() -> None:
    planned = {("text", "ask"): 0.8, ("text", "flip"): 0.4}
    expected = _p((_odds(0.8) - _odds(0.4)) / 2)
    principles = [{"ask": "ask", "flipped": "flip"}]
    for bias in (0.0, 3.0, -3.0):
        reader = _Reader(planned, bias={"ask": bias, "flip": bias})
        scores = _scores(reader, "text", principles=principles, content_free_prior=False)
        assert scores == pytest.approx((1 - expected,))


def test_principles_weigh_by_whether_they_apply() -> None:
    planned = {("text", "q1"): 0.9, ("text", "q2"): 0.3, ("text", "about q2?"): 0.5}
    principles = ["q1", {"ask": "q2", "applies": "about q2?"}]
    mean = (0.9 + 0.5 * 0.3) / 1.5
    std = math.sqrt((1.0 * (0.9 - mean) ** 2 + 0.5 * (0.3 - mean) ** 2) / 1.5)
    assert _scores(_Reader(planned), "text", principles=principles) == pytest.approx((1 - (mean - std),))
    # Below the bound it does not count at all.
    planned["text", "about q2?"] = 0.2
    assert _scores(_Reader(planned), "text", principles=principles) == pytest.approx((0.1,))
    counted = _scores(_Reader(planned), "text", principles=principles, min_weight=0.1, kappa=0.0)
    assert counted == pytest.approx((1 - (0.9 + 0.2 * 0.3) / 1.2,))


def test_where_no_principle_applies_it_abstains_for_that_response_alone() -> None:
    planned = {
        ("off", "a?"): 0.1,
        ("off", "b?"): 0.2,
        ("on", "a?"): 0.9,
        ("on", "b?"): 0.1,
        ("on", "q1"): 0.7,
    }
    principles = [{"ask": "q1", "applies": "a?"}, {"ask": "q2", "applies": "b?"}]
    off, on = _scores(_Reader(planned), "off", "on", principles=principles)
    assert off == Abstain("no principle applies: the likeliest to has 0.20, below min_weight 0.25")
    assert on == pytest.approx(0.3)


def test_the_prior_is_asked_once_a_shard_and_each_question_once() -> None:
    reader = _Reader({})
    principles = [{"ask": "q1", "applies": "about?"}, {"ask": "q2", "applies": "about?"}]
    dimension = Principles(
        Principles.Options.model_validate({"principles": principles}), "v", _Resources(reader)
    )
    dimension.udasa_score([group(response("a"), prompt_id=str(index)) for index in range(17)], seed=0)
    assert [len(call) for call in reader.calls] == [2, 8, 8, 1]
    assert [one[-1].content for one in reader.calls[0]] == ["N/A", ""]
    assert dimension._questions == ("q1", "about?", "q2")
    unasked = _Reader({})
    _scores(unasked, "a", principles=["q"], content_free_prior=False)
    assert [len(call) for call in unasked.calls] == [1]


def test_many_groups_stay_in_order() -> None:
    groups = [
        group(response("kind" if index % 3 else "harm"), response("neither"), prompt_id=str(index))
        for index in range(21)
    ]
    resources = FakeResources(RESOURCES.base)
    options = Principles.Options.model_validate({"principles": ["Is it kind?"]})
    column = Principles(options, "v", resources).udasa_score(groups, 0)
    assert [row[0] for row in column.scores] == pytest.approx([0.1 if i % 3 else 0.9 for i in range(21)])
    assert sum(count for _, count in resources.told) == 21


def test_permuting_responses_permutes_scores() -> None:
    principles = ["Is it kind?", {"ask": "Is it safe?", "flipped": "Is it unsafe?"}]
    words = ["kind", "harm", "neither"]
    reader = _Reader({(word, "Is it kind?"): 0.2 + 0.3 * n for n, word in enumerate(words)})
    forward = _scores(reader, *words, principles=principles)
    assert _scores(reader, *reversed(words), principles=principles) == pytest.approx(forward[::-1])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"principles": []}, "at least 1"),
        ({"principles": ["  "]}, "at least 1 character"),
        ({"principles": ["Is it kind?", " Is it kind? "]}, "stands twice"),
        ({"principles": ["Is it kind?", {"ask": "Is it kind?", "applies": "Here?"}]}, "stands twice"),
        ({"principles": [{"flipped": "Is it unkind?"}]}, "Field required"),
        ({"principles": [{"ask": "q", "flipped": "q"}]}, "flipped repeats ask"),
        ({"principles": [{"ask": "q", "flips": "r"}]}, "Extra inputs"),
        ({"principles": [3]}, "a text, or a table"),
        ({"principles": ["q"], "kappa": -1}, "greater than or equal to 0"),
        ({"principles": ["q"], "kappa": float("nan")}, "finite"),
        ({"principles": ["q"], "min_weight": 1.5}, "less than or equal to 1"),
        ({}, "Field required"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Principles.Options.model_validate(options)


def test_texts_and_tables_are_read_strictly_from_toml() -> None:
    plain = '{"principles": ["Is it kind?", {"ask": "Is it safe?", "flipped": "Is it unsafe?"}]}'
    options = Principles.Options.model_validate_json(plain, strict=True)
    assert [one.questions for one in options.principles] == [
        ("Is it kind?",),
        ("Is it safe?", "Is it unsafe?"),
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=20)), min_size=1, max_size=6))
def test_bounded_for_any_text(words: list[str]) -> None:
    options = Principles.Options.model_validate({"principles": ["a?", "b?"], "kappa": 3.0})
    scores = Principles(options, "v", RESOURCES).udasa_score([group(*map(response, words))], seed=0).scores[0]
    assert all(isinstance(score, float) and 0.0 <= score <= 1.0 for score in scores)


probability = st.floats(0.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(probability, min_size=6, max_size=6), st.floats(0.0, 3.0), probability)
def test_bounded_for_any_answers_certain_ones_too(
    answers: list[float], kappa: float, min_weight: float
) -> None:
    planned = {
        (text, q): answers[3 * n + m] for n, text in enumerate(("N/A", "t")) for m, q in enumerate("afw")
    }
    reader = _Reader({**planned, ("", "a"): 1.0})
    principles = [{"ask": "a", "flipped": "f", "applies": "w"}]
    (score,) = _scores(reader, "t", principles=principles, kappa=kappa, min_weight=min_weight)
    assert isinstance(score, Abstain) or (isinstance(score, float) and 0.0 <= score <= 1.0)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(-3.0, 3.0))
def test_a_plain_principle_keeps_its_order_whatever_the_prior(one: float, two: float, bias: float) -> None:
    reader = _Reader({("a", "q"): one, ("b", "q"): two}, bias={"q": bias})
    a, b = _scores(reader, "a", "b", principles=["q"])
    assert isinstance(a, float)
    assert isinstance(b, float)
    assert (one - two) * (a - b) <= 1e-12


def test_every_form_of_principle_passes_the_conformance_kit() -> None:
    options = {"principles": ["Is it kind?", {"ask": "Honest?", "flipped": "False?", "applies": "Claims?"}]}
    testing.check_dimension(Principles, options)
    testing.check_factory("dimension", Principles, options)
