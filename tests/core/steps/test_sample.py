"""Voters: further responses in blocks, which change nothing of what was drawn before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import Canned, calls, configuration
from udasa_core import Column, Group, Steps, hookimpl
from udasa_core.errors import ConfigError, PromptsError, UsageError
from udasa_core.store.output import HELD_OUT, TRAINING, Output
from udasa_core.store.tables import read_groups


class Hearing(Canned):
    """The share of voters whose last word is smaller than the response's: a dimension that hears them."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        calls["hearing"] += 1
        calls["voters"] += sum(len(one.voters) for one in groups)
        return Column(
            self.name,
            tuple(
                tuple(
                    sum(voter.text.split()[-1] < each.text.split()[-1] for voter in one.heard)
                    / len(one.heard)
                    for each in one.responses
                )
                for one in groups
            ),
        )


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    calls.clear()
    dimension = [{"use": "tests.core.steps.test_sample:Hearing", "name": "hearing"}]
    return configuration(tmp_path, tiny_model_dir, count=12, dimension=dimension)


def groups(run: udasa_core.Run, instance: str = "", split: str = TRAINING) -> list[Group]:
    keys = run.keys(Output("sample", split, instance=instance))
    return [group for key in keys for group in read_groups(run.store, key)]


def test_a_further_block_is_all_that_is_sampled(plain: dict[str, Any]) -> None:
    """8 → 16 voters: one call of the generator a shard more, and what was there stays byte for byte."""
    none = udasa_core.run(plain)
    shards = len(none.keys(Output("sample", TRAINING)))
    held_out = len(none.keys(Output("sample", HELD_OUT)))
    assert shards > 1
    calls.clear()
    eight = udasa_core.run(plain, ["generator.voters=8"])
    # A block for the training prompts, one for the held-out ones before and one after, whose policy is new
    # and so is sampled itself.
    assert calls["generate"] == shards + 3 * held_out
    calls.clear()
    sixteen = udasa_core.run(plain, ["generator.voters=16"])
    assert calls["generate"] == shards + held_out + 3 * held_out
    for run in (eight, sixteen):
        assert run.keys(Output("sample", TRAINING)) == none.keys(Output("sample", TRAINING))
    first = Output("sample", TRAINING, instance="voters 1")
    assert eight.keys(first) == sixteen.keys(first)
    assert all(len(group.responses) == 8 for group in groups(sixteen, "voters 2"))
    # Each block draws for itself: no voter is a response, or another block's.
    texts = [
        one.text
        for instance in ("", "voters 1", "voters 2")
        for group in groups(sixteen, instance)
        for one in group.responses
    ]
    assert len(set(texts)) == len(texts)
    assert udasa_core.run(plain, ["generator.voters=16"]).made == 0


def test_sixteen_at_once_are_eight_and_then_eight(plain: dict[str, Any], tmp_path: Path) -> None:
    udasa_core.run(plain, ["generator.voters=8"])
    later = udasa_core.run(plain, ["generator.voters=16"])
    other = {**plain, "run": {**plain["run"], "folder": str(tmp_path / "other")}}
    at_once = udasa_core.run(other, ["generator.voters=16"])
    for instance in ("", "voters 1", "voters 2"):
        output = Output("sample", TRAINING, instance=instance)
        assert later.keys(output) == at_once.keys(output) != []
        for key in later.keys(output):
            path = "sample", key
            assert later.store.path(*path).read_bytes() == at_once.store.path(*path).read_bytes()
    assert list(later.scores()) == list(at_once.scores())


def test_voters_are_heard_and_never_scored_or_paired(plain: dict[str, Any]) -> None:
    none = udasa_core.run(plain)
    alone = list(none.scores())
    calls.clear()
    run = udasa_core.run(plain, ["generator.voters=8"])
    assert calls["voters"] > 0
    for before, after in zip(alone, run.scores(), strict=True):
        assert len(after.U) == 4
        assert before.raw != after.raw
    candidates = {group.prompt.id: {one.text for one in group.responses} for group in groups(run)}
    pairs = [pair for _, pair in run.pairs()]
    assert pairs
    assert all({pair.chosen.text, pair.rejected.text} <= candidates[pair.prompt.id] for pair in pairs)


def test_voters_come_in_blocks(plain: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"generator\.voters.*multiple of 8"):
        udasa_core.load(plain, ["generator.voters=12"])


def test_an_experiment_takes_as_many_voters_as_it_likes(plain: dict[str, Any], tmp_path: Path) -> None:
    plain["generator"]["voters"] = 16
    steps = Steps(tmp_path / "experiment")
    with steps.run(plain, "voters") as run:
        sampled = run.sample()
        heard = {count: run.heard_by(sampled, count) for count in (0, 8, 16)}
        scored = {count: [one.raw for _, one in run.score(few)] for count, few in heard.items()}
        few = run.first(sampled, 2)
        with pytest.raises(UsageError, match="12 voters cannot be taken: there are 16, in blocks of 8"):
            run.heard_by(sampled, 12)
    for count, taken in heard.items():
        for group, whole in zip(taken, sampled, strict=True):
            assert group.voters == whole.voters[:count]
            assert group.responses == whole.responses
    assert scored[0] != scored[8] != scored[16]
    assert all(len(group.responses) == 2 and len(group.voters) == 16 for group in few)


def recorded(folder: Path, voters: int) -> dict[str, Any]:
    rows = [
        {
            "prompt": f"question {number}",
            "responses": [f"answer {number} {k}" for k in range(4)],
            "voters": [f"voter {number} {k}" for k in range(voters)],
        }
        for number in range(12)
    ]
    path = folder / "responses.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"use": "recorded", "source": f"file:{path}", "responses": 4, "template": "plain"}


def test_recorded_voters_are_taken_from_their_field(plain: dict[str, Any], tmp_path: Path) -> None:
    plain["generator"] = {**recorded(tmp_path, 16), "voters": 16}
    plain["run"]["held_out"] = 0.0  # what the canned trainer makes is no model that could measure them
    run = udasa_core.run(plain)
    for block in (1, 2):
        for group in groups(run, f"voters {block}"):
            number = group.prompt.messages[0].content.split()[-1]
            told = [one.text for one in group.responses]
            assert told == [f"voter {number} {k}" for k in range(8 * block - 8, 8 * block)]


def test_too_few_recorded_voters_set_a_prompt_aside(plain: dict[str, Any], tmp_path: Path) -> None:
    plain["generator"] = {**recorded(tmp_path, 9), "voters": 16}
    plain["prompts"] = {**plain["prompts"], "max_set_aside": 1.0}
    with pytest.raises(PromptsError, match=r"9 recorded voters, and \[generator\] voters is 16"):
        udasa_core.run(plain)
