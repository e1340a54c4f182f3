"""Rows hold the sampled ids; their order is a seeded shuffle, a new one each epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.preferences import make_pairs, write_pairs
from udasa_plugin_preference.rows import open_rows, training_order, write_rows


def test_rows_are_the_ids_as_sampled_over_many_row_groups(tmp_path: Path) -> None:
    pairs = make_pairs(600)
    rows = write_rows(write_pairs(tmp_path / "pairs.parquet", pairs), tmp_path / "rows.arrow", None)
    dataset = open_rows(rows)
    assert rows.count == len(dataset) == 600
    assert rows.overlong == 0
    assert rows.lengths.T.tolist() == [[len(p.chosen.token_ids), len(p.rejected.token_ids)] for p in pairs]
    for pair, row in zip(pairs, dataset, strict=True):
        assert tuple(row["prompt_ids"]) == pair.prompt_token_ids
        assert tuple(row["chosen_ids"]) == pair.chosen.token_ids
        assert tuple(row["rejected_ids"]) == pair.rejected.token_ids
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs.parquet", "rows.arrow"]


@given(st.integers(1, 40), st.floats(0.05, 4.0), st.integers(0, 2**31 - 1))
def test_every_epoch_visits_every_row_once(count: int, epochs: float, seed: int) -> None:
    order = training_order(count, epochs, seed)
    assert len(order) == max(1, round(epochs * count))
    for start in range(0, len(order), count):
        visited = order[start : start + count]
        assert len(set(visited.tolist())) == len(visited)
    assert np.array_equal(order[:count], training_order(count, 1, seed)[: len(order)])
