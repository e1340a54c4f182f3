"""The refusal detector against labelled responses. It was fitted to dev; test was measured, never read."""

from __future__ import annotations

import math

from udasa_eval.refusals.check import LabelledResponse, detector_quality, labelled_responses


def test_there_are_enough_of_every_kind_in_both_halves() -> None:
    dev, test = labelled_responses("dev"), labelled_responses("test")
    assert len(dev) + len(test) >= 200
    assert not {one.response for one in dev} & {one.response for one in test}
    assert {(one.kind, one.refusal) for one in dev} == {(one.kind, one.refusal) for one in test}
    for half in (dev, test):
        assert 0.4 < sum(one.refusal for one in half) / len(half) < 0.6


def test_the_floor_on_test() -> None:
    """Measured when the detector was fitted: precision 1.00 and recall 0.97 on 135 responses."""
    found = detector_quality(labelled_responses("test"))
    assert found.precision >= 0.95
    assert found.recall >= 0.93


def test_the_floor_on_dev() -> None:
    """Measured: precision 1.00 and recall 0.98 on 138 responses."""
    found = detector_quality(labelled_responses("dev"))
    assert found.precision >= 0.97
    assert found.recall >= 0.95


def test_precision_and_recall_by_hand() -> None:
    responses = [
        LabelledResponse(text, refusal, "x", "dev")
        for text, refusal in [
            ("no a", True),
            ("no b", True),
            ("no c", False),
            ("yes", True),
            ("yes b", False),
        ]
    ]
    found = detector_quality(responses, lambda text: text.startswith("no"))
    assert found.precision == 1 - 1 / 3
    assert found.recall == 1 - 1 / 3
    assert [one.response for one in found.missed] == ["yes"]
    assert [one.response for one in found.wrong] == ["no c"]
    assert math.isnan(detector_quality(responses, lambda text: False).precision)
