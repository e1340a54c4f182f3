"""The stage policy keeps the contract, and parts pairs where it says."""

from __future__ import annotations

import numpy as np
from udasa_plugin_sentiment.short_first import ShortFirst

from udasa_core import PairTable, StagePlan
from udasa_core.testing import check_factory, check_stages


def test_it_keeps_the_contract() -> None:
    check_factory("stages", ShortFirst)
    check_stages(ShortFirst)


def test_pairs_are_parted_by_the_length_of_the_chosen_response() -> None:
    pairs = PairTable(
        ids=["a", "b", "c", "d"],
        gaps=np.array([0.5, 0.1, np.nan, 0.3]),
        chosen_U=np.zeros(4),
        chosen_tokens=np.array([5.0, 4.0, 4.0, np.nan]),
    )
    policy = ShortFirst(ShortFirst.Options(tokens=4), "short-first", None)
    assert policy.udasa_stage(pairs) == StagePlan(
        {"short": ["b"], "long": ["a"]},
        (("c", "no positive gap"), ("d", "the length of its chosen response is not known")),
    )
