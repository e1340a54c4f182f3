from __future__ import annotations

import math

import pytest

from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Abstain, Score
from udasa_plugin_factual.selfcheck_ngram import SelfCheckNgram


def _score(*texts: str, **options: str) -> tuple[Score, ...]:
    ngram = SelfCheckNgram(SelfCheckNgram.Options.model_validate(options), "ngram", RESOURCES)
    return ngram.udasa_score([group(*map(response, texts))], seed=0).scores[0]


def test_formula_by_hand() -> None:
    # Nine words: it 3, is 3, red 2, big 1.
    texts = ("It is red.", "it is RED", "It is big!")
    common, red, big = math.log(9 / 3), math.log(9 / 2), math.log(9)
    assert _score(*texts) == pytest.approx(
        (*(1 - math.exp(-(2 * common + red) / 3),) * 2, 1 - math.exp(-(2 * common + big) / 3))
    )
    assert _score(*texts, words="max") == pytest.approx((1 - 2 / 9, 1 - 2 / 9, 1 - 1 / 9))


def test_sentences_make_one_score_by_mean_or_max() -> None:
    # Five words: red 2, big 2, old 1.
    texts = ("Red. Big, old.", "Red, big.")
    first, second = math.log(5 / 2), (math.log(5 / 2) + math.log(5)) / 2
    assert _score(*texts)[0] == pytest.approx(1 - math.exp(-(first + second) / 2))
    assert _score(*texts, over="max")[0] == pytest.approx(1 - math.exp(-second))
    assert _score(*texts, over="max", words="max")[0] == pytest.approx(1 - 1 / 5)


def test_the_example_of_the_authors_package() -> None:
    """The figures that its README prints. Its words include punctuation, which is spelt out here."""
    name = "Michael Alan Weiner"
    weiner, begun = f"{name} (born March 31, 1942)", "is an American radio host."
    texts = (
        f"{weiner} {begun} He is the host of The Savage Nation.",
        f"{weiner} {begun} He is the host of The Savage Country.",
        f"{name} (born January 13, 1960) is a Canadian radio host. He works at The New York Times.",
        f"{weiner} {begun} He obtained his PhD from MIT.",
    )
    spelt = [
        text.replace("(", "left ").replace(")", " right").replace(",", " comma").replace(".", " stop.")
        for text in texts
    ]
    mean, rarest = (3.184312 + 3.279774) / 2, (3.476098 + 4.574710) / 2
    assert _score(*spelt)[0] == pytest.approx(1 - math.exp(-mean), abs=1e-7)
    assert _score(*spelt, words="max")[0] == pytest.approx(1 - math.exp(-rarest), abs=1e-7)


def test_what_cannot_be_checked_abstains() -> None:
    empty, emoji, word = _score("", "🙂", "yes")
    assert isinstance(empty, Abstain)
    assert isinstance(emoji, Abstain)
    assert word == 0.0
    (alone,) = _score("yes")
    assert isinstance(alone, Abstain)
    assert "one response" in alone.reason
