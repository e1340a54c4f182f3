"""Kills at random instants of a real run on the tiny model: the same command ends with the same bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
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
    """The built-in plugins on the tiny model, with a checkpoint at every optimizer step."""
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
        trainer={"use": "dpo", "batch": 1, "accumulation": 1, "save_steps": 1, "learning_rate": 1e-3},
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
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".lock"
    }


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path
) -> tuple[dict[str, bytes], float, float]:
    """An uninterrupted run's outputs, and when its first and its last output appeared, in seconds."""
    plain = real_configuration(tmp_path_factory.mktemp("whole"), tiny_model_dir)
    began = time.monotonic()
    process = start(plain)
    first = 0.0
    while process.poll() is None:
        if not first and list(store_of(plain).glob("sample/*.parquet")):
            first = time.monotonic() - began
        time.sleep(0.02)
    assert process.returncode == 0, process.communicate()[1]
    return outputs(plain), first, time.monotonic() - began


def kill_and_resume(
    plain: dict[str, Any], whole: tuple[dict[str, bytes], float, float], seed: int, signal_number: int
) -> None:
    expected, first, end = whole
    instant = random.Random(seed).uniform(0.3 * first, 0.9 * end)
    process = start(plain)
    try:
        process.communicate(timeout=instant)
    except subprocess.TimeoutExpired:
        process.send_signal(signal_number)
        process.communicate(timeout=60)
    # On a machine whose speed drifts, a run can end before its instant: then nothing was tried.
    if process.returncode == 0:
        pytest.skip(f"the run ended before {instant:.2f} s")
    finish(plain)
    found = outputs(plain)
    assert sorted(found) == sorted(expected), f"killed after {instant:.2f} s (seed {seed})"
    different = [name for name in expected if found[name] != expected[name]]
    assert different == [], f"killed after {instant:.2f} s (seed {seed})"


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model_dir: Path, whole: tuple[dict[str, bytes], float, float], seed: int
) -> None:
    kill_and_resume(real_configuration(tmp_path, tiny_model_dir), whole, seed, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 117))
def test_any_killed_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model_dir: Path, whole: tuple[dict[str, bytes], float, float], seed: int
) -> None:
    kill_and_resume(real_configuration(tmp_path, tiny_model_dir), whole, seed, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model_dir: Path, whole: tuple[dict[str, bytes], float, float], number: int
) -> None:
    kill_and_resume(real_configuration(tmp_path, tiny_model_dir), whole, 7, number)
