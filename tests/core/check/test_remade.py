"""What a newer version makes again is told before it happens, by step and with the cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core.check.remade import _STEPS, remade_table
from udasa_core.config.parse import RunConfig
from udasa_core.job.outputs import MAKERS
from udasa_core.plugins.catalog import read_catalog
from udasa_core.store.output import TRAINING, Output
from udasa_plugin_pairing.extremes import Extremes


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    return configuration(tmp_path, tiny_model_dir)


def told(config: RunConfig) -> dict[str, str]:
    table = remade_table(config, read_catalog())
    return dict(table.rows) if table else {}  # type: ignore[arg-type]


def edit(run: udasa_core.Run, **entries: Any) -> None:
    """Have a manifest say that the run was made with something else."""
    run.manifest.update(
        **{
            name: {**run.manifest.plain[name], **value} if isinstance(value, dict) else value
            for name, value in entries.items()
        }
    )


def test_nothing_is_told_where_nothing_changed(plain: dict[str, Any]) -> None:
    config = udasa_core.load(plain)
    assert remade_table(config, read_catalog()) is None
    udasa_core.run(plain)
    assert remade_table(config, read_catalog()) is None


def test_another_torch_is_named_where_it_counts_and_followed_from_there(plain: dict[str, Any]) -> None:
    edit(udasa_core.run(plain), versions={"torch": "2.12.0"})
    found = told(udasa_core.load(plain))
    changed = f"torch 2.12.0 → {_version('torch')}"
    assert found["sample"] == found["score"] == found["train"] == changed
    assert found["fit calibration"] == "after score"
    assert found["pair"] == "after aggregate"
    assert "read prompts" not in found
    table = remade_table(udasa_core.load(plain), read_catalog())
    assert "torch 2.12.0" in str(table)
    assert "--keep-samples" in str(table)


def test_other_code_of_one_step_samples_nothing(plain: dict[str, Any]) -> None:
    edit(udasa_core.run(plain), code={"stage": "another"})
    found = told(udasa_core.load(plain))
    assert found == {
        "stage": f"other code of udasa {_version('udasa')}",
        "train": "after stage",
        "meters": "after train, where it gives other weights",
        "guard": "after meters",
        "evaluate": "after meters",
    }


class Asking(Extremes):
    """Says that it asks the policy."""

    needs = ("generator",)


@pytest.mark.slow
def test_pairs_that_models_were_asked_for_hang_on_libraries_and_on_who_answers(plain: dict[str, Any]) -> None:
    plain["pairing"] = {"use": f"{__name__}:Asking"}
    run = udasa_core.run(plain)
    edit(run, versions={"torch": "2.12.0"})
    assert told(udasa_core.load(plain))["pair"] == f"torch 2.12.0 → {_version('torch')}"
    edit(run, versions={"torch": _version("torch")})
    assert told(udasa_core.load(plain)) == {}
    plugins = [
        {**plugin, "source": "another"} if plugin["kind"] == "generator" else plugin
        for plugin in run.manifest.plain["plugins"]
    ]
    edit(run, plugins=plugins)
    found = told(udasa_core.load(plain))
    assert found["pair"] == found["sample"]
    assert "other code of tests.canned:Generator" in found["pair"]


def test_replayed_pairs_and_agreement_are_followed(plain: dict[str, Any]) -> None:
    plain["trainer"]["replay"] = 0.5
    edit(udasa_core.run(plain), code={"replay": "another", "agree": "another"})
    found = told(udasa_core.load(plain))
    other = f"other code of udasa {_version('udasa')}"
    assert (found["replayed pairs"], found["train"]) == (other, "after replayed pairs")
    assert found["agreement of answers"] == other
    assert found["meters"] == "after agreement of answers; after train, where it gives other weights"
    assert "aggregate" not in found


def test_every_step_that_makes_outputs_is_followed() -> None:
    assert set(_STEPS) == set(MAKERS)


def test_a_newer_plugin_is_named(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    plugins = [
        {**plugin, "version": "0.0.9"} if plugin["kind"] == "pairing" else plugin
        for plugin in run.manifest.plain["plugins"]
    ]
    edit(run, plugins=plugins)
    found = told(udasa_core.load(plain))
    assert found["pair"] == f"extremes of udasa 0.0.9 → {_version('udasa')}"
    assert "sample" not in found


def test_what_is_told_is_what_happens(plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted digests of two steps: what the table names is made again, and nothing before it."""
    run = udasa_core.run(plain)
    from udasa_core.job import made_with, outputs

    def digest(module: str) -> str:
        return "planted" if module == "udasa_core.steps.pair" else real(module)

    real = outputs.core_digest
    monkeypatch.setattr(outputs, "core_digest", digest)
    monkeypatch.setattr(made_with, "core_digest", digest)
    assert set(told(udasa_core.load(plain))) == {"pair", "stage", "train", "meters", "guard", "evaluate"}
    before = {str(entry["label"]): list(entry["keys"]) for entry in run.manifest.outputs()}
    again = udasa_core.run(plain)
    after = {str(entry["label"]): list(entry["keys"]) for entry in again.manifest.outputs()}
    changed = {label for label in after if after[label] != before[label]}
    # The canned trainer gives the same weights for the same pairs, so nothing is measured anew.
    assert {label.split()[0] for label in changed} == {"pair", "pairs", "stage", "train"}


def test_samples_of_other_versions_are_kept_on_demand_and_stamped(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = udasa_core.run(plain)
    samples = run.keys(Output("sample", TRAINING))
    versions = run.manifest.plain["versions"]
    from udasa_core.job import made_with, outputs

    def digest(module: str) -> str:
        return "planted" if module == "udasa_core.steps.sample" else real(module)

    real = outputs.core_digest
    monkeypatch.setattr(outputs, "core_digest", digest)
    monkeypatch.setattr(made_with, "core_digest", digest)
    calls.clear()
    kept = udasa_core.run(plain, keep_samples=True)
    assert calls["generate"] == 0
    assert kept.keys(Output("sample", TRAINING)) == samples
    adopted = {entry["label"]: entry for entry in kept.manifest.plain["adopted"]}
    assert set(adopted) == {"sample training", "sample held-out", "sample held-out, aligned"}
    assert adopted["sample training"]["shards"] == len(samples)
    assert adopted["sample training"]["versions"] == versions
    assert "are kept that other versions made" in caplog.text
    from udasa_core.report.figures import figures
    from udasa_core.report.show import tables

    text = "\n".join(str(table) for table in tables(figures(kept)))
    assert f"kept samples  {len(samples)} shards of sample training, made by udasa" in text
    # They stay what they are: kept again with their own versions, nothing is made.
    assert udasa_core.run(plain, keep_samples=True).made == 0
    # Without the word they are sampled anew, and nothing says that they were kept.
    anew = udasa_core.run(plain)
    assert calls["generate"] > 0
    assert set(anew.keys(Output("sample", TRAINING))).isdisjoint(samples)
    assert anew.manifest.plain["adopted"] == []


@pytest.mark.slow
def test_samples_can_still_be_kept_after_a_run_without_the_word_was_stopped(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = udasa_core.run(plain)
    samples = run.keys(Output("sample", TRAINING))
    from udasa_core.job import outputs

    real = outputs.core_digest
    monkeypatch.setattr(
        outputs, "core_digest", lambda module: "planted" if module.endswith("steps.sample") else real(module)
    )
    generate = "tests.canned.Generator.udasa_generate"
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(generate, _interrupted)
        udasa_core.run(plain)
    kept = udasa_core.run(plain, keep_samples=True)
    assert kept.keys(Output("sample", TRAINING)) == samples


@udasa_core.hookimpl
def _interrupted(self: Any, prompts: Any, sampling: Any, policy: Any, seed: int) -> None:
    raise KeyboardInterrupt


def test_other_settings_are_not_taken_for_the_same_samples(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    udasa_core.run(plain)
    calls.clear()
    udasa_core.run(plain, ["generator.temperature=0.5"], keep_samples=True)
    assert calls["generate"] > 0


def _version(distribution: str) -> str:
    from importlib.metadata import version

    return version(distribution)
