"""Wheels of one version: with other code for a step they share none of its outputs, with another text all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.canned import configuration

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow

# The installed checkout is taken off the path, so that the wheel's files are what runs.
RUN = """
import json, sys
site, plain = sys.argv[1], json.loads(sys.argv[2])
sys.meta_path[:] = [finder for finder in sys.meta_path if "editables" not in type(finder).__module__]
sys.path.insert(0, site)
import udasa_core
assert udasa_core.__file__.startswith(site), udasa_core.__file__
from udasa_core.check.remade import remade_table
from udasa_core.plugins.catalog import read_catalog
told = remade_table(udasa_core.load(plain), read_catalog())
run = udasa_core.run(plain)
print(json.dumps({
    "made": run.made,
    "told": [row[0] for row in told.rows] if told else [],
    "keys": {" ".join(map(str, list(entry.values())[:3])): entry["keys"] for entry in run.manifest.outputs()},
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """udasa's own wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def installed(wheel: Path, folder: Path, **edits: tuple[str, str]) -> Path:
    """Lay the wheel out as pip does; edits: a file's path with "__" for "/" → a text and what replaces it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for name, (old, new) in edits.items():
        path = folder / f"{name.replace('__', '/')}.py"
        text = path.read_text()
        assert old in text, path
        path.write_text(text.replace(old, new))
    return folder


def run(site: Path, plain: dict[str, Any]) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(site), json.dumps(plain)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=site.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_wheels_of_one_version(wheel: Path, tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir)
    first = run(installed(wheel, tmp_path / "first"), plain)
    assert first["made"] > 0
    assert first["told"] == []

    text = "Nobody can be unsure of these prompts"
    retold = installed(
        wheel,
        tmp_path / "retold",
        udasa_core__report__show=(text, f"Truly, {text}"),
        udasa_core__api=('"""What udasa does', '"""What udasa can do'),
    )
    assert run(retold, plain) == {**first, "made": 0}

    resampled = installed(
        wheel, tmp_path / "resampled", udasa_core__steps__sample=('"""Sample one shard."""', '"""Sample."""')
    )
    other = run(resampled, plain)
    assert {"sample", "score", "train"} <= set(other["told"])
    assert "read prompts" not in other["told"]
    for name, keys in first["keys"].items():
        is_shared = name.startswith(("prompts", "controls"))  # no control prompt is asked here
        assert set(keys).isdisjoint(other["keys"][name]) != is_shared, name


def test_two_wheels_of_a_plugin(wheel: Path, tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir)
    first = run(installed(wheel, tmp_path / "first"), plain)
    paired = installed(
        wheel,
        tmp_path / "paired",
        udasa_plugin_pairing__extremes=("import annotations\n", "import annotations\n\nOTHER = 1\n"),
    )
    other = run(paired, plain)
    assert other["told"] == ["pair", "stage", "train", "meters", "guard", "evaluate"]
    changed = {name for name in first["keys"] if first["keys"][name] != other["keys"][name]}
    # The canned trainer gives the same weights for the same pairs: nothing is measured anew.
    assert {name.split()[0] for name in changed} == {"pair", "stage", "train"}
