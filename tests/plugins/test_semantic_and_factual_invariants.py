"""What every estimator of this kind keeps to, whatever the responses.

A duplicated response is one more vote, so where responses vote, it may change the order of the others: see
`test_a_duplicate_is_one_more_vote`. What holds is told by estimator:

- those that look at one response only do not change at all;
- in clusters no order is turned round (ties may come and go);
- where the score is a mean over the others, two of them keep their order if the duplicated response,
  as the only other one, would order them the same;
- with every response duplicated, all keep their order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeResources
from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Abstain, Group, Message, Response, Score
from udasa_core.plugins import compared
from udasa_core.resources.similarity import EmbedderSimilarity, EntailmentSimilarity
from udasa_plugin_factual.cocoa import CoCoA
from udasa_plugin_factual.evidence import Evidence
from udasa_plugin_factual.max_token import MaxToken
from udasa_plugin_factual.nll import NegativeLogLikelihood
from udasa_plugin_factual.p_true import PTrue
from udasa_plugin_factual.selfcheck import SelfCheck
from udasa_plugin_factual.selfcheck_embedder import SelfCheckEmbedder
from udasa_plugin_factual.selfcheck_ngram import SelfCheckNgram
from udasa_plugin_semantic.agreement import Agreement
from udasa_plugin_semantic.cluster import Cluster
from udasa_plugin_semantic.degree import Degree
from udasa_plugin_semantic.eccentricity import Eccentricity
from udasa_plugin_semantic.lexical import Lexical

_CLOSE = 1e-9
# A square root turns the last bit of a square into this much, times a margin.
_CLOSE_ROOT = 1e-5


def _share(*parts: str) -> float:
    """Return a number in [0, 1) that the texts decide."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:6], "big") / 2**48


class _Planted(FakeResources):
    """Models with an opinion on everything. A text entails what it quotes; all else is decided by hashes."""

    def __init__(self, entails: bool) -> None:
        super().__init__(RESOURCES.base)
        self._entails = entails

    def entailment(self) -> _Planted:  # type: ignore[override]  # itself
        return self

    def reader(self) -> _Planted:  # type: ignore[override]  # itself
        return self

    def similarity(self) -> EmbedderSimilarity | EntailmentSimilarity:
        return EntailmentSimilarity(self) if self._entails else EmbedderSimilarity(self.embedder())

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([self._row(*pair) for pair in pairs]).reshape(len(pairs), 3)

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> np.ndarray:
        rows = [[_share(turns[-1].content, question) for question in questions] for turns in conversations]
        return np.array(rows).reshape(len(conversations), len(questions))

    @staticmethod
    def _row(premise: str, hypothesis: str) -> tuple[float, float, float]:
        if hypothesis in premise:
            return 0.02, 0.03, 0.95
        one, other = sorted((_share(premise, hypothesis, "1"), _share(premise, hypothesis, "2")))
        return one, other - one, 1.0 - other


BY_EMBEDDER, BY_ENTAILMENT = _Planted(entails=False), _Planted(entails=True)
Scorer = Callable[[Group], tuple[Score, ...]]


def _scorer(factory: Any, resources: FakeResources = BY_EMBEDDER, **options: Any) -> Scorer:
    dimension = factory(factory.Options.model_validate(options), "tested", resources)

    def score(one: Group) -> tuple[Score, ...]:
        # Where answers are compared, all of these prompts are answered.
        with patch.object(compared, "is_answered", return_value=True):
            return dimension.udasa_score([one], seed=0).scores[0]  # type: ignore[no-any-return]  # Any

    return score


# Estimators that look at one response at a time, those of clusters, and the means over the others.
ALONE = {
    "nll": _scorer(NegativeLogLikelihood),
    "max-token": _scorer(MaxToken),
    "p-true": _scorer(PTrue),
    "evidence": _scorer(Evidence),
    "evidence-max": _scorer(Evidence, over="max"),
}
CLUSTERS = {
    "cluster": _scorer(Cluster, cosine=0.6),
    "cluster-entailment": _scorer(Cluster, BY_ENTAILMENT),
}
MEANS = {
    "degree": _scorer(Degree),
    "degree-entailment": _scorer(Degree, BY_ENTAILMENT),
    "degree-answer": _scorer(Degree, on="answer"),
    "lexical": _scorer(Lexical),
    "lexical-answer": _scorer(Lexical, on="answer"),
    "cocoa": _scorer(CoCoA),
    "cocoa-entailment": _scorer(CoCoA, BY_ENTAILMENT, on="answer"),
    "selfcheck": _scorer(SelfCheck),
    "selfcheck-embedder": _scorer(SelfCheckEmbedder),
}
OTHERS = {
    "agreement": _scorer(Agreement),
    "eccentricity": _scorer(Eccentricity),
    "eccentricity-entailment": _scorer(Eccentricity, BY_ENTAILMENT, on="answer", threshold=0.7),
    "selfcheck-max": _scorer(SelfCheck, over="max"),
    "selfcheck-embedder-max": _scorer(SelfCheckEmbedder, over="max"),
    "selfcheck-ngram": _scorer(SelfCheckNgram),
    "selfcheck-ngram-max": _scorer(SelfCheckNgram, words="max", over="max"),
}
EVERY = {**ALONE, **CLUSTERS, **MEANS, **OTHERS}


def _each(scorers: dict[str, Scorer]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("score", scorers.values(), ids=scorers.keys())


_sentences = st.lists(st.sampled_from(["red", "blue", "big", "small", "sea"]), min_size=1, max_size=3).map(
    lambda words: f"It is {' '.join(words)}."
)
plain_texts = st.lists(_sentences, min_size=1, max_size=2).map(" ".join)
hard_texts = st.one_of(plain_texts, st.sampled_from(ODD_TEXTS), st.text(max_size=20))
logprobs = st.lists(st.floats(-9.0, 0.0), min_size=1, max_size=3)


def _groups(texts: st.SearchStrategy[str], least: int) -> st.SearchStrategy[Group]:
    responses = st.lists(st.builds(response, texts, logprobs), min_size=least, max_size=6)
    return responses.map(lambda some: _asked(*some))


def _asked(*responses: Response) -> Group:
    one = group(*responses, question="What is the colour of the sea?")
    return replace(one, prompt=replace(one.prompt, passages=("It is red.", "It is big sea. It is blue.")))


def _close(score: Scorer) -> float:
    roots = (OTHERS["eccentricity"], OTHERS["eccentricity-entailment"])
    return _CLOSE_ROOT if score in roots else _CLOSE


def _turned(before: Sequence[Score], after: Sequence[Score], close: float) -> list[tuple[int, int]]:
    """Return the pairs whose order is the opposite afterwards; ties are no order."""
    known = [index for index, score in enumerate(before) if not isinstance(score, Abstain)]
    return [
        (i, j)
        for i, j in permutations(known, 2)
        if before[i] < before[j] - close and after[i] > after[j] + close  # type: ignore[operator]  # no Abstain
    ]


# Those that check sentences, or count words, go by how much is said, and entailment has a direction.
VOTES = {
    name: score for name, score in {**CLUSTERS, **MEANS, **OTHERS}.items() if not name.startswith("selfcheck")
}


@_each(VOTES)
@given(one=plain_texts, other=plain_texts, majority=st.integers(1, 7), voters=st.integers(0, 8))
def test_answers_count_by_their_votes_and_not_by_their_words(
    score: Scorer, one: str, other: str, majority: int, voters: int
) -> None:
    """With equal likelihoods, swapping the strings of two answers swaps their scores."""
    texts = [*[one] * majority, *[other] * (8 - majority)]
    swapped = [*[other] * majority, *[one] * (8 - majority)]
    further = [one, other] * (voters // 2)

    def scores(some: Sequence[str], more: Sequence[str]) -> list[float]:
        heard = replace(_asked(*map(response, some)), voters=tuple(map(response, more)))
        return [found for found in score(heard) if not isinstance(found, Abstain)]

    there, back = scores(texts, further), scores(swapped, further)
    assert there == pytest.approx(back, abs=_CLOSE_ROOT)
    if majority >= 5 and not further:
        assert there[0] <= there[-1] + _CLOSE_ROOT


@_each(EVERY)
@given(one=_groups(hard_texts, 2), further=_groups(plain_texts, 1))
def test_voters_are_heard_as_responses_are(score: Scorer, one: Group, further: Group) -> None:
    """A response has the score that it would have were the voters responses, too; they have none."""
    heard = replace(one, voters=further.responses)
    together = replace(one, responses=(*one.responses, *further.responses))
    assert score(heard) == score(together)[: len(one.responses)]


@_each(EVERY)
@settings(max_examples=25, deadline=None)
@given(_groups(hard_texts, least=1), st.randoms(use_true_random=False))
def test_permuting_responses_permutes_scores(score: Scorer, one: Group, random: Any) -> None:
    order = list(range(len(one.responses)))
    random.shuffle(order)
    plain = score(one)
    moved = score(replace(one, responses=tuple(one.responses[index] for index in order)))
    for index, after in zip(order, moved, strict=True):
        before = plain[index]
        assert before == after or after == pytest.approx(before, abs=_close(score))


@_each(EVERY)
@settings(max_examples=25, deadline=None)
@given(_groups(hard_texts, least=1))
def test_scores_stay_in_range_or_say_why_not(score: Scorer, one: Group) -> None:
    for found in score(one):
        assert isinstance(found, Abstain) or (type(found) is float and 0.0 <= found <= 1.0)


@_each(EVERY)
def test_every_hard_text_beside_ordinary_ones(score: Scorer) -> None:
    texts = (
        *ODD_TEXTS,
        "It is blue.",
        "The answer is: blue",
        "\\boxed{}",
        "?",
        "...",
        "1.",
        "a\x00b",
        "\ud83d\ude42"[:0],
    )
    scores = score(_asked(*map(response, texts)))
    assert all(isinstance(found, Abstain) or 0.0 <= found <= 1.0 for found in scores)
    assert not isinstance(scores[len(ODD_TEXTS)], Abstain)


@_each(EVERY)
@settings(max_examples=25, deadline=None)
@given(_groups(plain_texts, least=2))
def test_equal_responses_have_equal_scores(score: Scorer, one: Group) -> None:
    scores = score(replace(one, responses=(*one.responses, one.responses[0])))
    assert scores[0] == scores[-1]


@_each(ALONE)
@settings(max_examples=25, deadline=None)
@given(_groups(hard_texts, least=1), st.data())
def test_one_at_a_time_a_duplicate_changes_nothing(score: Scorer, one: Group, data: st.DataObject) -> None:
    duplicated = data.draw(st.sampled_from(one.responses))
    assert score(replace(one, responses=(*one.responses, duplicated)))[:-1] == score(one)


@_each(CLUSTERS)
@settings(max_examples=50, deadline=None)
@given(_groups(plain_texts, least=3), st.data())
def test_in_clusters_a_duplicate_turns_no_order_round(score: Scorer, one: Group, data: st.DataObject) -> None:
    duplicated = data.draw(st.sampled_from(one.responses))
    after = score(replace(one, responses=(*one.responses, duplicated)))
    assert not _turned(score(one), after, _CLOSE)


@_each(MEANS)
@settings(max_examples=50, deadline=None)
@given(_groups(plain_texts, least=3))
def test_a_duplicate_turns_an_order_only_towards_its_own(score: Scorer, one: Group) -> None:
    *others, duplicated = one.responses
    before = score(one)
    after = score(replace(one, responses=(*one.responses, duplicated)))
    # What each would score were the duplicated response the only other one.
    beside = [score(replace(one, responses=(other, duplicated)))[0] for other in others]
    for i, j in _turned(before[:-1], after[: len(others)], _CLOSE):
        assert beside[i] > beside[j]  # type: ignore[operator]  # plain texts have sentences: no Abstain


@_each(EVERY)
@settings(max_examples=25, deadline=None)
@given(_groups(plain_texts, least=2))
def test_duplicating_every_response_keeps_the_order(score: Scorer, one: Group) -> None:
    after = score(replace(one, responses=one.responses * 2))
    assert not _turned(score(one), after, _close(score))


def test_a_duplicate_is_one_more_vote() -> None:
    """So the order of the others may turn, and should: what is said more often weighs more."""
    # The first shares most of its words with the third, the second one word with the fourth.
    texts = ("It is red sea", "So very big", "It is red", "big")
    before = EVERY["lexical"](_asked(*map(response, texts)))
    after = EVERY["lexical"](_asked(*map(response, (*texts, texts[3], texts[3]))))
    assert before[0] < before[1]  # type: ignore[operator]  # no Abstain
    assert after[0] > after[1]  # type: ignore[operator]  # no Abstain
