"""Prompts that do not fit the model's context are named by `udasa check`, as a run sets them aside."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.api import load
from udasa_core.check import admitted
from udasa_core.check.admitted import admission, refused_note
from udasa_core.check.estimate import estimate
from udasa_core.check.turns import policy_told
from udasa_core.errors import NothingTrainedError, PromptsError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.records import ModelRef


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    """Eight prompts, of which those in lines 2 and 5 are longer than the tiny model's 512 tokens."""
    rows = [{"prompt": "zq " * (400 if number in (1, 4) else 3) + str(number)} for number in range(8)]
    (tmp_path / "long.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    generator = {"use": "transformers", "responses": 2, "max_new_tokens": 4}
    made = configuration(tmp_path, tiny_model_dir, generator=generator)
    made["prompts"] = {"source": f"file:{tmp_path / 'long.jsonl'}", "max_set_aside": 0.25}
    return made


def test_check_names_the_lines_that_a_run_sets_aside(plain: dict[str, Any]) -> None:
    config = load(plain)
    told = policy_told(config)
    assert (told.asked, list(told.refused), told.unasked) == (8, [2, 5], ())
    (note,) = refused_note(config, told.asked, told.refused)
    assert "does not take 2 of 8 prompts" in note
    assert "(lines 2, 5), and a run sets them aside; of line 2 it says: " in note
    assert "max_new_tokens = 4 do not fit in the model's context of 512" in note
    figures = {one.name: one for one in estimate(config, read_catalog(), refused=told.refused)}
    assert (figures["prompts"].value, figures["prompts"].basis[-16:]) == ("6", "2 more set aside")
    # The run says the same of the same lines.
    with pytest.raises(NothingTrainedError):
        udasa_core.run(plain, ["trainer.min_pairs=9"])
    listed = (config.run_dir / "set-aside.jsonl").read_text()
    aside = [json.loads(line) for line in listed.splitlines()]
    assert {row["line"]: row["reason"] for row in aside} == told.refused


def test_too_many_of_them_are_what_a_run_stops_over(plain: dict[str, Any]) -> None:
    config = load(plain, ["prompts.max_set_aside=0.1"])
    refused = policy_told(config).refused
    with pytest.raises(PromptsError) as checked:
        estimate(config, read_catalog(), refused=refused)
    with pytest.raises(PromptsError) as ran:
        udasa_core.run(plain, ["prompts.max_set_aside=0.1"])
    first, why, *_ = str(checked.value).splitlines()
    assert first in str(ran.value)
    assert why in str(ran.value)


def test_prompts_that_are_too_many_to_ask_about_are_said_to_be_left_out(
    plain: dict[str, Any], tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admitted, "_BATCH", 4)
    clock = iter([0.0, 1.0, 31.0])
    config = load(plain)
    monkeypatch.setattr(admitted, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    said = admission(config, tiny_ref)
    assert (said["asked"], list(said["refused"])) == (4, [2])
    assert "is told of the first 4 alone" in said["unasked"][0]


def test_prompts_that_are_not_here_are_not_asked_about(plain: dict[str, Any], tiny_ref: ModelRef) -> None:
    plain["prompts"] = {"source": "hf:nobody/prompts@main"}
    assert admission(load(plain), tiny_ref) == {"context": 512}
