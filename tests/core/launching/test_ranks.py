"""Ranks that torchrun and accelerate really start: what they leave, whose end is told, that none is left."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration, heard
from tests.plugins.forked import free_port
from udasa_core.config.schema import TrainTable
from udasa_core.errors import LaunchError, UdasaError
from udasa_core.launching.config_file import read_config_file
from udasa_core.launching.launch import Launch

TORCHRUN = {"launcher": "torchrun", "processes": 2}


def plain(folder: Path, model: Path, train: dict[str, Any], **trainer: Any) -> dict[str, Any]:
    return configuration(
        folder,
        model,
        count=12,
        stages={"use": "single"},
        trainer={"use": "tests.launched:Launched", "notes": str(folder), **trainer},
        train=train,
        observer=[{"use": "tests.canned:Listener"}],
    )


def notes(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*-?.json"))]


def is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def assert_none_left(folder: Path) -> None:
    pids = [one[name] for one in notes(folder) for name in ("pid", "agent")]
    assert pids
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not all(map(is_gone, pids)):
        time.sleep(0.05)
    assert all(map(is_gone, pids))


def test_two_ranks_train_and_rank_0_reports_and_tells(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard.clear()
    run = udasa_core.run(plain(tmp_path, tiny_model_dir, TORCHRUN))
    assert [(one["rank"], one["world"]) for one in notes(tmp_path)] == [(0, "2"), (1, "2")]
    (report,) = run.stages()
    assert report.metrics["last_loss"] == 0.6
    told = [event.done for event in heard if event.kind == "work" and event.name.startswith("train ")]
    assert told == [0, 1, 2, 2]
    assert [text for text in caplog.messages if "to say" in text] == ["rank 0 has something to say"]
    (folder,) = (tmp_path / "runs/store/train").glob("[!.]*[!k]")
    assert sorted(path.name for path in folder.iterdir()) == ["adapter", "stage.json"]
    assert_none_left(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ends", "error", "told"),
    [
        ("killed", LaunchError, ("rank 1 of 2 was killed by signal 9 (SIGKILL)", "rank-1.log")),
        (
            "raised",
            LaunchError,
            ("rank 1 of 2 failed", "\n  RuntimeError: CUDA out of memory"),
        ),
        ("said", UdasaError, ("the loss is nan: lower [trainer] learning_rate",)),
    ],
)
def test_a_rank_that_ends_is_named_soon_and_ends_the_others(
    ends: str, error: type[UdasaError], told: tuple[str, ...], tmp_path: Path, tiny_model_dir: Path
) -> None:
    began = time.monotonic()
    with pytest.raises(UdasaError) as raised:
        udasa_core.run(plain(tmp_path, tiny_model_dir, TORCHRUN, ends=ends))
    assert time.monotonic() - began < 120
    assert type(raised.value) is error
    for part in told:
        assert part in str(raised.value)
    assert_none_left(tmp_path)
    # The same command goes on.
    udasa_core.run(plain(tmp_path, tiny_model_dir, TORCHRUN))


def start(plain: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import json, sys, udasa_core\nudasa_core.run(json.loads(sys.argv[1]))",
            json.dumps(plain),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()},
        # A test runner that was started in the background hands its children an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_rank_outlives_whoever_waits_for_it(
    how: signal.Signals, tmp_path: Path, tiny_model_dir: Path
) -> None:
    process = start(plain(tmp_path, tiny_model_dir, TORCHRUN, ends="never"))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(notes(tmp_path)) < 2 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    assert process.returncode != 0
    assert len(notes(tmp_path)) == 2, told
    if how != signal.SIGKILL:
        assert "KeyboardInterrupt" in told
    assert_none_left(tmp_path)


@pytest.mark.slow
def test_accelerate_starts_ranks_by_a_configuration(tmp_path: Path, tiny_model_dir: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "distributed_type: MULTI_GPU\nnum_processes: 2\nmixed_precision: bf16\n"
    )
    train = {"launcher": "accelerate", "processes": 2, "config_file": str(tmp_path / "mine.yaml")}
    run = udasa_core.run(plain(tmp_path, tiny_model_dir, train))
    assert [(one["rank"], one["world"]) for one in notes(tmp_path)] == [(0, "2"), (1, "2")]
    # The same ranks under torchrun make the same: who started them is no ingredient.
    by_torchrun = udasa_core.run(plain(tmp_path, tiny_model_dir, TORCHRUN))
    assert [one.metrics for one in run.stages()] == [one.metrics for one in by_torchrun.stages()]
    assert len(list((tmp_path / "runs/store/train").glob("*/stage.json"))) == 1


@pytest.mark.slow
def test_fewer_ranks_than_were_asked_for_are_no_ranks(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What `check` refuses, had it not looked: for MULTI_CPU accelerate starts one process, and says nothing.
    monkeypatch.setattr("udasa_core.launching.config_file.ConfigFile.faults", lambda *_: ())
    (tmp_path / "mine.yaml").write_text("distributed_type: MULTI_CPU\nnum_processes: 2\nuse_cpu: true\n")
    train = {"launcher": "accelerate", "processes": 2, "config_file": str(tmp_path / "mine.yaml")}
    with pytest.raises(UdasaError, match=r"accelerate started 1 rank, and \[train\] asks for 2"):
        udasa_core.run(plain(tmp_path, tiny_model_dir, train))


@pytest.mark.slow
def test_two_nodes_meet(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Both are this machine; the second one types what the first one is told."""
    train = {"launcher": "torchrun", "processes": 1, "nodes": 2, "rendezvous": f"127.0.0.1:{free_port()}"}
    first = start(plain(tmp_path, tiny_model_dir, train))
    assert first.stderr is not None
    told = next(line for line in first.stderr if "node 1 joins by: " in line)
    second = subprocess.run(
        shlex.split(told.partition("joins by: ")[2]),
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert second.returncode == 0, second.stderr
    _, said = first.communicate(timeout=120)
    assert first.returncode == 0, said
    assert [(one["rank"], one["world"]) for one in notes(tmp_path)] == [(0, "2"), (1, "2")]


def test_a_run_that_a_launcher_started_is_refused(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UdasaError, match="itself started by a launcher"):
        udasa_core.run(plain(tmp_path, tiny_model_dir, {}))


@pytest.mark.parametrize(
    ("train", "other"),
    [
        (TORCHRUN, {}),
        (TORCHRUN, {"launcher": "torchrun", "processes": 4}),
        (TORCHRUN, {"launcher": "accelerate", "processes": 2, "config_file": "builtin:fsdp2"}),
    ],
)
def test_how_many_ranks_and_how_they_share_count_in_what_is_made(
    train: Any, other: Any, tmp_path: Path
) -> None:
    assert identity(train) != identity(other)


@pytest.mark.parametrize(
    ("train", "other"),
    [
        ({"launcher": "torchrun"}, {}),
        ({"launcher": "accelerate"}, {}),
        (TORCHRUN, {"launcher": "accelerate", "processes": 2}),
        (TORCHRUN, {"launcher": "torchrun", "processes": 1, "nodes": 2, "rendezvous": "a:1"}),
    ],
)
def test_who_starts_them_and_where_does_not(train: Any, other: Any) -> None:
    assert identity(train) == identity(other)


def identity(train: dict[str, Any]) -> dict[str, Any]:
    table = TrainTable(**train)
    config = read_config_file(table.config_file, Path()) if table.launcher == "accelerate" else None
    return Launch(table, config).identity
