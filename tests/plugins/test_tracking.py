"""The observer `tracking`: a run's figures reach trackers, each once, and no text does."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import udasa_core
from tests.canned import configuration
from tests.fakes import FakeResources
from tests.plugins.trackers import FakeTracker, plant, scalars
from udasa_core import ConfigError, Event, UdasaError, testing
from udasa_core.testing.factory import build
from udasa_plugin_tracking.figures import Stages, figures_of
from udasa_plugin_tracking.observer import Tracking

SECRET = "Where did Ms Planted hide the emeralds"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("TENSORBOARD_", "WANDB_", "TRACKIO_"))]:
        monkeypatch.delenv(name)


def observed(folder: Path, *to: str) -> Any:
    """The observer of a run of this folder, as a function of events."""
    tested = build("observer", Tracking, {"to": list(to)}, FakeResources(run_folder=folder / "mine"))
    return lambda event: tested.call("udasa_observe", event=event)


def figures(event: Event, stages: Stages | None = None) -> dict[str, tuple[int, float]]:
    return {one.name: (one.place, one.value) for one in figures_of(event, stages or Stages())}


def logged(tracker: FakeTracker) -> list[dict[str, tuple[int, float]]]:
    """What each of a tracker's runs was told: name → (place, value)."""
    told = []
    for run in tracker.runs:
        rows = [(row.get("place", row.get("step")), row) for row in run.logged]
        told.append(
            {
                name: (at, value)
                for at, row in rows
                for name, value in row.items()
                if name not in ("place", "step")
            }
        )
    return told


def stage(label: str, loss: float) -> Event:
    return Event("finished", "stage", label, 8, 8, {"last_loss": loss, "skipped": ""})


def test_it_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "trackio")
    testing.check_observer(Tracking, {"to": ["trackio"]}, resources=FakeResources(run_folder=tmp_path))


def test_a_tracker_is_named_and_installed() -> None:
    with pytest.raises(ValidationError, match="'tensorboard', 'trackio' or 'wandb'"):
        Tracking.Options(to=("tensorbord",))  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="at least 1 item"):
        Tracking.Options(to=())


def test_one_that_is_not_installed_stops_the_run_before_it_begins(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udasa_core.trackers._is_installed", lambda name: False)
    observer = [{"use": "tracking", "to": ["wandb"]}]
    with pytest.raises(ConfigError, match="wandb is not installed: pip install wandb"):
        udasa_core.run(configuration(tmp_path, tiny_model_dir, observer=observer))


def test_stages_are_numbered_in_the_order_of_training() -> None:
    stages = Stages()
    told = [
        figures(stage("conservative", 0.5), stages),
        figures(
            Event("finished", "stage", "moderate", 0, 2, {"skipped": "2 pairs", "texts": ["Hi"]}), stages
        ),
    ]
    assert told == [
        {"stage/pairs": (1, 8.0), "stage/skipped": (1, 0.0), "stage/last_loss": (1, 0.5)},
        {"stage/pairs": (2, 0.0), "stage/skipped": (2, 1.0)},
    ]
    metric = {"name": "accuracy", "value": 0.5, "low": 0.4, "high": float("nan"), "n": 9, "error": None}
    for model, number in (("base", 0), ("moderate", 2), ("conservative", 1)):
        suite = Event("finished", "suite", "quiz", 1, 1, {"model": model, "metrics": [metric]})
        assert figures(suite, stages) == {
            "suite/quiz/accuracy": (number, 0.5),
            "suite/quiz/accuracy/low": (number, 0.4),
        }


def test_gates_and_the_held_out_prompts_tell_their_figures() -> None:
    decided = {"watch": "gate", "figure": "U", "against": "base", "before": 0.2, "after": 0.4, "worse": 0.2,
               "low": None, "high": 0.3, "n": 9, "bound": 0.1, "action": "stop", "verdict": "tripped",
               "stage": "only", "was": "base"}  # fmt: skip
    assert figures(Event("finished", "gate", "U after only", 1, 1, decided)) == {
        "gate/U against base/tripped": (1, 1.0),
        "gate/U against base/before": (1, 0.2),
        "gate/U against base/after": (1, 0.4),
        "gate/U against base/worse": (1, 0.2),
        "gate/U against base/high": (1, 0.3),
        "gate/U against base/bound": (1, 0.1),
    }
    changes = [{"name": "U", "before": 0.5, "after": 0.25, "low": -0.5, "high": 0.125, "n": 9}]
    held_out = Event("finished", "held-out", "…", 1, 1, {"round": 2, "changes": changes})
    assert figures(held_out) == {
        "held-out/U/change": (2, -0.25),
        "held-out/U/before": (2, 0.5),
        "held-out/U/after": (2, 0.25),
        "held-out/U/low": (2, -0.5),
        "held-out/U/high": (2, 0.125),
    }


def test_a_step_tells_what_it_took_and_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackio = plant(monkeypatch, "trackio")
    now = [10.0]
    monkeypatch.setattr("udasa_plugin_tracking.observer.time.perf_counter", lambda: now[0])
    tell = observed(tmp_path, "trackio")
    tell(Event("started", "step", "sample training", 0, 5, {"todo": 3}))
    now[0] = 12.5
    tell(Event("finished", "step", "sample training", 5, 5, {"todo": 3}))
    tell(Event("started", "step", "score training", 5, 5, {"todo": 0}))
    tell(Event("finished", "step", "score training", 5, 5, {"todo": 0}))
    assert logged(trackio) == [{"seconds/sample training": (1, 2.5), "made/sample training": (1, 3.0)}]
    for what in ("started", "finished"):  # another step of this name
        tell(Event(what, "step", "sample training", 5, 5, {"todo": 2}))  # type: ignore[arg-type]
    assert logged(trackio) == [{"seconds/sample training": (1, 2.5), "made/sample training": (1, 5.0)}]


def test_a_run_that_is_continued_tells_each_figure_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second process hears of both stages, as a continued run tells them anew."""
    wandb = plant(monkeypatch, "wandb")
    observed(tmp_path, "wandb")(stage("first", 0.5))
    again = observed(tmp_path, "wandb")
    again(stage("first", 0.5))
    assert len(wandb.runs) == 1, "nothing was new"
    again(stage("second", 0.25))
    again(Event("finished", "run", "mine"))
    first, second = logged(wandb)
    assert first["stage/last_loss"] == (1, 0.5)
    assert second["stage/last_loss"] == (2, 0.25)
    opened = [run.opened for run in wandb.runs]
    assert opened[0] == opened[1]
    assert opened[0]["resume"] == "allow"
    assert opened[0]["name"].startswith("mine ")
    assert wandb.runs[1].finished


def test_a_run_with_other_figures_is_another_run_of_the_trackers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = plant(monkeypatch, "wandb")
    observed(tmp_path, "wandb")(stage("first", 0.5))
    again = observed(tmp_path, "wandb")
    again(Event("finished", "held-out", "…", 1, 1, {"round": 1, "changes": []}))
    again(stage("first", 0.75))
    again(stage("second", 0.25))
    first, second = wandb.runs
    assert first.name != second.name
    assert [row["stage/last_loss"] for row in second.logged] == [0.75, 0.25]


def test_a_tracker_that_fails_is_told_of_once_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wandb, trackio = plant(monkeypatch, "wandb"), plant(monkeypatch, "trackio")
    wandb.breaks = True
    tell = observed(tmp_path, "wandb", "trackio")
    with caplog.at_level(logging.WARNING, "udasa"):
        tell(stage("first", 0.5))
        tell(stage("second", 0.25))
    assert [record.getMessage() for record in caplog.records] == [
        "wandb failed (ConnectionError: the tracker's server is away) and is told nothing more of run mine"
    ]
    assert wandb.runs[0].finished
    assert [row["stage/last_loss"] for row in trackio.runs[0].logged] == [0.5, 0.25]


def test_what_cannot_be_read_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackio = plant(monkeypatch, "trackio")
    kept = tmp_path / "mine" / "tracking" / "trackio.json"
    kept.parent.mkdir(parents=True)
    kept.write_text('{"id": ')
    observed(tmp_path, "trackio")(stage("first", 0.5))
    assert logged(trackio)[0]["stage/last_loss"] == (1, 0.5)
    assert json.loads(kept.read_text())["figures"]["stage/last_loss @ 1"] == 0.5


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, Any]:
    """A canned run with a suite, a gate and a guard, on prompts that are nobody else's."""
    folder = tmp_path_factory.mktemp("tracked")
    rows = [{"id": f"p{number}", "prompt": f"{SECRET}, {number}?"} for number in range(24)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return configuration(
        folder,
        tiny_model_dir,
        suite=[{"use": "tests.canned:Suite", "name": "quiz"}],
        gate=[{"figure": "entropy", "max_drop": 0.5, "action": "warn"}],
        observer=[{"use": "tracking", "to": ["tensorboard", "wandb"]}],
    )


def test_a_whole_run_is_told_in_figures_and_no_text_of_it(
    plain: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails in its first stage, and is continued."""
    pytest.importorskip("tensorboard")
    wandb = plant(monkeypatch, "wandb")
    with pytest.raises(UdasaError, match="out of memory"):
        udasa_core.run(plain, ["trainer.crash=true"])
    run = udasa_core.run(plain)
    (folder,) = (run.folder / "tracking" / "tensorboard").iterdir()
    told = scalars(folder)

    assert {name.partition("/")[0] for name in told} >= {
        "seconds",
        "made",
        "stage",
        "suite",
        "gate",
        "held-out",
    }
    places = {name: [place for place, _ in points] for name, points in told.items()}
    assert all(len(set(there)) == len(there) for there in places.values()), "each figure once"
    assert (places["seconds/sample training"], places["seconds/train conservative"]) == ([1], [2])
    assert places["stage/last_loss"] == [1, 2, 3]
    assert told["suite/quiz/adapters"] == [(0, 0.0), (1, 1.0), (2, 1.0), (3, 1.0)]
    last = {change["name"]: change for change in run.changes()}
    assert told["held-out/U/after"] == [(1, pytest.approx(last["U"]["after"]))]
    assert len({run.name for run in wandb.runs}) == 1
    assert {name for row in logged(wandb) for name in row} == set(told)

    kept = [path for path in (run.folder / "tracking").rglob("*") if path.is_file()]
    assert len(kept) == 4, "two processes' files of TensorBoard, and what each tracker was told"
    for text in ("Planted", "emeralds", "answer 0"):
        assert not any(text.encode() in path.read_bytes() for path in kept)
        assert text not in json.dumps([[run.opened, run.logged] for run in wandb.runs])

    # Again: nothing is made, nothing is told, nothing is written.
    before = {path: path.stat().st_mtime_ns for path in kept}
    again = udasa_core.run(plain)
    assert again.made == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert len(wandb.runs) == 2
