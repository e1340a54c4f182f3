from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.plugins.classifiers import PlannedClassifier, PlannedResources, make_tiny_classifier
from tests.plugins.groups import group, response
from udasa_core import UdasaError, testing
from udasa_plugin_value.ensemble import HarmEnsemble

MEMBERS = [{"source": "one", "harmful": ["bad"]}, {"source": "two", "harmful": ["rude"]}]


def _odds(p: float) -> list[float]:
    """Logits whose softmax is (1 − p, p)."""
    return [0.0, math.log(p) - math.log1p(-p)]


def _ensemble(
    one: dict[str, float], two: dict[str, float], second: str = "key-2", **options: object
) -> HarmEnsemble:
    classifiers = {
        "one": PlannedClassifier(["good", "bad"], {word: _odds(p) for word, p in one.items()}, "key-1"),
        "two": PlannedClassifier(["polite", "rude"], {word: _odds(p) for word, p in two.items()}, second),
    }
    plain = HarmEnsemble.Options.model_validate({"members": MEMBERS, **options})
    return HarmEnsemble(plain, "harm", PlannedResources(classifiers))


def test_mean_less_disagreement_by_hand() -> None:
    ensemble = _ensemble({"split": 0.1, "agreed": 0.3}, {"split": 0.5, "agreed": 0.3}, kappa=0.5)
    ((split, agreed),) = ensemble.udasa_score([group(response("split"), response("agreed"))], seed=0).scores
    # p = .9 and .5: mean .7, population std .2
    assert split == pytest.approx(1 - (0.7 - 0.1))
    assert agreed == pytest.approx(0.3)


def test_a_unanimous_verdict_of_harm_is_not_certainty() -> None:
    ensemble = _ensemble({"harm": 0.99, "split": 0.99}, {"harm": 0.99, "split": 0.01})
    ((harm, split),) = ensemble.udasa_score([group(response("harm"), response("split"))], seed=0).scores
    assert harm == pytest.approx(0.99)
    assert harm > 0.5
    # Members that contradict each other: mean ½, std .49.
    assert split == pytest.approx(0.99)


def test_without_kappa_it_is_the_mean() -> None:
    ensemble = _ensemble({"a": 0.2}, {"a": 0.6}, kappa=0.0)
    assert ensemble.udasa_score([group(response("a"))], 0).scores[0] == pytest.approx((0.4,))


def test_the_fingerprint_holds_every_model_and_checks_every_label() -> None:
    assert _ensemble({}, {}).fingerprint == _ensemble({}, {}).fingerprint
    assert _ensemble({}, {}).fingerprint != _ensemble({}, {}, second="key-3").fingerprint
    wrong = [MEMBERS[0], {"source": "two", "harmful": ["bad"]}]
    with pytest.raises(UdasaError, match="the classifier two has the labels polite, rude, and harmful names"):
        _ = _ensemble({}, {}, members=wrong).fingerprint


@pytest.mark.parametrize(
    ("members", "told"),
    [(MEMBERS[:1], "at least 2"), ([MEMBERS[0], dict(MEMBERS[0])], "one stands twice")],
)
def test_an_ensemble_has_several_members(members: list[dict[str, object]], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        HarmEnsemble.Options.model_validate({"members": members})


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.floats(0.0, 3.0))
def test_bounded_and_never_surer_than_the_mean(one: float, two: float, kappa: float) -> None:
    ensemble = _ensemble({"a": one}, {"a": two}, kappa=kappa)
    ((u,),) = ensemble.udasa_score([group(response("a"))], seed=0).scores
    assert isinstance(u, float)
    assert (one + two) / 2 - 1e-9 <= u <= 1.0


def test_real_models_pass_the_conformance_kit(tmp_path: Path) -> None:
    folders = [make_tiny_classifier(tmp_path / str(seed), ["good", "bad"], seed=seed) for seed in (0, 1)]
    options = {"members": [{"source": f"file:{folder}", "harmful": ["bad"]} for folder in folders]}
    testing.check_dimension(HarmEnsemble, options)
    testing.check_factory("dimension", HarmEnsemble, options)
