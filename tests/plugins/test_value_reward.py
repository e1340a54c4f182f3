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
from udasa_plugin_value.reward import LowReward


def _reward(classifier: PlannedClassifier, **options: object) -> LowReward:
    plain = LowReward.Options.model_validate({"source": "file:planned", **options})
    return LowReward(plain, "reward", PlannedResources({"file:planned": classifier}))


def test_more_reward_is_less_uncertain_by_hand() -> None:
    classifier = PlannedClassifier(["LABEL_0"], {"fine": [math.log(3.0)], "poor": [-math.log(3.0)]})
    one = [group(response("fine"), response("poor"), response("so"), question="Why?")]
    assert _reward(classifier).udasa_score(one, 0).scores[0] == pytest.approx((0.25, 0.75, 0.5))
    assert classifier.shown[0] == ("Why?", "fine")
    # (log 3 − log 3) / 2 = 0, and (−log 3 − log 3) / 2 = −log 3
    shifted = _reward(classifier, centre=math.log(3.0), scale=2.0).udasa_score(one, 0).scores[0]
    assert shifted[:2] == pytest.approx((0.5, 0.75))


def test_a_model_of_several_labels_is_no_reward_model() -> None:
    reward = _reward(PlannedClassifier(["bad", "good"], {}))
    told = "dimension 'reward': a reward model has one label, and file:planned has 2: bad, good"
    with pytest.raises(UdasaError, match=told):
        _ = reward.fingerprint
    with pytest.raises(UdasaError, match=r"value\.classifier"):
        reward.udasa_score([group(response("a"))], seed=0)


@pytest.mark.parametrize(
    "options", [{"scale": 0.0}, {"scale": math.inf}, {"centre": math.nan}, {"source": ""}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LowReward.Options.model_validate({"source": "file:x", **options})


@settings(max_examples=40, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.01, 100.0))
def test_bounded_and_ordered_against_the_reward(one: float, two: float, scale: float) -> None:
    classifier = PlannedClassifier(["LABEL_0"], {"first": [one], "second": [two]})
    reward = _reward(classifier, scale=scale)
    ((a, b),) = reward.udasa_score([group(response("first"), response("second"))], seed=0).scores
    assert isinstance(a, float)
    assert isinstance(b, float)
    assert 0.0 <= min(a, b) <= max(a, b) <= 1.0
    assert (one - two) * (a - b) <= 0.0


def test_a_real_model_passes_the_conformance_kit(tmp_path: Path) -> None:
    folder = make_tiny_classifier(tmp_path / "reward", ["LABEL_0"])
    options = {"source": f"file:{folder}"}
    column = testing.check_dimension(LowReward, options)
    assert len({score for row in column.scores for score in row}) > 3
    testing.check_factory("dimension", LowReward, options)
