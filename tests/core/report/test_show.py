"""Figures and tables of a run: hand-computed values, honest labels, unfinished runs."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import NoPairsError, PluginError
from udasa_core.records import Abstain
from udasa_core.report.cut_off import cut_off_warning
from udasa_core.report.figures import figures
from udasa_core.report.pair_texts import pair_texts
from udasa_core.report.show import tables
from udasa_core.report.written import WIDTH


def text_of(plain: dict[str, Any]) -> str:
    return "\n\n".join(str(table) for table in tables(plain))


def test_uncertainty_is_that_of_the_scores(canned_run: udasa_core.Run) -> None:
    rows = {row["dimension"]: row for row in figures(canned_run)["uncertainty"]}
    assert list(rows) == ["one", "two", "U"]
    scores = list(canned_run.scores())
    for name, column in {
        "one": [one.raw["one"] for one in scores],
        "two": [one.raw["two"] for one in scores],
        "U": [one.U for one in scores],
    }.items():
        values = [value for part in column for value in part if not isinstance(value, Abstain)]
        row = rows[name]
        assert row["n"] == len(values)
        assert row["mean"] == pytest.approx(statistics.fmean(values))
        assert row["sd"] == pytest.approx(statistics.stdev(values))
        assert (row["min"], row["max"]) == (min(values), max(values))
        assert row["abstained"] == {}


def test_pairs_are_told_by_stage(canned_run: udasa_core.Run) -> None:
    pairs = list(canned_run.pairs())
    for row in figures(canned_run)["pairs"]["stages"]:
        own = [pair for stage, pair in pairs if stage == row["stage"]]
        gaps = [pair.gap for pair in own if pair.gap is not None]
        assert row["size"] == row["gap"]["n"] == len(own) > 0
        assert row["gap"]["mean"] == pytest.approx(statistics.fmean(gaps))
        assert (row["gap"]["min"], row["gap"]["max"]) == (min(gaps), max(gaps))
        lengths = [len(pair.chosen.token_ids) for pair in own]
        assert row["chosen_length"]["mean"] == pytest.approx(statistics.fmean(lengths))


def test_tables_fit_and_say_what_they_are_not(canned_run: udasa_core.Run) -> None:
    text = text_of(figures(canned_run))
    assert "no proof of alignment" in text
    assert "one in twenty excludes 0 by chance alone" in " ".join(text.split())
    assert "the intervals are too narrow" in text
    assert "near 0.5 by construction" in " ".join(text.split())
    assert "Suite tests.canned:Suite" in text
    too_wide = [line for line in text.splitlines() if len(line) > WIDTH and "/" not in line]
    assert too_wide == []
    assert "\x1b" not in text


def test_narrow_intervals_are_told_of_only_where_prompts_are_few(canned_run: udasa_core.Run) -> None:
    plain = figures(canned_run)
    plain["held_out"] = [{**one, "n": 20} for one in plain["held_out"]]
    assert "too narrow" not in text_of(plain)


def test_json_is_json(canned_run: udasa_core.Run) -> None:
    plain = figures(canned_run)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert all(Path(one["path"]).exists() for one in plain["artifacts"])


def trained(**metrics: float) -> dict[str, Any]:
    return {
        "stage": "first",
        "trainer": "dpo",
        "trained": True,
        "skipped": "",
        "rolled_back": False,
        "metrics": metrics,
        "history": [{"loss": 0.69}, {"loss": 0.5}],
    }


@pytest.mark.parametrize(
    ("after", "warns"), [(-62.0, False), (-50.0, False), (-62.1, False), (-64.0, True), (-82.0, True)]
)
def test_a_falling_chosen_log_probability_is_warned_of(
    canned_run: udasa_core.Run, after: float, warns: bool
) -> None:
    plain = figures(canned_run)
    plain["training"] = [trained(chosen_logprob_before=-62.0, chosen_logprob_after=after)]
    text = text_of(plain)
    assert ("WARNING first" in text) is warns
    assert "0.690 → 0.500" in text


def test_a_skipped_stage_says_why(canned_run: udasa_core.Run) -> None:
    plain = figures(canned_run)
    plain["training"] = [
        {**trained(), "trained": False, "skipped": "1 pairs, fewer than min_pairs = 2", "metrics": {}}
    ]
    assert "first was skipped: 1 pairs, fewer than min_pairs = 2" in text_of(plain)


def test_a_stage_that_its_trainer_skipped_says_why(tmp_path: Path, tiny_model_dir: Path) -> None:
    trainer = {"use": "dpo", "rank": 2, "learning_rate": 1e-2, "exploratory": {"max_length": 2}}
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir, trainer=trainer))
    last = run.stages()[-1]
    why = f"all {last.size} pairs are longer than max_length = 2"
    assert (last.trained, last.skipped) == (False, why)
    assert run.aligned().adapters[0].folder == str(run.stages()[-2].adapter)
    assert f"exploratory was skipped: {why}" in text_of(figures(run))
    # The stage itself knows it, before a manifest of a finished run says so.
    run.manifest.plain["skipped"] = {}
    assert run.stages()[-1].skipped == why


def test_abstentions_are_counted_by_reason(tmp_path: Path, tiny_model_dir: Path) -> None:
    config = configuration(tmp_path, tiny_model_dir, count=8)
    config["dimension"].append({"use": "tests.canned:Abstaining", "name": "mute"})
    run = udasa_core.run(config)
    row = next(row for row in figures(run)["uncertainty"] if row["dimension"] == "mute")
    responses = figures(run)["responses"]["tokens"]["n"]
    assert row["n"] == 0
    assert row["mean"] is None
    assert row["abstained"] == {"canned": responses}
    assert f"mute abstained {responses} times: canned" in text_of(figures(run))


def test_a_run_that_failed_shows_what_it_has(tmp_path: Path, tiny_model_dir: Path) -> None:
    trainer = {"use": "tests.canned:Trainer", "crash": True}
    with pytest.raises(PluginError):
        udasa_core.run(configuration(tmp_path, tiny_model_dir, trainer=trainer))
    run = udasa_core.Run(tmp_path / "runs" / "canned")
    text = text_of(figures(run))
    assert text.startswith("Run canned: NOT FINISHED.")
    assert "It stopped with PluginError" in text
    assert "out of memory" in text
    assert "conservative: not trained yet" in text
    assert "Held-out" not in text


def test_a_run_without_pairs_tells_the_reasons(tmp_path: Path, tiny_model_dir: Path) -> None:
    pairing = {"use": "extremes", "min_gap": 1.0}
    with pytest.raises(NoPairsError):
        udasa_core.run(configuration(tmp_path, tiny_model_dir, pairing=pairing))
    plain = figures(udasa_core.Run(tmp_path / "runs" / "canned"))
    assert sum(plain["pairs"]["refused"].values()) == plain["prompts"]["training"]
    assert "prompts gave no pair: gap below min_gap" in text_of(plain)


def test_pairs_can_be_read(canned_run: udasa_core.Run) -> None:
    texts = list(pair_texts(canned_run, 1))
    assert len(texts) == 3
    _, pair = next(iter(canned_run.pairs()))
    assert pair.chosen.text in texts[0]
    assert pair.rejected.text in texts[0]
    assert pair.prompt.messages[-1].content in texts[0]
    assert len(list(pair_texts(canned_run, 2))) == 6


def test_a_run_of_fragments_warns_before_it_trains_and_when_shown(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    generator = {"use": "tests.canned:Cutting", "responses": 4, "max_new_tokens": 9}
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir, generator=generator))
    (told,) = [one for one in caplog.messages if "cut off" in one]
    assert told.startswith("50% of the responses to training prompts were cut off at 9 tokens: raise")
    assert "WARNING: 50% of the responses" in text_of(figures(run))
    # Two whole responses are left in each prompt, and those are paired.
    assert {side.finish_reason for _, pair in run.pairs() for side in (pair.chosen, pair.rejected)} == {
        "stop"
    }
    assert [cut_off_warning(cut, 8, 9) != "" for cut in (0, 2, 3)] == [False, False, True]
