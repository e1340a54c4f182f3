"""Trackers of figures: told where they are missing, and kept out of the store."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.fakes import FakeResources
from tests.plugins.trackers import plant, scalars
from udasa_core import open_tracker, tracker_faults
from udasa_core.errors import PluginError


@pytest.fixture
def _none_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("tensorboard", "trackio", "wandb"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [one for one in sys.meta_path if "editable" not in str(one)])


@pytest.mark.usefixtures("_none_installed")
def test_each_that_is_absent_is_told_once_with_what_to_type() -> None:
    assert list(tracker_faults(["tensorboard", "wandb", "wandb"])) == [
        "tensorboard is not installed: pip install tensorboard",
        "wandb is not installed: pip install wandb",
    ]


@pytest.mark.usefixtures("_none_installed")
def test_the_folder_that_wandb_leaves_is_no_installation(tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    assert list(tracker_faults(["wandb"])) == ["wandb is not installed: pip install wandb"]
    (tmp_path / "trackio").mkdir()
    (tmp_path / "trackio" / "__init__.py").touch()
    assert not list(tracker_faults(["trackio"]))


def test_wandb_without_a_key_is_told_unless_it_is_to_send_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = plant(monkeypatch, "wandb")
    assert not list(tracker_faults(["wandb"]))
    wandb.has_key = False
    (told,) = tracker_faults(["wandb"])
    assert told.startswith("wandb has no key for its server: type `wandb login`")
    wandb.mode = "offline"
    assert not list(tracker_faults(["wandb"]))
    monkeypatch.setattr(wandb, "login", lambda: False)  # of a version that knows no `prompt`
    assert not list(tracker_faults(["wandb"]))


def test_one_that_is_imported_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackio", ModuleType("trackio"))
    assert not list(tracker_faults(["trackio"]))


def test_tensorboard_writes_beside_the_run_unless_the_environment_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    run = tmp_path / "runs" / "mine"
    for folder in (run / "tracking" / "tensorboard", tmp_path / "logs"):
        told = open_tracker("tensorboard", "mine 1", "1", run, "step")
        told.write({"loss": 0.5, "share": 0.25}, 3)
        told.close()
        assert scalars(folder / "mine 1") == {"loss": [(3, 0.5)], "share": [(3, 0.25)]}
        monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "logs"))


def test_wandb_is_opened_beside_other_runs_and_sends_nothing_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wandb = plant(monkeypatch, "wandb")
    for name in ("WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    open_tracker("wandb", "mine 1", "1", tmp_path / "mine", "step").write({"loss": 0.5}, 3)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    open_tracker("wandb", "mine 1", "1", tmp_path / "mine", "step").close()
    ours, theirs = wandb.runs
    assert (ours.opened["project"], ours.opened["dir"]) == ("udasa", str(tmp_path / "mine" / "tracking"))
    assert (theirs.opened["project"], theirs.opened["dir"]) == ("theirs", str(tmp_path / "other"))
    assert (ours.opened["reinit"], ours.opened["resume"], ours.opened["id"]) == ("create_new", "allow", "1")
    assert (ours.opened["settings"]["console"], ours.opened["settings"]["host"]) == ("off", "")
    assert ours.logged == [{"step": 3, "loss": 0.5}]
    assert theirs.finished


def test_what_trackio_prints_is_no_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trackio = plant(monkeypatch, "trackio")
    told = open_tracker("trackio", "mine 1", "1", tmp_path, "step")
    told.write({"loss": 0.5}, 3)
    told.close()
    (run,) = trackio.runs
    assert (run.opened["project"], run.opened["resume"]) == ("udasa", "allow")
    assert run.logged == [{"step": 3, "loss": 0.5}]
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", ["mine 1 is open", "mine 1 is told", "mine 1 is finished"])


def test_outside_of_runs_there_is_no_folder_of_one(tmp_path: Path) -> None:
    assert FakeResources(run_folder=tmp_path).run_folder == tmp_path
    with pytest.raises(PluginError, match="no run here"):
        _ = FakeResources().run_folder
