from __future__ import annotations

import math
import sys

import pytest

from tests.plugins.classifiers import PlannedClassifier
from udasa_core import UdasaError
from udasa_eval.measures.positivity import classifier_positivity, positive_label, vader_positivity


def test_positivity_is_the_softmax_of_the_positive_label() -> None:
    classifier = PlannedClassifier(
        ["NEGATIVE", "POSITIVE"], {"good": [0.0, math.log(3)], "bad": [800.0, -800.0]}
    )
    found = classifier_positivity(classifier, ["good", "bad", "so"], "POSITIVE")
    assert found.tolist() == pytest.approx([0.75, 0.0, 0.5])


def test_the_label_is_read_from_the_model_or_named() -> None:
    assert positive_label(["negative", "neutral", "Positive"], "", "m") == "Positive"
    assert positive_label(["neg", "pos"], "", "m") == "pos"
    assert positive_label(["LABEL_0", "LABEL_1"], "LABEL_1", "m") == "LABEL_1"


@pytest.mark.parametrize(
    ("labels", "named", "told"),
    [
        (["LABEL_0", "LABEL_1"], "", "which one means positive.*positive = 'LABEL_1'"),
        (["a", "b"], "c", "positive = 'c' is none"),
        (["positive"], "", "at least two are needed"),
    ],
)
def test_a_label_that_says_nothing_is_asked_for(labels: list[str], named: str, told: str) -> None:
    with pytest.raises(UdasaError, match=f"file:m has the labels {', '.join(labels)}.*{told}"):
        positive_label(labels, named, "file:m")


def test_vader_orders_plain_cases() -> None:
    pytest.importorskip("vaderSentiment")
    bad, none, good = vader_positivity(
        ["An awful, boring film.", "The table.", "A wonderful film, I love it!"]
    )
    assert bad < 0.2
    assert none == 0.5
    assert good > 0.9


def test_without_vader_the_line_to_type_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    with pytest.raises(UdasaError, match="pip install vaderSentiment"):
        vader_positivity(["a"])


def test_a_multi_label_head_is_read_by_its_own_sigmoid() -> None:
    planned = PlannedClassifier(("neg", "pos"), {"": [4.0, 0.0]}, problem_type="multi_label_classification")
    assert classifier_positivity(planned, ["fine"], "pos") == pytest.approx([0.5])
    regression = PlannedClassifier(("neg", "pos"), {}, problem_type="regression")
    with pytest.raises(UdasaError, match="regression"):
        classifier_positivity(regression, ["fine"], "pos")
