"""Stages that torchrun or accelerate trains: the weights of one process, and the same bytes after kills."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import udasa_core
from tests.test_kill import finish, outputs, real_configuration, start, store_of

pytestmark = pytest.mark.slow

TORCHRUN = {"launcher": "torchrun", "processes": 2}
ACCELERATE = {"launcher": "accelerate", "processes": 2}


def trained_alike(folder: Path, model: Path, train: dict[str, Any], **trainer: Any) -> dict[str, Any]:
    plain = real_configuration(folder, model)
    given = {"batch": 2, "accumulation": 2, "learning_rate": 1e-3, "save_steps": 2, "epochs": 3.0}
    return {
        **plain,
        "trainer": {"use": "dpo", **given, **trainer},
        "stages": {"use": "single"},
        "train": train,
    }


def adapter(plain: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    (stage,) = store_of(plain).glob("train/*/stage.json")
    return load_file(stage.parent / "adapter/adapter_model.safetensors"), json.loads(stage.read_text())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, Any]:
    plain = trained_alike(tmp_path_factory.mktemp("alone"), tiny_model_dir, {})
    udasa_core.run(plain)
    return plain


@pytest.mark.parametrize("train", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_two_processes_make_the_weights_of_one(
    train: dict[str, Any], alone: dict[str, Any], tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = trained_alike(tmp_path, tiny_model_dir, train)
    udasa_core.run(plain)
    (ours, report), (theirs, expected) = adapter(plain), adapter(alone)
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0.0, atol=1e-4, msg=name)
    assert report["pairs"] == expected["pairs"]
    assert report["metrics"]["tokens"] == expected["metrics"]["tokens"]
    assert report["metrics"] == pytest.approx(expected["metrics"], rel=1e-3)


def measuring(work: Path) -> bool:
    return any((work / "measured").glob("before-*.npy"))


def mid_steps(work: Path) -> bool:
    return (work / "checkpoints/checkpoint-2/complete.json").is_file()


def saving(work: Path) -> bool:
    return any(not (one / "complete.json").exists() for one in work.glob("checkpoints/checkpoint-[4-9]*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, bytes]:
    plain = trained_alike(tmp_path_factory.mktemp("whole"), tiny_model_dir, TORCHRUN, dropout=0.2)
    finish(plain)
    return outputs(plain)


@pytest.mark.parametrize("instant", [measuring, mid_steps, saving])
def test_killed_and_resumed_ranks_end_with_the_same_bytes(
    instant: Callable[[Path], bool], whole: dict[str, bytes], tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = trained_alike(tmp_path, tiny_model_dir, TORCHRUN, dropout=0.2)
    process = start(plain)
    try:
        while process.poll() is None and not any(map(instant, store_of(plain).glob("train/*.partial/work"))):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    finish(plain)
    found = outputs(plain)
    assert sorted(found) == sorted(whole)
    assert [name for name in whole if found[name] != whole[name]] == []


def test_another_number_of_processes_begins_anew(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = trained_alike(tmp_path, tiny_model_dir, TORCHRUN)
    process = start(plain)
    while process.poll() is None and not any(map(mid_steps, store_of(plain).glob("train/*.partial/work"))):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    udasa_core.run({**plain, "train": {}})
    fresh = trained_alike(tmp_path / "fresh", tiny_model_dir, {})
    udasa_core.run(fresh)
    assert adapter(plain)[1] == adapter(fresh)[1]
