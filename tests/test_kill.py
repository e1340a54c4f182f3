"""Kills at random instants of a real run on the tiny model: the same command ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.canned import configuration

_RUN = (
    "import json, sys, udasa_core\n"
    "from udasa_core.errors import UdasaError\n"
    "try:\n"
    "    udasa_core.run(json.loads(sys.argv[1]))\n"
    "except UdasaError as error:\n"
    "    sys.exit(f'error: {error}')\n"
)


def real_configuration(folder: Path, model: Path) -> dict[str, Any]:
    """The built-in plugins on the tiny model, with a checkpoint at every optimizer step, and all that a stage
    takes over from those before it."""
    folder.mkdir(parents=True, exist_ok=True)
    return configuration(
        folder,
        model,
        count=20,
        generator={"use": "transformers", "responses": 3, "max_new_tokens": 12, "temperature": 1.0},
        dimension=[
            {"use": "factual.nll"},
            {"use": "value.principles", "name": "safety", "principles": ["Is the response kind?"]},
        ],
        trainer={
            "use": "dpo",
            "batch": 1,
            "accumulation": 1,
            "save_steps": 1,
            "learning_rate": 1e-3,
            "replay": 0.3,
            "weights_from": "gap",
            "keep_optimizer": True,
            "keep_schedule": True,
            "exploratory": {"use": "sft", "save_steps": 1, "keep_optimizer": True, "keep_schedule": True},
        },
    )


def start(plain: dict[str, Any]) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, json.dumps(plain)],
        env=environment,
        # A test runner that was started in the background hands its children an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(plain: dict[str, Any]) -> None:
    process = start(plain)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told


def store_of(plain: dict[str, Any]) -> Path:
    return Path(plain["run"]["folder"]) / "store"


def outputs(plain: dict[str, Any]) -> dict[str, bytes]:
    """Parquet files, weights and canonical reports, by name; what a kill left half-made is not among them."""
    root = store_of(plain)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.glob("[!.]*/**/*"))
        if ".partial/" not in path.as_posix()
        and path.suffix != ".lock"
        and not path.name.startswith(".")
        and path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, bytes]:
    """An uninterrupted run's outputs."""
    plain = real_configuration(tmp_path_factory.mktemp("whole"), tiny_model_dir)
    finish(plain)
    return outputs(plain)


def made(plain: dict[str, Any]) -> int:
    """How many outputs a run has made so far: names alone are read, since folders come and go under it."""
    names = [path.name for path in store_of(plain).glob("[!.]*/[!.]*")]
    return sum(not name.endswith((".partial", ".lock")) for name in names)


def kill_and_resume(plain: dict[str, Any], whole: dict[str, bytes], seed: int, signal_number: int) -> None:
    """Kill a run once it has made a random number of files, after a random moment; then let it finish."""
    random = Random(seed)
    # A stage's four files count as one output.
    count, moment = random.randrange(len(whole) - 9), random.uniform(0.0, 0.2)
    process = start(plain)
    try:
        # A run's speed drifts with the machine: its progress tells better than a clock where it is.
        while process.poll() is None and made(plain) < count:
            time.sleep(0.005)
        time.sleep(moment)
        process.send_signal(signal_number)
    finally:
        process.communicate(timeout=120)
    assert process.returncode != 0, f"the run ended before it was killed (seed {seed}, {count} files)"
    finish(plain)
    found = outputs(plain)
    assert sorted(found) == sorted(whole), f"killed at {count} files (seed {seed})"
    different = [name for name in whole if found[name] != whole[name]]
    assert different == [], f"killed at {count} files (seed {seed})"


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, 2))])
def test_a_killed_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model_dir: Path, whole: dict[str, bytes], seed: int
) -> None:
    kill_and_resume(real_configuration(tmp_path, tiny_model_dir), whole, seed, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 117))
def test_any_killed_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model_dir: Path, whole: dict[str, bytes], seed: int
) -> None:
    kill_and_resume(real_configuration(tmp_path, tiny_model_dir), whole, seed, signal.SIGKILL)


def in_two_rounds(folder: Path, model: Path, peft: str) -> dict[str, Any]:
    """The same, with a second round, and everything watched that can be; of an adapter or all weights."""
    plain = real_configuration(folder, model)
    for table in (plain["trainer"], plain["trainer"]["exploratory"]):
        table["peft"] = peft
    gates = [{"figure": "pair accuracy", "max_drop": 0.0, "action": "rollback"}]
    watched = {"transitions": {"measure": True}, "gate": gates, "rounds": {"count": 2}}
    return {**plain, **watched}


@pytest.fixture(scope="module", params=["lora", "none"])
def two_rounds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path
) -> tuple[str, dict[str, bytes]]:
    """What is trained, and the outputs of an uninterrupted run of two rounds."""
    plain = in_two_rounds(tmp_path_factory.mktemp("two-rounds"), tiny_model_dir, request.param)
    finish(plain)
    return request.param, outputs(plain)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.6, 0.75, 0.9])
def test_a_run_killed_in_its_second_round_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model_dir: Path, two_rounds: tuple[str, dict[str, bytes]], share: float
) -> None:
    """Gates and rounds, too: what they decided is an output like any other."""
    peft, whole = two_rounds
    plain = in_two_rounds(tmp_path, tiny_model_dir, peft)
    # As `made` counts them: a whole model is one output of many files.
    count = len({tuple(Path(name).parts[:2]) for name in whole})
    process = start(plain)
    manifest = Path(plain["run"]["folder"]) / plain["run"]["name"] / "manifest.json"
    try:
        while process.poll() is None and made(plain) < share * count:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate(timeout=300)
    assert process.returncode != 0
    told = json.loads(manifest.read_text())["outputs"]
    assert any(one["step"] == "sample" and one["split"] == "training" and one["round"] for one in told)
    finish(plain)
    found = outputs(plain)
    assert sorted(found) == sorted(whole)
    assert [name for name in whole if found[name] != whole[name]] == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model_dir: Path, whole: dict[str, bytes], number: int
) -> None:
    kill_and_resume(real_configuration(tmp_path, tiny_model_dir), whole, 7, number)
