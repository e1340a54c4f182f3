"""AdamW's moments go from one stage to the next where they are asked for, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.fakes import FakeResources
from tests.plugins.preferences import make_pairs, train, write_pairs
from tests.plugins.test_preference_resume import Tripwire
from udasa_core import ModelRef, Report, UdasaError
from udasa_plugin_preference.sft import SFT

# One step a stage over all pairs at a constant rate: two stages are then two epochs, but for the moments.
STEPS: dict[str, Any] = {"batch": 6, "scheduler": "constant_with_warmup", "warmup": 0.0, "epochs": 3.0}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", make_pairs(6))


@pytest.fixture(scope="module")
def first(pairs: Path, tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Report:
    out = tmp_path_factory.mktemp("first")
    return train(SFT, pairs, tiny_ref, out, keep_optimizer=True, **STEPS)


def state_of(report: Report) -> Path:
    return Path(report.policy.adapters[0].folder).parent / "state"


def weights(report: Report) -> torch.Tensor:
    tensors = load_file(Path(report.policy.adapters[0].folder) / "adapter_model.safetensors")
    return torch.cat([tensors[name].flatten() for name in sorted(tensors)])


def test_two_stages_that_hand_them_on_are_one_stage_of_both_lengths(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    """The loss of `sft` knows no reference: nothing else differs."""
    whole = train(SFT, pairs, tiny_ref, tmp_path / "whole", **{**STEPS, "epochs": 6.0})
    handed = train(
        SFT,
        pairs,
        first.policy,
        tmp_path / "handed",
        earlier_state=state_of(first),
        keep_optimizer=True,
        **STEPS,
    )
    fresh = train(SFT, pairs, first.policy, tmp_path / "fresh", earlier_state=state_of(first), **STEPS)
    torch.testing.assert_close(weights(handed), weights(whole), rtol=1e-3, atol=1e-5)
    assert (weights(fresh) - weights(whole)).abs().max() > 1e-3
    assert not (tmp_path / "fresh" / "state").exists(), "nothing is kept unasked"
    moments = load_file(tmp_path / "handed/state/optimizer.safetensors")
    assert {float(moment) for name, moment in moments.items() if name.endswith(".step")} == {6.0}


@pytest.mark.parametrize(("name", "at"), [("train conservative", 3), ("measure after", 1)])
def test_an_interrupted_stage_ends_with_the_same_bytes(
    name: str, at: int, pairs: Path, first: Report, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"earlier_state": state_of(first), "keep_optimizer": True, "save_steps": 1}
    whole = train(SFT, pairs, first.policy, tmp_path / "whole", **given, **STEPS)
    tripwire = Tripwire(first.policy, name, at)
    with pytest.raises(KeyboardInterrupt):
        train(SFT, pairs, first.policy, tmp_path / "out", resources=tripwire, **given, **STEPS)
    resources = FakeResources(first.policy)
    again = train(SFT, pairs, first.policy, tmp_path / "out", resources=resources, **given, **STEPS)
    assert again == whole
    assert (state_of(again) / "optimizer.safetensors").read_bytes() == (
        state_of(whole) / "optimizer.safetensors"
    ).read_bytes()
    assert next(count for task, count in resources.told if task.startswith("train")) > 0


def test_without_a_stage_before_it_begins_at_zero(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "somebody-elses.bin").write_text("")
    report = train(
        SFT, pairs, tiny_ref, tmp_path / "out", earlier_state=tmp_path / "state", keep_optimizer=True, **STEPS
    )
    assert report.policy.adapters[0].sha256 == first.policy.adapters[0].sha256


def test_moments_of_other_weights_are_refused(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    with pytest.raises(UdasaError, match="moments of other weights"):
        train(
            SFT,
            pairs,
            tiny_ref,
            tmp_path / "out",
            earlier_state=state_of(first),
            keep_optimizer=True,
            **STEPS,
            rank=2,
        )
