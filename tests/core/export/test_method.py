"""The card says how the model was made: by whose responses, in which stages, and what speaks against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.export.card import card
from udasa_core.plugins.compared import NO_ANSWER
from udasa_core.report.figures import figures
from udasa_core.report.show import training_tables

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
    counts = {"prompts": 9, "compared": 8, "single": 7, "none": 0, "majority": 0.9, "agreement": 0.8}
    alike = {**counts, "rate": 7 / 8, "bound": 0.5, "above": True, "fall_back": {}}
    measured = {**figures(canned_run), "agreement": alike}
    measured["training"] = [
        {**stage, "metrics": {"chosen_logprob_before": -10.0, "chosen_logprob_after": -30.0}}
        for stage in measured["training"]
    ]
    monkeypatch.setattr("udasa_core.export.card.figures", lambda _: measured)
    text = told(canned_run)
    assert "- in 88% of the prompts all responses give one answer; such prompts were ordered by" in text
    assert "Such prompts are ordered by their words alone.\n" in text
    assert "is how preference training is known to collapse.\n" in text
    for advice in ("raise the temperature", "fall_back", "lower learning rate"):
        assert advice not in text
    # Who made it is told what to do.
    shown = "\n".join(map(str, training_tables(measured)))
    for advice in ("raise the temperature", "lower learning rate"):
        assert advice in " ".join(shown.split())


def test_advice_on_prompts_without_a_pair_is_left_out(
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
