from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.plugins.classifiers import PlannedClassifier, PlannedResources, make_tiny_classifier
from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import UdasaError, testing
from udasa_plugin_value.classifier import HarmClassifier

LABELS = ("calm", "Toxic", "threat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_classifier(tmp_path_factory.mktemp("classifier") / "model", LABELS)


def _dimension(classifier: PlannedClassifier, **options: object) -> HarmClassifier:
    given_options = {"source": "file:planned", "harmful": ["Toxic"], **options}
    return HarmClassifier(
        HarmClassifier.Options.model_validate(given_options),
        "harm",
        PlannedResources({"file:planned": classifier}),
    )


def test_softmax_sums_the_harmful_labels() -> None:
    classifier = PlannedClassifier(LABELS, {"rude": [0.0, math.log(2.0), math.log(5.0)]})
    one = [group(response("rude"), response("other"))]
    (scores,) = _dimension(classifier).udasa_score(one, seed=0).scores
    assert scores == pytest.approx((2 / 8, 1 / 3))
    (scores,) = _dimension(classifier, harmful=["threat", "Toxic"]).udasa_score(one, seed=0).scores
    assert scores == pytest.approx((7 / 8, 2 / 3))


def test_sigmoid_takes_the_likeliest_harmful_label() -> None:
    classifier = PlannedClassifier(LABELS, {"rude": [9.0, math.log(3.0), -1.0], "odd": [9.0, -800.0, -900.0]})
    dimension = _dimension(classifier, harmful=["Toxic", "threat"], activation="sigmoid")
    (scores,) = dimension.udasa_score([group(response("rude"), response("odd"))], seed=0).scores
    assert scores == pytest.approx((0.75, 0.0))


def test_it_reads_the_response_or_the_conversation() -> None:
    classifier = PlannedClassifier(LABELS, {})
    _dimension(classifier).udasa_score([group(response("so"), question="Why me?")], seed=0)
    _dimension(classifier, reads="conversation").udasa_score([group(response("so"), question="Why me?")], 0)
    assert classifier.shown == [("so",), ("Why me?", "so")]


def test_many_groups_stay_in_order_and_are_told_of() -> None:
    classifier = PlannedClassifier(LABELS, {"rude": [0.0, 50.0, 0.0], "calm": [50.0, 0.0, 0.0]})
    dimension = _dimension(classifier)
    groups = [
        group(response("calm" if index % 3 else "rude"), response("calm"), prompt_id=str(index))
        for index in range(70)
    ]
    column = dimension.udasa_score(groups, seed=0)
    assert column.dimension == "harm"
    assert [row[0] for row in column.scores] == pytest.approx([float(index % 3 == 0) for index in range(70)])
    assert all(row[1] == pytest.approx(0.0) for row in column.scores)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"harmful": ["toxic"]}, r"calm, Toxic, threat, and harmful names 'toxic'; did you mean 'Toxic'\?"),
        ({"harmful": ["zzz"]}, "harmful names 'zzz'; write some of: calm, Toxic"),
        ({"harmful": list(LABELS)}, 'all of them in harmful.*activation = "sigmoid"'),
    ],
)
def test_labels_that_do_not_fit_are_told_with_those_there_are(options: dict[str, object], told: str) -> None:
    dimension = _dimension(PlannedClassifier(LABELS, {}), **options)
    with pytest.raises(UdasaError, match=told):
        dimension.udasa_score([group(response("a"))], seed=0)
    with pytest.raises(UdasaError, match=r"dimension 'harm': the classifier file:planned"):
        _ = dimension.fingerprint


def test_under_sigmoid_every_label_may_be_harmful() -> None:
    dimension = _dimension(PlannedClassifier(LABELS, {}), harmful=list(LABELS), activation="sigmoid")
    assert dimension.udasa_score([group(response("a"))], seed=0).scores == ((0.5,),)


def test_one_label_under_softmax_says_nothing_and_is_refused() -> None:
    with pytest.raises(UdasaError, match="whatever the text"):
        _ = _dimension(PlannedClassifier(["Toxic"], {})).fingerprint


@pytest.mark.parametrize(
    "options", [{"harmful": []}, {"harmful": [""]}, {"activation": "relu"}, {"source": ""}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HarmClassifier.Options.model_validate({"source": "file:x", "harmful": ["a"], **options})


def test_a_real_model_is_read_by_its_own_labels(folder: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    options = HarmClassifier.Options(source=f"file:{folder}", harmful=("threat",), reads="conversation")
    dimension = HarmClassifier(options, "harm", FakeResources(RESOURCES.base))
    words = ("you are kind", "harm you", "", "is not")
    (scores,) = dimension.udasa_score([group(*map(response, words), question="why me")], seed=0).scores
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    probabilities = [
        model(**tokenizer("why me", text, return_tensors="pt")).logits[0].softmax(0)[2].item()
        for text in words
    ]
    assert scores == pytest.approx(probabilities, abs=1e-5)
    assert np.ptp(probabilities) > 1e-3


def test_a_real_model_passes_the_conformance_kit(folder: Path) -> None:
    options = {"source": f"file:{folder}", "harmful": ["Toxic", "threat"]}
    testing.check_dimension(HarmClassifier, options)
    assert testing.check_factory("dimension", HarmClassifier, options).instance.label_free is None


def test_the_fingerprint_is_the_model(folder: Path, tmp_path: Path) -> None:
    other = make_tiny_classifier(tmp_path / "other", LABELS, seed=1)
    copied = make_tiny_classifier(tmp_path / "copy", LABELS)

    def fingerprint(path: Path) -> str:
        options = HarmClassifier.Options(source=f"file:{path}", harmful=("Toxic",))
        return HarmClassifier(options, "harm", FakeResources(RESOURCES.base)).fingerprint

    assert fingerprint(folder) == fingerprint(copied) != fingerprint(other)
    assert json.loads((folder / "config.json").read_text())["id2label"]["1"] == "Toxic"


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3),
    st.sampled_from(ODD_TEXTS),
    st.sampled_from(["softmax", "sigmoid"]),
)
def test_bounded_for_any_logits(logits: list[float], text: str, activation: str) -> None:
    classifier = PlannedClassifier(LABELS, {text: logits})
    dimension = _dimension(classifier, harmful=["calm", "threat"], activation=activation)
    ((score,),) = dimension.udasa_score([group(response(text))], seed=0).scores
    assert isinstance(score, float)
    assert 0.0 <= score <= 1.0


MULTI = "multi_label_classification"


def test_a_multi_label_head_is_read_as_its_config_says() -> None:
    # The softmax of these would call harmless text .85 harmful.
    planned = {"fine": [-7.8, -6.0, -9.0]}
    dimension = _dimension(PlannedClassifier(LABELS, planned, problem_type=MULTI))
    (scores,) = dimension.udasa_score([group(response("fine"))], seed=0).scores
    assert scores == pytest.approx((1 / (1 + math.exp(6.0)),))


@pytest.mark.parametrize(
    ("problem_type", "activation", "told"),
    [
        (MULTI, "softmax", "is read by sigmoid, and activation is"),
        ("single_label_classification", "sigmoid", "is read by softmax, and activation is"),
        ("regression", None, "one of regression"),
    ],
)
def test_what_contradicts_the_config_is_refused(problem_type: str, activation: str, told: str) -> None:
    classifier = PlannedClassifier(LABELS, {}, problem_type=problem_type)
    with pytest.raises(UdasaError, match=told):
        _ = _dimension(classifier, activation=activation).fingerprint
