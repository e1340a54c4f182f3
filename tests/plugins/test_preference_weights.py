"""Each pair counts by what is known of it, and a stage's mean weight is 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.plugins.preferences import make_pairs, train, write_pairs
from tests.plugins.test_preference_training import summed_logprobs
from udasa_core import ModelRef, UdasaError
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.rows import write_rows
from udasa_plugin_preference.sft import SFT
from udasa_plugin_preference.weights import weighed

PAIRS = [
    replace(pair, gap=gap, vote_margin=votes, chosen_U=u)
    for pair, gap, votes, u in zip(
        make_pairs(4), (0.1, 0.2, 0.3, -0.4), (0.5, 0.0, 1.0, 0.5), (0.0, 0.25, 1.0, 0.75), strict=True
    )
]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("weight", [1.0, 1.0, 1.0, 1.0]),
        ("gap", [4 * 0.1 / 0.6, 4 * 0.2 / 0.6, 4 * 0.3 / 0.6, 0.0]),
        ("vote_margin", [1.0, 0.0, 2.0, 1.0]),
        ("chosen_U", [2.0, 1.5, 0.0, 0.5]),
    ],
)
def test_weights_by_hand(column: str, expected: list[float], tmp_path: Path) -> None:
    rows = write_rows(write_pairs(tmp_path / "pairs.parquet", PAIRS), tmp_path / "rows.arrow", None)
    assert weighed(rows, column).columns["weight"].tolist() == pytest.approx(expected)


def test_what_the_pairing_gave_stays_a_factor(tmp_path: Path) -> None:
    pairs = [replace(pair, weight=weight) for pair, weight in zip(PAIRS, (3.0, 0.0, 1.0, 1.0), strict=True)]
    rows = write_rows(write_pairs(tmp_path / "pairs.parquet", pairs), tmp_path / "rows.arrow", None)
    assert weighed(rows, "weight").columns["weight"].tolist() == [3.0, 0.0, 1.0, 1.0]
    # 3 · 1/2, 0, 1 and 1/2 before the mean of 3/4 is taken out.
    assert weighed(rows, "vote_margin").columns["weight"].tolist() == pytest.approx([2.0, 0.0, 4 / 3, 2 / 3])


def test_a_step_weighs_each_pair_by_its_column(tiny_ref: ModelRef, tmp_path: Path) -> None:
    file = write_pairs(tmp_path / "pairs.parquet", PAIRS)
    report = train(SFT, file, tiny_ref, tmp_path / "out", batch=2, accumulation=2, weights_from="vote_margin")
    chosen = summed_logprobs(tiny_ref, PAIRS)[0]
    tokens = sum(len(pair.chosen.token_ids) for pair in PAIRS)
    weights = torch.tensor([1.0, 0.0, 2.0, 1.0], dtype=torch.float64)
    assert report.metrics["first_loss"] == pytest.approx(-float((weights * chosen).sum()) / tokens, rel=1e-5)
    assert report.metrics["pairs_of_weight_0"] == 1


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ({"vote_margin": None}, "2 of 4 pairs have no vote_margin"),
        ({"vote_margin": -0.5}, "by vote_margin no pair has a weight above 0"),
    ],
)
def test_a_column_that_says_nothing_is_an_error(
    spoilt: dict[str, Any], told: str, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    pairs = [replace(pair, **spoilt) for pair in PAIRS]
    if spoilt["vote_margin"] is None:
        pairs[:2] = PAIRS[:2]
    file = write_pairs(tmp_path / "pairs.parquet", pairs)
    with pytest.raises(UdasaError, match=told):
        train(DPO, file, tiny_ref, tmp_path / "out", weights_from="vote_margin")
