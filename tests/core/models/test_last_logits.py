"""The last position's logits, and that no output matrix is copied for them."""

from __future__ import annotations

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from udasa_core import ModelRef, load_causal_lm
from udasa_core.models.last_logits import last_logits


@pytest.mark.parametrize("rows", [1, 3])
def test_they_are_the_last_positions_and_cost_no_copy(tiny_ref: ModelRef, rows: int) -> None:
    model = load_causal_lm(tiny_ref).model
    ids = torch.arange(3, 3 + rows * 8).reshape(rows, 8)
    with torch.inference_mode():
        whole = model(ids).logits[:, -1]
        with profile(activities=[ProfilerActivity.CPU]) as by_index:
            last = last_logits(model, ids, use_cache=False)
        with profile(activities=[ProfilerActivity.CPU]) as by_count:
            model(ids, use_cache=False, logits_to_keep=1)
    assert last.tolist() == [pytest.approx(row, abs=1e-4) for row in whole.tolist()]
    assert _copying(by_index) == _copying(by_count) - 1


def _copying(profiled: profile) -> int:
    """Count batched products: what torch.matmul does with a slice, the matrix copied for every row."""
    return sum(event.count for event in profiled.key_averages() if event.key == "aten::bmm")
