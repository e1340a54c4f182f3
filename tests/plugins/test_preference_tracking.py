"""`report_to`: a stage's figures reach trackers, each step once, and nothing that is made depends on it."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

import udasa_core
from tests.canned import configuration
from tests.fakes import FakeResources
from tests.plugins.preferences import make_pairs, outlook, train, write_pairs
from tests.plugins.test_preference_resume import Tripwire, files
from tests.plugins.trackers import FakeTracker, plant, scalars
from udasa_core import ModelRef, Stage
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import load_factory
from udasa_core.testing.factory import build
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.report_to import following

# Five steps, checkpoints at 2, 4 and 5; a dropout that any draw of a tracker would shift.
SETTINGS = {"batch": 1, "accumulation": 2, "epochs": 1.5, "save_steps": 2, "dropout": 0.2}
TRAINERS = [
    one.name for one in read_catalog().offers if one.kind == "trainer" and one.distribution == "udasa"
]


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    """transformers and accelerate import wandb where it is there: before a stand-in is."""
    importlib.import_module("transformers.trainer_callback")
    importlib.import_module("accelerate")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("TENSORBOARD_", "WANDB_", "TRACKIO_"))]:
        monkeypatch.delenv(name)


def follow(trackers: Sequence[Any], steps: Iterable[int], folder: Path, *, kill: bool = False) -> None:
    """Tell the callbacks what the Trainer would: how it begins, each step, and nothing where it is killed."""
    state = SimpleNamespace(global_step=0)
    told = {"processing_class": "a tokenizer", "train_dataloader": "texts"}
    stage = Stage("conservative", 6, "dpo", {})
    resources = FakeResources(run_folder=folder / "runs" / "mine")
    with following(trackers, folder / "told.json", stage, resources) as callbacks:
        for callback in callbacks:
            callback.on_train_begin(None, state, None, **told)
            for state.global_step in steps:
                callback.on_log(None, state, None, logs={"loss": 1 / state.global_step, "said": "ha"}, **told)
        if kill:
            raise KeyboardInterrupt


def losses(tracker: FakeTracker) -> list[list[tuple[int, float]]]:
    """What each of a tracker's runs was told: (step, loss)."""
    return [
        [(row.get("train/global_step", row.get("step")), row["train/loss"]) for row in run.logged]
        for run in tracker.runs
    ]


@pytest.mark.parametrize("name", TRAINERS)
def test_every_trainer_takes_it_and_leaves_it_out_of_its_fingerprint(name: str) -> None:
    factory = load_factory(read_catalog().find("trainer", name))
    assert factory.Options(report_to=["tensorboard", "wandb"]).report_to == ("tensorboard", "wandb")
    assert factory.Options().report_to == ()
    one, other = (build("trainer", factory, {"report_to": names}).plugin for names in ([], ["wandb"]))
    assert one.identity() == other.identity()


def test_an_unknown_name_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match="'tensorboard', 'trackio' or 'wandb'"):
        DPO.Options(report_to=["tensorbord"])


def test_one_that_is_not_installed_is_known_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("udasa_core.trackers._is_installed", lambda name: False)
    options = DPO.Options(report_to=["trackio"])
    assert list(options.preflight(outlook())) == ["trackio is not installed: pip install trackio"]
    assert not list(DPO.Options().preflight(outlook()))


def test_without_trackers_nothing_is_called_nor_imported(tmp_path: Path) -> None:
    follow([], [1], tmp_path)
    assert not list(tmp_path.iterdir())


def test_tensorboard_is_told_each_step_once_beside_the_run(tmp_path: Path) -> None:
    """Killed after step 3, begun again from the checkpoint at 2."""
    pytest.importorskip("tensorboard")
    with pytest.raises(KeyboardInterrupt):
        follow(["tensorboard"], [1, 2, 3], tmp_path, kill=True)
    follow(["tensorboard"], [3, 4, 5, 5], tmp_path)
    (folder,) = (tmp_path / "runs" / "mine" / "tracking" / "tensorboard").iterdir()
    assert folder.name.startswith("mine conservative ")
    told = scalars(folder)
    assert list(told) == ["train/loss"]
    assert told["train/loss"][:4] == [(step, pytest.approx(1 / step)) for step in (1, 2, 3, 4)]
    assert {step for step, _ in told["train/loss"][4:]} == {5}


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_a_killed_stage_goes_on_in_the_trackers_run(
    name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = plant(monkeypatch, name)
    with pytest.raises(KeyboardInterrupt):
        follow([name], [1, 2, 3], tmp_path, kill=True)
    follow([name], [3, 4], tmp_path)
    assert losses(tracker) == [[(1, 1.0), (2, 0.5), (3, 1 / 3)], [(4, 0.25)]]
    first, second = tracker.runs
    assert first.opened == second.opened
    assert first.opened["resume"] == "allow"
    assert first.name.startswith("mine conservative ")
    assert all(run.finished for run in tracker.runs)


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_each_stage_is_a_run_of_its_own(name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = plant(monkeypatch, name)
    for stage in ("first", "second"):
        follow([name], [1], tmp_path / stage)
    assert losses(tracker) == [[(1, 1.0)], [(1, 1.0)]]
    assert len({run.name for run in tracker.runs}) == 2


def test_no_text_reaches_a_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackers = [plant(monkeypatch, "wandb"), plant(monkeypatch, "trackio")]
    follow(["wandb", "trackio"], [1], tmp_path)
    for tracker in trackers:
        told = [value for run in tracker.runs for row in run.logged for value in row.values()]
        assert told
        assert all(isinstance(value, int | float) for value in told)


def test_a_tracker_that_fails_is_told_of_once_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wandb, trackio = plant(monkeypatch, "wandb"), plant(monkeypatch, "trackio")
    wandb.breaks = True
    with caplog.at_level(logging.WARNING, "udasa"):
        follow(["wandb", "trackio"], [1, 2], tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "stage conservative: wandb failed (ConnectionError: the tracker's server is away) and is told "
        "nothing more of it"
    ]
    assert losses(trackio) == [[(1, 1.0), (2, 0.5)]]
    assert wandb.runs[0].finished


def test_training_that_is_killed_and_goes_on_with_other_trackers_makes_the_same_bytes(
    tiny_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after step 3, with a checkpoint at 2; wandb joins when it goes on."""
    pytest.importorskip("tensorboard")
    run = tmp_path / "runs" / "mine"
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(6))
    untracked = train(DPO, pairs, tiny_ref, tmp_path / "untracked", **SETTINGS)
    wandb = plant(monkeypatch, "wandb")  # TRL is imported by now

    resources = Tripwire(tiny_ref, "train conservative", 5, run_folder=run)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(DPO, pairs, tiny_ref, out, resources=resources, report_to=["tensorboard"], **SETTINGS)
    resources = FakeResources(tiny_ref, run_folder=run)
    both = ["tensorboard", "wandb"]
    report = train(DPO, pairs, tiny_ref, out, resources=resources, report_to=both, **SETTINGS)

    assert files(report) == files(untracked)
    assert not list(out.rglob("*tfevents*"))
    (folder,) = (run / "tracking" / "tensorboard").iterdir()
    history = [(int(row["step"]), pytest.approx(row["loss"])) for row in report.history]
    assert len(history) == 5
    assert scalars(folder)["train/loss"] == history
    wandb.runs[0].logged.pop()  # what the whole training took, told at its end
    assert losses(wandb) == [history[3:]]


@pytest.mark.slow
def test_a_run_is_the_same_with_and_without_trackers(tmp_path: Path, tiny_model_dir: Path) -> None:
    pytest.importorskip("tensorboard")
    trainer = {"use": "dpo", "rank": 4, "batch": 2, "learning_rate": 1e-2}
    stages = {"use": "quantiles", "names": ["first", "second"]}
    plain = configuration(tmp_path, tiny_model_dir, count=12, trainer=trainer, stages=stages)
    tracked = {
        **plain,
        "trainer": {**trainer, "report_to": ["tensorboard"]},
        "observer": [{"use": "tracking", "to": ["tensorboard"]}],
        "run": {**plain["run"], "folder": str(tmp_path / "tracked")},
    }
    kept = [stored(udasa_core.run(one)) for one in (plain, tracked)]
    assert kept[0] == kept[1]
    told = {path.name.split()[1]: scalars(path) for path in (tmp_path / "tracked").rglob("canned *")}
    assert {"first", "second"} < set(told)
    assert all(len(told[stage]["train/loss"]) > 1 for stage in ("first", "second"))
    (observed,) = set(told) - {"first", "second"}
    losses = [told[stage]["train/loss"][-1][1] for stage in ("first", "second")]
    assert [loss for _, loss in told[observed]["stage/last_loss"]] == pytest.approx(losses)
    # What a stage was trained with is no reason to train it again.
    assert udasa_core.run({**plain, "trainer": tracked["trainer"]}).made == 0


def stored(run: udasa_core.Run) -> dict[str, bytes]:
    """Every output's bytes by its name in the store; notes of who uses it are none."""
    found = [path for path in run.store.root.glob("[!.]*/**/*") if path.is_file()]
    return {
        path.relative_to(run.store.root).as_posix(): path.read_bytes()
        for path in found
        if path.suffix != ".lock"
    }
