"""Whoever ends the process from within a run makes no success of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import Canned, Trainer, configuration
from udasa_core import Column, Event, Grade, Group, Message, ModelRef, Prompt, SuiteReport, hookimpl
from udasa_core.errors import ConfigError, PluginError, UdasaError
from udasa_core.running.conduct import running

HERE = "tests.core.running.test_exits"


class LeavesScoring(Canned):
    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        sys.exit(0)


class LeavesWhileBuilt(Canned):
    def __init__(self, *given: Any) -> None:
        raise SystemExit

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        raise NotImplementedError


class LeavesTraining(Trainer):
    @hookimpl
    def udasa_train(self, **_: Any) -> Any:
        sys.exit()


class LeavesMapping(Canned):
    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        yield 0
        sys.exit(0)


class LeavesJudging(Canned):
    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> Iterator[Grade]:
        yield Grade(1.0, "1")
        sys.exit(0)


class Asking(Canned):
    needs = ("judge",)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        self.resources.judge()([Prompt("q", (Message("user", "why?"),))], seed)
        raise NotImplementedError


class LeavesWatching(Canned):
    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        sys.exit(0)


def judged(plain: dict[str, Any]) -> dict[str, Any]:
    return {**plain, "suite": [{"use": f"{HERE}:Asking"}], "judge": {"use": f"{HERE}:LeavesJudging"}}


class LeavesStaging(Canned):
    def __init__(self, *given: Any) -> None:
        sys.exit(0)

    @hookimpl
    def udasa_stage(self, pairs: Any, seed: int) -> Any:
        raise NotImplementedError


def test_a_stage_policy_that_leaves_is_a_fault_of_the_configuration(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = {**configuration(tmp_path, tiny_model_dir), "stages": {"use": f"{HERE}:LeavesStaging"}}
    with pytest.raises(ConfigError, match="cannot be built: SystemExit"):
        udasa_core.load(plain)


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: {**plain, "dimension": [{"use": f"{HERE}:LeavesScoring"}]},
        lambda plain: {**plain, "dimension": [{"use": f"{HERE}:LeavesWhileBuilt"}]},
        lambda plain: {**plain, "trainer": {"use": f"{HERE}:LeavesTraining"}},
        lambda plain: {**plain, "engine": {"use": f"{HERE}:LeavesMapping"}},
        judged,
    ],
    ids=["dimension", "constructor", "trainer", "engine", "judge"],
)
def test_a_plugin_that_ends_the_process_has_failed(tmp_path: Path, tiny_model_dir: Path, change: Any) -> None:
    plain = change(configuration(tmp_path, tiny_model_dir))
    with pytest.raises(PluginError, match=r"SystemExit"):
        udasa_core.run(plain)
    if (tmp_path / "runs" / "canned" / "manifest.json").exists():
        run = udasa_core.Run(tmp_path / "runs" / "canned")
        assert run.status == "failed"


def test_an_observer_that_ends_the_process_is_not_heard_of_again(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = configuration(tmp_path, tiny_model_dir, observer=[{"use": f"{HERE}:LeavesWatching"}])
    assert udasa_core.run(plain).status == "finished"
    assert "it is not told of anything more" in caplog.text


def test_an_exit_from_anywhere_else_is_a_failure_too(tmp_path: Path, tiny_model_dir: Path) -> None:
    config = udasa_core.load(configuration(tmp_path, tiny_model_dir))
    with pytest.raises(UdasaError, match="ended the process"), running(config) as job:
        job.outputs.step("a step", 1, 1)
        sys.exit(0)
    assert udasa_core.Run(config.run_dir).status == "failed"
