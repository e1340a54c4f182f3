"""What udasa makes for runs, stores and experiments is for its owner alone; what was there keeps its mode."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.files.private import private_folder
from udasa_eval.labelled.sets import prompts_file


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_missing_is_made_private_and_what_is_there_is_left(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o755)
    private_folder(tmp_path / "mine" / "runs" / "first")
    modes = [mode(tmp_path / one) for one in ("mine", "mine/runs", "mine/runs/first")]
    assert modes == [0o755, 0o700, 0o700]
    (tmp_path / "mine" / "runs").chmod(0o750)
    private_folder(tmp_path / "mine" / "runs" / "second")
    assert mode(tmp_path / "mine" / "runs") == 0o750
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        private_folder(tmp_path / "file")


def test_a_runs_folders_are_private(tmp_path: Path, tiny_model_dir: Path) -> None:
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir, count=8))
    assert mode(tmp_path / "runs") == mode(run.folder) == mode(run.store.root) == 0o700
    # Files within are as the umask says.
    assert mode(run.folder / "manifest.json") == 0o644


def test_a_folder_of_the_users_own_keeps_its_mode(tmp_path: Path, tiny_model_dir: Path) -> None:
    (tmp_path / "runs" / "store").mkdir(parents=True)
    (tmp_path / "runs" / "store").chmod(0o755)
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir, count=8))
    assert mode(tmp_path / "runs") == mode(run.store.root) == 0o755
    assert mode(run.folder) == 0o700


def test_what_an_experiment_asks_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "asked" / "prompts"
    prompts_file(folder, [{"id": "a", "prompt": "Who?"}])
    assert mode(tmp_path / "runs") == mode(folder) == 0o700
