from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from tests.eval.real_data import REAL_DATA
from tests.eval.suites.answering import AnsweringResources
from udasa_core import ModelRef, UdasaError, testing
from udasa_eval.suites.sentiment_vader import VaderSentiment

IMDB = REAL_DATA / "imdb" / "sample.csv"


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\n" + "".join(f"Review {n} of a film,1\n" for n in range(6)))
    return path


def suite(path: Path, resources: AnsweringResources) -> VaderSentiment:
    options = VaderSentiment.Options(source=f"file:{path}", prefix_words=2)
    return VaderSentiment(options, "sentiment.vader", resources)


def test_a_policy_that_praises_is_more_positive_than_one_that_does_not(
    reviews: Path, tiny_ref: ModelRef
) -> None:
    pytest.importorskip("vaderSentiment")
    found = {}
    for words in ("is a wonderful film, I love it!", "is an awful, boring film.", "is on the table."):
        resources = AnsweringResources(tiny_ref, lambda content, policy, k, words=words: words)
        report = suite(reviews, resources).udasa_evaluate(tiny_ref, 0)
        found[words] = {metric.name: metric.value for metric in report.metrics}
    praise, blame, neither = found.values()
    assert praise["positivity"] > 0.9 > 0.5 == neither["positivity"] > 0.2 > blame["positivity"]
    assert (praise["positive_share"], neither["positive_share"], blame["positive_share"]) == (1.0, 0.0, 0.0)


def test_it_keeps_the_contract(reviews: Path, tiny_ref: ModelRef) -> None:
    pytest.importorskip("vaderSentiment")

    def says(content: str, policy: ModelRef, k: int) -> str:
        return "good" if "3" in content else "so bad"

    options = {"source": f"file:{reviews}"}
    resources = AnsweringResources(tiny_ref, says)
    testing.check_suite(VaderSentiment, options, policy=tiny_ref, resources=resources)
    testing.check_factory("suite", VaderSentiment, options)


def test_a_missing_package_is_told_before_anything_is_sampled(
    reviews: Path, tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    resources = AnsweringResources(tiny_ref, lambda *asked: "good")
    with pytest.raises(UdasaError, match="pip install vaderSentiment"):
        suite(reviews, resources).udasa_evaluate(tiny_ref, 0)
    assert not resources.asked_of


@pytest.mark.skipif(not IMDB.is_file(), reason="the real reviews are not here")
def test_the_lexicon_finds_most_real_reviews() -> None:
    pytest.importorskip("vaderSentiment")
    from udasa_eval.measures.positivity import vader_positivity

    with IMDB.open(newline="") as file:
        rows = list(csv.DictReader(file))
    positive = vader_positivity([row["text"] for row in rows]) > 0.5
    right = sum(one == (row["label"] == "1") for one, row in zip(positive, rows, strict=True))
    assert right / len(rows) == pytest.approx(0.715, abs=0.02)
