"""Runs at once on one store, in threads and in processes of equal numbers: each ends as it would alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from tests.test_kill import outputs

pytestmark = pytest.mark.slow

# What a second container would have: the same process number.
_RUN = """
import json, os, sys
os.getpid = lambda: 7
import udasa_core
print(udasa_core.run(json.loads(sys.argv[1])).status)
"""


def configurations(folder: Path, model: Path, count: int) -> list[dict[str, Any]]:
    """Runs of one question under several names, on one store."""
    plain = configuration(folder, model, count=60)
    return [{**plain, "run": {**plain["run"], "name": f"run{number}"}} for number in range(count)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, bytes]:
    (plain,) = configurations(tmp_path_factory.mktemp("alone"), tiny_model_dir, 1)
    udasa_core.run(plain)
    return outputs(plain)


def settled(plain: dict[str, Any]) -> None:
    """Nothing is damaged, nothing is left over, and there is nothing to do."""
    store = Path(plain["run"]["folder"]) / "store"
    assert [path for path in store.rglob("*.partial") if not path.is_dir()] == []
    assert udasa_core.run(plain).made == 0


def test_threads_on_one_store(tmp_path: Path, tiny_model_dir: Path, alone: dict[str, bytes]) -> None:
    plains = configurations(tmp_path, tiny_model_dir, 4)
    with ThreadPoolExecutor(4) as threads:
        found = [run.status for run in threads.map(udasa_core.run, plains)]
    # Training is done by one at a time: the others wait for it, and find it done.
    assert found == ["finished"] * 4
    assert outputs(plains[0]) == alone
    for plain in plains:
        settled(plain)


def test_processes_of_one_number_on_one_store(
    tmp_path: Path, tiny_model_dir: Path, alone: dict[str, bytes]
) -> None:
    plains = configurations(tmp_path, tiny_model_dir, 4)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _RUN, json.dumps(plain)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        for plain in plains
    ]
    told = [process.communicate(timeout=300) for process in processes]
    assert all("finished" in out for out, _ in told), told
    assert outputs(plains[0]) == alone
    for plain in plains:
        settled(plain)
