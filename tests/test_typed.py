"""The commands of README and the walk-through, typed in order in an empty folder, as a newcomer would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Why a line is not typed here: what it begins with, and the reason.
NOT_TYPED = {
    "make ": "other tests are what it calls",
    "pip ": "it would change the environment that the tests run in",
    "docker ": "there is no docker",
    "udasa experiment ": "hours; each has tests of its own",
    "udasa chat ": "it waits for somebody to type; it has tests of its own",
}


def typed(page: Path) -> Iterator[str]:
    """Yield each line of a page's console blocks that is typed."""
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line and not any(line.startswith(begin) for begin in NOT_TYPED):
                yield line


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/walk-through.md"])
def test_each_command_works_as_written(page: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    lines = list(typed(ROOT / page))
    assert len(lines) > 8
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "BROWSER": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("begin", NOT_TYPED)
def test_no_exception_is_idle(begin: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(re.search(rf"^{re.escape(begin)}", page.read_text(), re.MULTILINE) for page in pages)
