"""A run's manifest: what was damaged or is no manifest is told, and its run's outputs are kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import UdasaError
from udasa_core.store.manifest import Manifest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    return udasa_core.run(configuration(tmp_path_factory.mktemp("made"), tiny_model_dir))


@pytest.fixture
def run(made: udasa_core.Run, tmp_path: Path) -> udasa_core.Run:
    """A copy that a test may harm."""
    shutil.copytree(made.folder.parent, tmp_path / "runs")
    return udasa_core.Run(tmp_path / "runs" / made.folder.name)


def test_no_flipped_bit_says_something_else(run: udasa_core.Run) -> None:
    path = run.manifest.path
    whole, draw, plain = path.read_bytes(), Random(7), run.manifest.plain
    for _ in range(300):
        content = bytearray(whole)
        bit = draw.randrange(8 * len(whole))
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(content))
        said = read(run.folder)
        assert said == plain or "run the same configuration again" in said or "by another udasa" in said


def read(folder: Path) -> Any:
    """What a manifest says, or why it says nothing."""
    try:
        return Manifest.read(folder).plain
    except UdasaError as error:
        return str(error)


@pytest.mark.parametrize("text", ["{}", "[]", "null", "7", '"run"', '{"format": 3}', ""])
def test_what_is_no_manifest_keeps_a_run_s_outputs(run: udasa_core.Run, text: str) -> None:
    before = {path.name for path in run.store.root.glob("*/*")}
    run.manifest.path.write_text(text)
    with pytest.raises(UdasaError, match="run the same configuration again"):
        udasa_core.clean(run.folder.parent)
    assert {path.name for path in run.store.root.glob("*/*")} == before


def elsewhere(folder: Path, model: Path) -> dict[str, Any]:
    """A run on one disk, its store on another."""
    plain = configuration(folder, model)
    plain["run"]["folder"] = str(folder / "disk" / "runs")
    plain["store"] = {"path": str(folder / "store")}
    return plain


@pytest.mark.parametrize("left", ["nothing", "a mount point", "its parent", "an empty folder"])
def test_a_disk_that_is_not_mounted_is_no_deleted_run(
    tmp_path: Path, tiny_model_dir: Path, left: str
) -> None:
    run = udasa_core.run(elsewhere(tmp_path, tiny_model_dir))
    whole = {path.name for path in run.store.root.glob("*/*")}
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    parts = {"nothing": "", "a mount point": "disk", "its parent": "disk/runs", "an empty folder": run.folder}
    if parts[left]:
        (tmp_path / parts[left]).mkdir(parents=True)
    with pytest.raises(UdasaError, match="cannot be found, so nothing is removed"):
        udasa_core.clean(store=run.store.root)
    assert {path.name for path in run.store.root.glob("*/*")} == whole
    # The message names the note; without it, the run is gone for good.
    (note,) = (run.store.root / ".runs").iterdir()
    note.unlink()
    assert udasa_core.clean(store=run.store.root)[0] > 10


def test_a_damaged_note_names_no_other_run(run: udasa_core.Run) -> None:
    for note in (run.store.root / ".runs").iterdir():
        note.write_text(note.read_text().replace("canned", "cannec"))
    with pytest.raises(UdasaError, match="is damaged"):
        udasa_core.clean(run.folder.parent)


def test_a_damaged_manifest_is_written_anew(made: udasa_core.Run, run: udasa_core.Run) -> None:
    plain = json.loads(run.manifest.path.read_text())
    plain["status"] = "failed"
    run.manifest.path.write_text(json.dumps(plain))
    config = {**plain["config"], "run": {**plain["config"]["run"], "folder": str(run.folder.parent)}}
    again = udasa_core.run(config)
    assert again.made == 0
    assert again.status == "finished"


def test_a_run_of_an_earlier_format_is_read_as_it_is(run: udasa_core.Run) -> None:
    before = [(stage.name, stage.metrics) for stage in run.stages()]
    plain = json.loads(run.manifest.path.read_text())
    del plain["sha256"]
    run.manifest.path.write_text(json.dumps({**plain, "format": 2}))
    shutil.rmtree(run.store.root / ".digests")
    earlier = udasa_core.Run(run.folder)
    assert [(stage.name, stage.metrics) for stage in earlier.stages()] == before
    assert list(earlier.pairs())
    assert earlier.aligned().adapters
    # Without its digest, a manifest of today's format is none.
    run.manifest.path.write_text(json.dumps(plain))
    with pytest.raises(UdasaError, match="is damaged, or was edited"):
        udasa_core.Run(run.folder)


@pytest.mark.parametrize("asked", ["--store", "--folder"])
def test_a_folder_that_is_no_store_is_left_alone(tmp_path: Path, asked: str) -> None:
    store = tmp_path / "store"
    (store / "letters").mkdir(parents=True)
    (store / "letters" / "dear").write_text("to be kept")
    with pytest.raises(UdasaError, match="is no store"):
        udasa_core.clean(*((tmp_path,) if asked == "--folder" else (tmp_path / "runs", store)))
    assert [path.name for path in store.rglob("*")] == ["letters", "dear"]
