"""Several ranks train what one process trains: the same steps, each pair once, whatever does not divide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.plugins.forked import on_ranks
from tests.plugins.preferences import make_pairs, outlook, train, write_pairs
from tests.plugins.test_preference_resume import Tripwire
from udasa_core import ModelRef, Report, Stage, UdasaError
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.ranks import Ranks, refuse_other_sharding
from udasa_plugin_preference.sft import SFT
from udasa_plugin_preference.shares import filled_up, share_of, shares_fault
from udasa_plugin_preference.training import Call, _claim


def files(report: Report) -> dict[str, bytes]:
    folder = Path(report.policy.adapters[0].folder)
    return {path.name: path.read_bytes() for path in sorted(folder.parent.rglob("*")) if path.is_file()}


def weights(report: Report) -> dict[str, torch.Tensor]:
    policy = report.policy
    folder, name = (
        (policy.folder, "model") if not policy.adapters else (policy.adapters[0].folder, "adapter_model")
    )
    return load_file(Path(folder) / f"{name}.safetensors")


def assert_close(one: Report, other: Report, within: float) -> None:
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0.0, atol=within, msg=name)


# In the last step of 4 pairs: all of them; two, so that a rank has none; one.
@pytest.mark.parametrize(
    ("factory", "count"),
    [
        (DPO, 9),
        *(
            pytest.param(factory, count, marks=pytest.mark.slow)
            for factory in (DPO, SFT)
            for count in (8, 10)
        ),
    ],
)
def test_two_ranks_train_what_one_process_trains(
    factory: Any, count: int, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(count))
    given: dict[str, Any] = {
        "batch": 2,
        "accumulation": 2,
        "epochs": 2.0,
        "learning_rate": 1e-3,
        "save_steps": 2,
    }
    alone = train(factory, pairs, tiny_ref, tmp_path / "alone", **given)
    both = on_ranks(2, lambda: train(factory, pairs, tiny_ref, tmp_path / "both", **given))
    assert both[0] == both[1]
    assert_close(alone, both[0], 1e-5)
    for ours, theirs in zip(alone.history, both[0].history, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)


def as_if_on_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have accelerate shard a model over CPUs, which it does over GPUs alone; torch can, by gloo."""
    from accelerate import PartialState
    from accelerate.utils import DistributedType

    monkeypatch.setattr(
        PartialState, "_prepare_backend", lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)
    )
    monkeypatch.setattr(
        PartialState, "set_device", lambda state: setattr(state, "device", torch.device("cpu"))
    )
    for name, value in {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
        "FSDP_RESHARD_AFTER_FORWARD": "true",
        "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.slow
@pytest.mark.parametrize("given", [{"peft": "lora"}, {"peft": "none", "learning_rate": 1e-4}])
def test_a_model_in_parts_trains_alike(
    given: dict[str, Any], tiny_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(10))
    given = {"batch": 2, "accumulation": 2, "learning_rate": 1e-3, "save_steps": 2, **given}
    alone = train(DPO, pairs, tiny_ref, tmp_path / "alone", **given)
    as_if_on_gpus(monkeypatch)

    def in_parts() -> Report:
        torch.distributed.init_process_group("gloo")
        return train(DPO, pairs, tiny_ref, tmp_path / "both", **given)

    both = on_ranks(2, in_parts)
    assert_close(alone, both[0], 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "at"), [("measure before", 1), ("train conservative", 3), ("measure after", 1)]
)
def test_interrupted_ranks_go_on_and_end_with_the_same_bytes(
    task: str, at: int, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(11))
    given: dict[str, Any] = {
        "batch": 1,
        "accumulation": 3,
        "save_steps": 2,
        "dropout": 0.2,
        "keep_optimizer": True,
    }
    whole = on_ranks(3, lambda: train(DPO, pairs, tiny_ref, tmp_path / "whole", **given))
    out = tmp_path / "out"
    with pytest.raises(AssertionError, match="KeyboardInterrupt"):
        on_ranks(3, lambda: train(DPO, pairs, tiny_ref, out, resources=Tripwire(tiny_ref, task, at), **given))
    assert not (out / "adapter").exists()
    again = on_ranks(3, lambda: train(DPO, pairs, tiny_ref, out, **given))
    assert files(again[0]) == files(whole[0])


@pytest.mark.parametrize(
    ("batch", "accumulation", "told"),
    [
        (4, 1, "write batch = 2, accumulation = 2: the same 4 pairs a step"),
        (3, 1, "write accumulation = 2: 6 pairs a step in place of 3"),
        (2, 3, "write batch = 1, accumulation = 6: the same 6 pairs a step"),
        (2, 2, ""),
    ],
)
def test_a_step_that_ranks_cannot_share_is_named_with_one_that_they_can(
    batch: int, accumulation: int, told: str
) -> None:
    said = shares_fault(batch, accumulation, 2)
    assert told in said if told else said == ""


def test_each_row_is_one_ranks_and_the_steps_are_those_of_one_process() -> None:
    order = np.arange(11)
    for count in (1, 2, 3):
        filled = filled_up(order, 2, Ranks(0, count), 99)
        shares = [share_of(filled.tolist(), 2, Ranks(rank, count)) for rank in range(count)]
        assert sorted(row for share in shares for row in share if row != 99) == order.tolist()
        assert len({len(share) for share in shares}) == 1
    # Two passes of two pairs a step: rank 0 has the first, rank 1 the second.
    assert share_of(order.tolist(), 2, Ranks(0, 2)) == [0, 1, 4, 5, 8, 9]
    assert share_of(order.tolist(), 2, Ranks(1, 2)) == [2, 3, 6, 7, 10]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep_optimizer": True}, "keep_optimizer hands on moments, and FSDP keeps them in parts"),
        ({"quantize": "4bit"}, "weights that FSDP does not part here"),
        ({}, ""),
    ],
)
def test_what_a_model_in_parts_cannot_do_is_named(given: dict[str, Any], told: str) -> None:
    ahead = outlook(ranks=2, sharding="FSDP")
    said = "\n".join(DPO.Options(accumulation=2, **given).preflight(ahead))
    assert told in said if told else said == ""


def test_sharding_that_accelerate_has_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import Accelerator

    refuse_other_sharding(Accelerator(cpu=True))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UdasaError, match="FSDP is asked for, and accelerate has made it NO"):
        refuse_other_sharding(Accelerator(cpu=True))


def test_a_folder_that_another_number_of_ranks_began_is_refused(tiny_ref: ModelRef, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(2))
    options, stage = DPO.Options(), Stage("all", 2, "dpo", {})
    alone = Call("dpo", "dpo", options, stage, pairs, tiny_ref, tiny_ref, tmp_path, 7, None, Ranks(0, 1))
    first, second = (replace(alone, ranks=Ranks(rank, 2)) for rank in (0, 1))
    assert first.key == second.key != alone.key
    _claim(tmp_path / "work/call.json", alone.key)
    with pytest.raises(UdasaError, match="unfinished training"):
        _claim(tmp_path / "work/call.json", first.key)
