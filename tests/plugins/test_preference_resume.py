"""Killed anywhere and called again: the same bytes and the same report as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes import FakeResources
from tests.plugins.preferences import make_pairs, train, write_pairs
from udasa_core import ModelRef, Report, UdasaError
from udasa_core.progress import Advance
from udasa_plugin_preference.dpo import DPO

SETTINGS = {"batch": 1, "accumulation": 2, "epochs": 1.5, "save_steps": 2, "dropout": 0.2}

# Trains in a process of its own and kills it, without warning, at the moment named by argv[4].
KILLED = """
import json, os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(int(sys.argv[5]))
from tests.fakes import FakeResources
from tests.plugins.preferences import train
from udasa_core import ModelRef
from udasa_plugin_preference import training
from udasa_plugin_preference.dpo import DPO

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where = sys.argv[4]
if where == "in the second checkpoint":
    import transformers
    save, count = transformers.Trainer._save_rng_state, []
    def half(self, folder):
        count.append(folder)
        die() if len(count) == 2 else save(self, folder)
    transformers.Trainer._save_rng_state = half
elif where == "before the adapter":
    training.save_adapter = die
elif where == "before the report":
    training.history_of = die
elif where == "after the report":
    training.shutil.rmtree = die
policy = ModelRef.from_json(json.loads(sys.argv[1]))
train(DPO, Path(sys.argv[2]), policy, Path(sys.argv[3]), **json.loads(sys.argv[6]))
"""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", make_pairs(6))


@pytest.fixture(scope="module")
def start(pairs: Path, tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """A policy that already has an adapter."""
    return train(DPO, pairs, tiny_ref, tmp_path_factory.mktemp("first")).policy


@pytest.fixture(scope="module")
def whole(pairs: Path, start: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The uninterrupted call: five steps, checkpoints at 2, 4 and 5."""
    return train(DPO, pairs, start, tmp_path_factory.mktemp("whole") / "out", **SETTINGS)


class Tripwire(FakeResources):
    """Raises while the task `name` tells of its progress for the `at`-th time."""

    def __init__(self, base: ModelRef, name: str, at: int, run_folder: Path | None = None) -> None:
        super().__init__(base, run_folder=run_folder)
        self._name, self._left = name, at

    @contextmanager
    def progress(self, name: str, total: int | None) -> Iterator[Advance]:
        def advance(count: int) -> None:
            if name == self._name:
                self._left -= 1
                if not self._left:
                    raise KeyboardInterrupt

        yield advance


def files(report: Report) -> dict[str, bytes]:
    folder = Path(report.policy.adapters[0].folder)
    return {path.name: path.read_bytes() for path in sorted(folder.parent.rglob("*")) if path.is_file()}


def kill(
    where: str, pairs: Path, policy: ModelRef, out: Path, home: Path
) -> subprocess.CompletedProcess[str]:
    import torch

    for name in ("home", "here", "tmp"):
        (home / name).mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
    }
    arguments = [
        json.dumps(policy.to_json()),
        pairs,
        out,
        where,
        torch.get_num_threads(),
        json.dumps(SETTINGS),
    ]
    return subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)],
        cwd=home / "here",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "where",
    [
        "in the second checkpoint",
        pytest.param("before the adapter", marks=pytest.mark.slow),
        pytest.param("before the report", marks=pytest.mark.slow),
        pytest.param("after the report", marks=pytest.mark.slow),
    ],
)
def test_a_killed_process_called_again_ends_with_the_same_bytes(
    where: str, pairs: Path, start: ModelRef, whole: Report, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    killed = kill(where, pairs, start, out, tmp_path / "elsewhere")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (killed.stdout, killed.stderr) == ("", ""), "training is silent"
    strays = [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]
    assert strays == [], "training writes under out_dir only"
    if where == "in the second checkpoint":
        assert (out / "work/checkpoints/checkpoint-4").is_dir()
        assert not (out / "work/checkpoints/checkpoint-4/complete.json").exists()

    resources = FakeResources(start)
    again = train(DPO, pairs, start, out, resources=resources, **SETTINGS)
    assert again == whole
    assert files(again) == files(whole)
    if where == "in the second checkpoint":
        told = [count for task, count in resources.told if task == "train conservative"]
        assert told[0] == 2, "it went on from the first checkpoint"


@pytest.mark.parametrize(
    ("name", "at"), [("measure before", 1), ("train conservative", 4), ("measure after", 2)]
)
def test_an_interrupted_call_goes_on_where_it_stopped(
    name: str, at: int, pairs: Path, start: ModelRef, whole: Report, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(DPO, pairs, start, tmp_path, resources=Tripwire(start, name, at), **SETTINGS)
    resources = FakeResources(start)
    again = train(DPO, pairs, start, tmp_path, resources=resources, **SETTINGS)
    assert again == whole
    assert files(again) == files(whole)
    told = [count for task, count in resources.told if task == "train conservative"]
    assert sum(told) == 5
    assert told[0] == {"measure before": 0, "train conservative": 2, "measure after": 5}[name]


def test_a_spoilt_checkpoint_is_not_trusted(
    pairs: Path, start: ModelRef, whole: Report, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(DPO, pairs, start, tmp_path, resources=Tripwire(start, "measure after", 1), **SETTINGS)
    checkpoints = sorted((tmp_path / "work/checkpoints").iterdir())
    assert [path.name for path in checkpoints] == ["checkpoint-4", "checkpoint-5"]
    weights = checkpoints[-1] / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert train(DPO, pairs, start, tmp_path, **SETTINGS) == whole


def test_a_finished_call_is_answered_from_its_report(
    pairs: Path, start: ModelRef, whole: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(whole.policy.adapters[0].folder).parent
    shutil.copytree(folder, tmp_path / "out")
    monkeypatch.setattr("udasa_plugin_preference.training._train", None)
    assert train(DPO, pairs, start, tmp_path / "out", **SETTINGS) == whole


@pytest.mark.parametrize("found", ["{}", "[]", '{"call": 1}', '{"stage": "conservative", "pairs": 6}'])
def test_a_report_of_somebody_else_is_not_taken_for_ours(
    pairs: Path, start: ModelRef, whole: Report, tmp_path: Path, found: str
) -> None:
    folder = Path(whole.policy.adapters[0].folder).parent
    shutil.copytree(folder, tmp_path / "out")
    (tmp_path / "out" / "report.json").write_text(found)
    assert train(DPO, pairs, start, tmp_path / "out", **SETTINGS) == whole


def test_the_same_call_elsewhere_makes_the_same_bytes(
    pairs: Path, start: ModelRef, whole: Report, tmp_path: Path
) -> None:
    again = train(DPO, pairs, start, tmp_path / "elsewhere", **SETTINGS)
    assert again == whole
    assert files(again) == files(whole)
    assert str(tmp_path).encode() not in b"".join(files(again).values())


def test_a_folder_with_other_unfinished_work_is_refused(pairs: Path, start: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(DPO, pairs, start, tmp_path, resources=Tripwire(start, "measure before", 1), **SETTINGS)
    with pytest.raises(UdasaError, match="unfinished training of other pairs, models or options: delete it"):
        train(DPO, pairs, start, tmp_path, **{**SETTINGS, "beta": 0.2})
