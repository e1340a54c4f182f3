"""The page `write-a-plugin.md` is a whole distribution: built from its blocks alone, its tests pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "write-a-plugin.md"
BLOCK = re.compile(r"^`(?P<path>[\w/.]+)`:\n\n```\w+\n(?P<text>.*?)\n```$", re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_what_the_page_shows_is_built_and_tested(tmp_path: Path) -> None:
    folder = tmp_path / "copied"
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        path = folder / block["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block["text"] + "\n", encoding="utf-8")
    (folder / "udasa_plugin_sentiment" / "__init__.py").touch()
    wheels, there = tmp_path / "wheels", tmp_path / "there"
    build = ["pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(folder)]
    subprocess.run([sys.executable, "-m", *build], check=True)
    (wheel,) = wheels.glob("udasa_plugin_sentiment-*.whl")
    install = ["pip", "install", "-q", "--no-deps", "--target", str(there), str(wheel)]
    subprocess.run([sys.executable, "-m", *install], check=True)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests")]
    subprocess.run(tests, check=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(there)})
