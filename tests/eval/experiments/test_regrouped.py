"""The first K responses of each prompt, and work of one's own conducted as a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core.api import conduct, load
from udasa_core.errors import LockedError, PluginError
from udasa_core.records import Group
from udasa_core.running.job import Job
from udasa_core.steps.read import intake
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.store.store import Shards, lock
from udasa_core.store.tables import groups_from
from udasa_eval.experiments.regrouped import first_responses


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    calls.clear()
    made = configuration(tmp_path, tiny_model_dir, count=6)
    made["run"]["held_out"] = 0.0
    return made


def groups_of(job: Job, shards: Shards) -> list[Group]:
    return [one for key in shards.fingerprints for one in groups_from(job.store.read_table("sample", key))]


def test_the_first_responses_are_taken_shard_by_shard(plain: dict[str, Any]) -> None:
    found: dict[str, Any] = {}

    def work(job: Job) -> Mapping[str, Any]:
        whole = sample(job, intake(job).training, job.base)
        taken = {size: first_responses(job, whole, size) for size in (2, 3, 4, 9)}
        found.update(whole=groups_of(job, whole), shards=whole, taken=taken)
        found["groups"] = {size: groups_of(job, shards) for size, shards in taken.items()}
        columns = score(job, taken[2])
        found["columns"] = {name: len(shards.fingerprints) for name, shards in columns.items()}
        return {"experiment": "take"}

    job = conduct(load(plain), work)
    assert [len(one.responses) for one in found["whole"]] == [4] * 6
    for size, groups in found["groups"].items():
        for group, whole in zip(groups, found["whole"], strict=True):
            assert group.responses == whole.responses[:size]
            assert (group.prompt, group.prompt_token_ids, group.policy) == (
                *(whole.prompt, whole.prompt_token_ids),
                whole.policy,
            )
    assert {len(shards.fingerprints) for shards in found["taken"].values()} == {2}
    # What was taken has names of its own: nothing is scored as something else.
    keys = [key for shards in (found["shards"], *found["taken"].values()) for key in shards.fingerprints]
    assert len(set(keys)) == len(keys)
    assert found["columns"] == {"one": 2, "two": 2}
    assert calls["score one"] == calls["score two"] == 2
    assert calls["generate"] == 2
    # The run's manifest tells of it, and cleaning spares it.
    run = udasa_core.Run(job.config.run_dir)
    assert run.status == "finished"
    assert run.manifest.plain["experiment"] == "take"
    assert run.keys(f"take 3 {found['shards']}") == list(found["taken"][3].fingerprints)
    assert udasa_core.clean(job.config.run_dir.parent)[0] == 0

    calls.clear()
    assert conduct(load(plain), work).made == 0
    assert calls.total() == 0


def test_work_that_fails_is_told_of_and_goes_on_where_it_stopped(plain: dict[str, Any]) -> None:
    def fails(job: Job) -> Mapping[str, Any]:
        sample(job, intake(job).training, job.base)
        raise PluginError("the second half is missing")

    with pytest.raises(PluginError, match="second half"):
        conduct(load(plain), fails)
    run = udasa_core.Run(Path(plain["run"]["folder"]) / "canned")
    assert run.status == "failed"
    assert "second half" in run.manifest.plain["error"]
    calls.clear()

    def works(job: Job) -> Mapping[str, Any]:
        sample(job, intake(job).training, job.base)
        return {}

    conduct(load(plain), works)
    assert calls["generate"] == 0
    assert udasa_core.Run(run.folder).status == "finished"
    assert udasa_core.Run(run.folder).manifest.plain["error"] == ""


def test_an_interrupt_is_told_as_one(plain: dict[str, Any]) -> None:
    def stopped(job: Job) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(load(plain), stopped)
    assert udasa_core.Run(Path(plain["run"]["folder"]) / "canned").status == "interrupted"


def test_two_processes_are_not_at_one_run(plain: dict[str, Any]) -> None:
    busy = Path(plain["run"]["folder"]) / "canned" / ".lock"
    with lock(busy, "busy"), pytest.raises(LockedError, match="already being made"):
        conduct(load(plain), lambda job: {})
