"""Entailment by a cross-encoder: whatever the order and the spelling of its labels."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from tests.core.classifiers import make_classifier, ref_of, rename
from tests.plugins.classifiers import PlannedClassifier
from udasa_core.errors import PluginError, SourceError
from udasa_core.resources.classifier import TransformerClassifier
from udasa_core.resources.entailment import CrossEncoderEntailment
from udasa_core.resources.shared import SharedResources

ORDER = ("contradiction", "neutral", "entailment")
PAIRS = [("a b", "c"), ("c", "a b"), ("x y z", "x")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_classifier(tmp_path_factory.mktemp("nli"), "bert", positions=64, labels=ORDER)


def planned(labels: Sequence[str], *logits: float) -> CrossEncoderEntailment:
    return CrossEncoderEntailment(PlannedClassifier(labels, {"x": list(logits)}), "file:planned")


@pytest.mark.parametrize("labels", list(permutations(ORDER)))
def test_permuted_labels_permute_the_columns(folder: Path, tmp_path: Path, labels: tuple[str, ...]) -> None:
    renamed = rename(Path(shutil.copytree(folder, tmp_path / "renamed")), labels)
    found = CrossEncoderEntailment(TransformerClassifier(ref_of(renamed)), "s").probabilities(PAIRS)
    expected = CrossEncoderEntailment(TransformerClassifier(ref_of(folder)), "s").probabilities(PAIRS)
    # The model's column n is what its config calls it.
    for column, label in enumerate(labels):
        assert (found[:, ORDER.index(label)] == expected[:, column]).all()
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert (found >= 0).all()


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    found = planned(("entailment", "neutral", "contradiction"), 0.0, np.log(2), np.log(5))
    assert found.probabilities([("a", "x")])[0] == pytest.approx([5 / 8, 2 / 8, 1 / 8])
    # Where logits are so far apart that their powers would overflow.
    assert planned(ORDER, -2000.0, 0.0, 2000.0).probabilities([("a", "x")])[0].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "labels",
    [
        ("CONTRADICTION", "NEUTRAL", "ENTAILMENT"),
        ("contradict", " Neutral ", "entails"),
        ("REFUTES", "NOT ENOUGH INFO", "SUPPORTS"),
        ("contradictory", "not-enough-info", "entail"),
    ],
)
def test_labels_have_several_spellings(labels: tuple[str, ...]) -> None:
    assert planned(labels, 0.0, 0.0, 50.0).probabilities([("a", "x")])[0] == pytest.approx([0, 0, 1])


@pytest.mark.parametrize("absence", ["not_entailment", "non-entailment", "NOT ENTAILMENT", "contradiction"])
def test_a_model_of_two_labels_has_absence_as_contradiction(absence: str) -> None:
    for labels, logits in (
        (("entailment", absence), (np.log(3), 0.0)),
        ((absence, "entailment"), (0.0, np.log(3))),
    ):
        assert planned(labels, *logits).probabilities([("a", "x")])[0] == pytest.approx([0.25, 0.0, 0.75])


def test_a_real_model_of_two_labels(tmp_path: Path) -> None:
    folder = make_classifier(tmp_path, "roberta", positions=66, labels=("entailment", "not_entailment"))
    found = CrossEncoderEntailment(TransformerClassifier(ref_of(folder)), "s").probabilities(PAIRS)
    assert (found[:, 1] == 0).all()
    assert found.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "labels",
    [
        ("LABEL_0", "LABEL_1", "LABEL_2"),
        ("positive", "negative"),
        ("reward",),
        ("contradiction", "neutral", "entailment", "other"),
        ("contradiction", "neutral"),
        ("neutral", "entailment"),
        ("entailment", "entails", "neutral"),
    ],
)
def test_other_labels_are_named(labels: tuple[str, ...]) -> None:
    with pytest.raises(SourceError) as caught:
        planned(labels, *[0.0] * len(labels)).probabilities([("a", "x")])
    told = str(caught.value)
    assert "entailment file:planned: its labels are " + ", ".join(labels) in told
    assert "id2label" in told


def test_equal_pairs_are_read_once_and_direction_counts(folder: Path) -> None:
    ref = ref_of(folder)
    shared = SharedResources({"entailment": ref}, folder, lambda event: None)
    found = shared.entailment().probabilities([PAIRS[0], PAIRS[1], PAIRS[0]])
    assert (found[0] == found[2]).all()
    assert (found[0] != found[1]).any()
    assert shared.reads == {"texts classified": 2}
    # Asked for again, it is the same model with the same memory.
    assert (shared.entailment().probabilities(PAIRS[:2]) == found[:2]).all()
    assert shared.reads == {"texts classified": 2}


def test_no_pair_has_no_row(folder: Path) -> None:
    entailment = CrossEncoderEntailment(TransformerClassifier(ref_of(folder)), "s")
    assert entailment.probabilities([]).shape == (0, 3)


def test_without_a_model_it_is_told_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"add \[entailment\]"):
        SharedResources({}, tmp_path, lambda event: None).entailment()
