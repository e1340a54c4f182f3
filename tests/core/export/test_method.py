"""The card says how the model was made: by whose responses, in which stages, and what speaks against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.export.card import card
from udasa_core.plugins.compared import NO_ANSWER

FALLING = "from clear preferences to doubtful ones"


def told(run: udasa_core.Run) -> str:
    return card(run, form="merged", dtype="float32")


def made(folder: Path, model: Path, **tables: Any) -> str:
    return told(udasa_core.run(configuration(folder, model, **tables)))


@pytest.mark.parametrize(
    ("stages", "order", "falls"),
    [
        ({"use": "quantiles"}, "in 3 stages, by the policy `quantiles`: `conservative`, `moderate`", True),
        ({"use": "reversed"}, "in 3 stages, by the policy `reversed`: `exploratory`, `moderate`", False),
        ({"use": "single"}, "in one stage, `all`, by the policy `single`.", False),
    ],
)
def test_stages_are_told_as_they_were(
    tmp_path: Path, tiny_model_dir: Path, stages: dict[str, str], order: str, falls: bool
) -> None:
    text = made(tmp_path, tiny_model_dir, stages=stages)
    assert order in text
    assert (FALLING in text) is falls


def changed(run: udasa_core.Run, **tables: Any) -> udasa_core.Run:
    other = udasa_core.Run(run.folder)
    other.manifest.plain["config"] = {**other.manifest.plain["config"], **tables}
    return other


def test_a_servers_model_is_named_and_its_host_is_not(canned_run: udasa_core.Run) -> None:
    server = {"use": "openai", "base_url": "http://10.1.2.3:8000/v1", "model": "served-7b"}
    text = told(changed(canned_run, generator=server))
    assert "asked of a server's model `served-7b` by the generator `openai`" in text
    assert "may be another model's" in text
    assert "sampled from the base model" not in text
    assert "10.1.2.3" not in text
    assert "- generator 'openai', `served-7b`: unknown, its files state none: look at the terms of" in text


def test_recorded_responses_may_be_anothers(canned_run: udasa_core.Run) -> None:
    text = told(changed(canned_run, generator={"use": "recorded", "source": "file:/data/said.jsonl"}))
    assert "taken from `file:said.jsonl` by the generator `recorded`" in text


def test_every_other_model_is_listed(canned_run: udasa_core.Run) -> None:
    run = udasa_core.Run(canned_run.folder)
    base = run.manifest.plain["models"]["base"]
    others = {
        role: {**base, "source": f"hf:one/{role}@main", "revision": role, "folder": "/nowhere"}
        for role in ("embedder", "entailment")
    }
    run.manifest.plain["models"] = {"base": base, **others}
    text = told(run)
    for role in others:
        assert f"- {role}, `hf:one/{role}@main`: unknown, its files state none: look at https://" in text


def test_warnings_of_show_are_in_the_card(
    canned_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = udasa_core.Run(canned_run.folder)
    row = {"name": "one", "n": 9, "raw": 0.9, "calibrated": 0.9, "low": 0.8, "high": 1.0, "tripped": True}
    monkeypatch.setattr(udasa_core.Run, "controls", lambda _: [row])
    remark = "it may serve another model"
    monkeypatch.setattr(udasa_core.Run, "remarks", lambda _: (remark,))
    text = told(run)
    assert "the dimension `one` is MISCALIBRATED" in text
    assert f"- {remark}" in text


def test_advice_for_the_maker_is_left_out(
    canned_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"refused": {NO_ANSWER.reason: 2}, "dropped": []}
    staging = udasa_core.Run.staging
    monkeypatch.setattr(udasa_core.Run, "staging", lambda *asked: {**staging(*asked), **refused})
    text = told(udasa_core.Run(canned_run.folder))
    assert "2 prompts gave no pair: the responses give no short answer that could be compared\n" in text
    assert "udasa init" not in text


def test_cut_off_responses_are_told(tmp_path: Path, tiny_model_dir: Path) -> None:
    text = made(tmp_path, tiny_model_dir, generator={"use": "tests.canned:Cutting", "responses": 4})
    assert "responses to training prompts (50.0%) were cut off at " in text


def test_who_does_not_say_whether_labels_were_used(canned_run: udasa_core.Run) -> None:
    text = told(canned_run)
    assert "is not known: generator 'tests.canned:Generator', dimension 'one'" in text
