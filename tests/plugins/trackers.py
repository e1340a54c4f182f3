"""Stand-ins for trackers: what they were told, and what a real TensorBoard reads of its files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class FakeRun:
    """A run of wandb's or trackio's: what it was opened with and told, and whether it was closed."""

    def __init__(self, module: FakeTracker, opened: Mapping[str, Any]) -> None:
        self.opened = dict(opened)
        self.name: str = opened["name"]
        self.logged: list[dict[str, Any]] = []
        self.finished = False
        self._module = module
        print(f"{self.name} is open")

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        if self._module.breaks:
            raise ConnectionError("the tracker's server is away")
        assert not self.finished
        self.logged.append(dict(metrics) if step is None else {"step": step, **metrics})
        print(f"{self.name} is told")

    def define_metric(self, name: str, step_metric: str) -> None:
        assert (self._module.__name__, name) == ("wandb", "*")

    def finish(self) -> None:
        self.finished = True
        print(f"{self.name} is finished")


class FakeTracker(ModuleType):
    """The module `wandb` or `trackio`, as far as it is touched."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.runs: list[FakeRun] = []
        self.breaks = False
        self.has_key = True
        self.mode = "online"

    def login(self, prompt: bool) -> bool:
        assert not prompt
        return self.has_key

    def setup(self) -> Any:
        return SimpleNamespace(settings=SimpleNamespace(mode=self.mode))

    def init(self, **opened: Any) -> FakeRun:
        self.runs.append(FakeRun(self, opened))
        return self.runs[-1]


def plant(monkeypatch: pytest.MonkeyPatch, name: str) -> FakeTracker:
    """Install a stand-in."""
    module = FakeTracker(name)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard shows of a folder: tag → its (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return {tag: [(one.step, one.value) for one in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
