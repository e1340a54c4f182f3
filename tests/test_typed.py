"""The commands of README and the walk-through, typed in order in an empty folder, as a newcomer would.

The whole takes about an hour on two busy cores. What a newcomer has, and no test, stands in: a hub on
loopback, to which "me" is logged in, and a converter of llama.cpp.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import HubServer

ROOT = Path(__file__).parent.parent
PAGES = {"README.md": 12, "docs/walk-through.md": 23}
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


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that the commands are typed in."""
    (tmp_path / "llama.cpp").mkdir()
    shutil.copy(ROOT / "tests" / "gguf_converter.py", tmp_path / "llama.cpp" / "convert_hf_to_gguf.py")
    with HubServer() as hub:
        hub.tokens["hf_me"] = "me"
        yield {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "BROWSER": "true",
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_me",
            "HF_HUB_DISABLE_XET": "1",
        }
        pushed = hub.repositories
    assert all(one.private and "model.safetensors" in one.files for one in pushed.values())


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_each_command_works_as_written(page: str, tmp_path: Path, surroundings: dict[str, str]) -> None:
    for line in typed(ROOT / page):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", PAGES)
def test_no_command_is_lost(page: str) -> None:
    assert len(list(typed(ROOT / page))) >= PAGES[page]


@pytest.mark.parametrize("begin", NOT_TYPED)
def test_no_exception_is_idle(begin: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(re.search(rf"^{re.escape(begin)}", page.read_text(), re.MULTILINE) for page in pages)
