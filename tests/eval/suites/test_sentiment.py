from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.eval.suites.answering import AnsweringResources
from tests.plugins.classifiers import PlannedClassifier, make_tiny_classifier
from udasa_core import Metric, ModelRef, UdasaError, load_causal_lm, testing
from udasa_eval.measures.perplexity import continuation_surprise
from udasa_eval.suites.sentiment import Sentiment

PLANNED = {"good": [0.0, math.log(9)], "bad": [math.log(3), 0.0]}


def classifier(labels: tuple[str, ...] = ("NEGATIVE", "POSITIVE"), key: str = "k") -> PlannedClassifier:
    return PlannedClassifier(labels, PLANNED, key)


def reviews(folder: Path) -> str:
    path = folder / "reviews.jsonl"
    rows = [
        {"text": "This film was the best one that I have seen"},
        {"text": "The plot is thin and the users are not in it"},
        {"prompt": "As short as that is"},
        {"text": "Too long to be taken by anybody at all today"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"file:{path}"


def says(content: str, policy: ModelRef, k: int) -> str | None:
    if "Too long" in content:
        return None
    if "The plot" in content:
        return "The plot is thin but it is bad and it is"
    return " it is good"


def suite(folder: Path, resources: AnsweringResources, **options: Any) -> Sentiment:
    given = {"source": reviews(folder), "classifier": "file:m", "prefix_words": 4, **options}
    return Sentiment(Sentiment.Options.model_validate(given), "sentiment", resources)


def by_name(metrics: tuple[Metric, ...]) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


def test_positivity_length_and_perplexity_by_hand(tmp_path: Path, tiny_ref: ModelRef) -> None:
    read = classifier()
    resources = AnsweringResources(tiny_ref, says, classifiers={"file:m": read})
    report = suite(tmp_path, resources).udasa_evaluate(tiny_ref, 3)
    found = by_name(report.metrics)
    # 9/10 twice, 1/4 once; the fourth was not asked.
    assert found["positivity"].value == pytest.approx((0.9 + 0.25 + 0.9) / 3)
    assert found["positive_share"].value == pytest.approx(2 / 3)
    assert found["positivity"].n == 3
    assert found["not_asked"].value == 0.25
    assert "empty" not in found
    assert found["length"].value == pytest.approx((11 + 40 + 11) / 3)
    base = load_causal_lm(tiny_ref)
    perplexities = [
        continuation_surprise(base, *parts).perplexity
        for parts in [
            ("This film was the", " it is good"),
            ("The plot is thin", " but it is bad and it is"),
            ("As short as that is", " it is good"),
        ]
    ]
    assert found["perplexity_mean"].value == pytest.approx(np.mean(perplexities))
    assert found["perplexity_median"].value == pytest.approx(np.median(perplexities))
    # The repeated beginning is not read, and no beginning is.
    assert read.shown == [("it is good",), ("but it is bad and it is",), ("it is good",)]
    assert [row["score"] for row in report.rows] == [*map(pytest.approx, (0.9, 0.25, 0.9)), None]
    assert [row["id"] for row in report.rows] == ["1", "2", "3", "4"]
    named = suite(tmp_path, resources).udasa_questions()
    assert named[:2] == ["This film was the", "The plot is thin"]
    assert len(named) == 4


def test_a_chat_model_is_asked_to_continue_in_a_users_turn(tmp_path: Path, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says, classifiers={"file:m": classifier()})
    suite(tmp_path, resources, temperature=0.5, max_new_tokens=9).udasa_evaluate(tiny_ref, 3)
    (first, *_) = resources.prompts
    assert [message.role for message in first.messages] == ["user"]
    assert first.messages[0].content == "Continue this film review: This film was the"
    # A "prompt" is a beginning as it stands.
    assert resources.prompts[2].messages[0].content.endswith(": As short as that is")
    ((_, sampling, seed),) = resources.asked_of
    assert (sampling.responses, sampling.temperature, sampling.max_new_tokens, seed) == (1, 0.5, 9, 3)
    plain = AnsweringResources(tiny_ref, says, classifiers={"file:m": classifier()})
    suite(tmp_path, plain, instruction="{beginning}").udasa_evaluate(tiny_ref, 3)
    assert plain.prompts[0].messages[0].content == "This film was the"


def test_an_empty_continuation_is_counted_not_scored(tmp_path: Path, tiny_ref: ModelRef) -> None:
    def mute(content: str, policy: ModelRef, k: int) -> str:
        return "it is good" if "film was" in content else " "

    resources = AnsweringResources(tiny_ref, mute, classifiers={"file:m": classifier()})
    report = suite(tmp_path, resources).udasa_evaluate(tiny_ref, 3)
    found = by_name(report.metrics)
    assert found["empty"].value == 0.75
    assert (found["positivity"].value, found["positivity"].n) == (pytest.approx(0.9), 1)
    assert [row["output"] for row in report.rows] == ["it is good", "", "", ""]
    silent = AnsweringResources(tiny_ref, lambda *asked: " ", classifiers={"file:m": classifier()})
    with pytest.raises(UdasaError, match="none of 4 beginnings was continued"):
        suite(tmp_path, silent).udasa_evaluate(tiny_ref, 3)


def test_a_label_that_says_nothing_is_told_before_anything_is_sampled(
    tmp_path: Path, tiny_ref: ModelRef
) -> None:
    resources = AnsweringResources(tiny_ref, says, classifiers={"file:m": classifier(("LABEL_0", "LABEL_1"))})
    with pytest.raises(UdasaError, match="which one means positive"):
        suite(tmp_path, resources).udasa_evaluate(tiny_ref, 3)
    assert not resources.asked_of
    named = suite(tmp_path, resources, positive="LABEL_1").udasa_evaluate(tiny_ref, 3)
    assert by_name(named.metrics)["positive_share"].value == pytest.approx(2 / 3)


def test_reviews_classifier_label_and_base_enter_the_fingerprint(tmp_path: Path, tiny_ref: ModelRef) -> None:
    def fingerprint(key: str = "k", **options: Any) -> str:
        resources = AnsweringResources(tiny_ref, says, classifiers={"file:m": classifier(key=key)})
        return suite(tmp_path, resources, **options).fingerprint

    same = fingerprint()
    assert fingerprint() == same
    assert fingerprint(key="other") != same
    assert fingerprint(positive="NEGATIVE") != same
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "a"}\n')
    assert fingerprint(source=f"file:{other}") != same


def test_it_keeps_the_contract(tmp_path: Path, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says, classifiers={"file:m": classifier()})
    options = {"source": reviews(tmp_path), "classifier": "file:m"}
    testing.check_suite(Sentiment, options, policy=tiny_ref, resources=resources)
    folder = make_tiny_classifier(tmp_path / "m", ["negative", "positive"])
    testing.check_factory("suite", Sentiment, {**options, "classifier": f"file:{folder}"})


def test_an_instruction_without_the_beginning_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"\{beginning\}"):
        Sentiment.Options(classifier="file:m", instruction="Write a review.")
