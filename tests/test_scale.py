"""Many prompts: what a run holds grows by little with each, here and where Ray's workers make the shards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).parent.parent / "benchmarks" / "scale.py"


def told(*arguments: str) -> list[list[str]]:
    """The rows of numbers that the benchmark prints."""
    command = [sys.executable, str(SCRIPT), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return [line.split() for line in done.stdout.splitlines() if line.split()[0].isdigit()]


def test_a_hundred_thousand_prompts_take_a_tenth_of_a_kilobyte_each() -> None:
    base, many = told("--prompts", "1000", "100000")
    assert (base[0], many[0]) == ("1000", "100000")
    assert float(many[2]) <= 100, "bytes a prompt beyond the base"
    # Nothing to do is soon found out: every output is read once.
    assert float(many[9]) < float(many[3]) / 2


def test_the_leading_process_of_ray_holds_no_more() -> None:
    base, many = told("--prompts", "1000", "5000", "--engine", "ray")
    assert float(many[1]) - float(base[1]) <= 20, "MiB"
