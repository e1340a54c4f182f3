"""The section "Stages and rounds": what is left at each step, spreads, curves, and which stage did harm."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import udasa_core
from tests.canned import configuration
from tests.core.page.kinds import charts, tables, words
from udasa_core.errors import NoPairsError
from udasa_core.page import stage_spreads, stages
from udasa_core.page.harm import harm_told
from udasa_core.page.losses import harms
from udasa_core.page.training_curves import curve_charts
from udasa_core.report.figures import figures
from udasa_core.report.table import Change, Table


def section_of(run: udasa_core.Run) -> Any:
    told = figures(run)
    return stages.section(run, told, harms(run, told))


def funnel_of(run: udasa_core.Run) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in charts(section_of(run))["funnel"].table.rows]


def test_the_funnel_tells_what_is_left_and_what_was_rolled_back(planted_run: udasa_core.Run) -> None:
    count = figures(planted_run)["prompts"]["training"]
    kept = planted_run.stages()[0].size
    assert 0 < kept < count < 24
    assert funnel_of(planted_run) == [
        ("", "rows read", 24, "rows"),
        ("", "training prompts", count, "prompts"),
        (1, "asked", count, "prompts"),
        (1, "with a score", count, "prompts"),
        (1, "with a pair", count, "prompts"),
        (1, "pairs", count, "pairs"),
        (1, "trained on", count, "pairs"),
        (1, "not rolled back", kept, "pairs"),
    ]
    assert f"training prompts: {count}; asked: {count}" in charts(section_of(planted_run))["funnel"].says


def test_rounds_stand_apart_and_a_skipped_stage_is_not_trained_on(rounds_run: udasa_core.Run) -> None:
    run = rounds_run
    found = {(round, step): count for round, step, count, _ in funnel_of(run)}
    assert {round for round, _ in found} == {"", 1, 2}
    for round in (1, 2):
        sizes = {one.name: one.size for one in run.stages() if one.round == round - 1}
        assert found[round, "asked"] == 12
        assert (round, "in a stage") not in found
        assert found[round, "pairs"] == sum(sizes.values())
        assert found[round, "trained on"] == sum(sizes.values()) - sizes["moderate"]
    section = section_of(run)
    assert "Rounds" in tables(section)
    assert "moderate@2" in {row[0] for row in charts(section)["stage-gaps"].table.rows}
    # Only what was trained has a curve.
    curves = {row[0] for row in charts(section)["training-curves"].table.rows}
    assert curves == {"conservative", "exploratory", "conservative@2", "exploratory@2"}


def test_prompts_without_a_score_or_pair_fall_out_where_they_do(tmp_path: Path, tiny_model_dir: Path) -> None:
    silent = {"use": "tests.canned:OnPrompts", "name": "silent", "word": "question 1"}
    plain = configuration(
        tmp_path, tiny_model_dir, dimension=[silent], pairing={"use": "extremes", "min_gap": 1.0}
    )
    plain["run"]["held_out"] = 0.0
    with pytest.raises(NoPairsError):
        udasa_core.run(plain)
    run = udasa_core.Run(tmp_path / "runs" / "canned")
    steps = {step: count for _, step, count, _ in funnel_of(run)}
    # "question 1", and "question 10" to "question 19".
    assert (steps["asked"], steps["with a score"]) == (24, 13)
    assert (steps["with a pair"], steps["pairs"]) == (0, 0)
    assert steps["trained on"] == 0
    assert "stage-gaps" not in charts(section_of(run))


def test_gap_and_u_are_spread_as_the_pairs_are(canned_run: udasa_core.Run) -> None:
    found = charts(section_of(canned_run))
    pairs = [pair for label, pair in canned_run.pairs() if label == "moderate"]
    for chart, label, values in (
        ("stage-gaps", "moderate", [pair.gap for pair in pairs]),
        ("stage-u", "moderate, rejected", [pair.rejected_U for pair in pairs]),
    ):
        (row,) = [row for row in found[chart].table.rows if row[0] == label]
        assert row[1] == len(pairs)
        told = np.percentile(np.array(values, dtype=float), (0, 5, 25, 50, 75, 95, 100))
        assert list(row[2:]) == pytest.approx(list(told))


def test_pairs_that_were_not_made_by_u_have_no_gap_to_show(
    canned_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stage_spreads._numbers
    monkeypatch.setattr(stage_spreads, "_numbers", lambda stage: {**real(stage), "gap": np.array([])})
    section = section_of(canned_run)
    assert "The pairs have no gap" in words(section)
    assert "stage-gaps" not in charts(section)
    assert "stage-u" in charts(section)


def test_the_stage_that_did_harm_is_told_first_and_marked(planted_run: udasa_core.Run) -> None:
    section = section_of(planted_run)
    first = section.parts[0]
    assert isinstance(first, Table)
    assert first.title == "Harm: 1 figure surely became worse after some stage"
    (row,) = first.rows
    assert row[:5] == ("quiz accuracy", "moderate", "conservative", Change(0.9, 0.2), pytest.approx(0.7))
    # What was rolled back is not in the model that is left.
    assert row[6:] == ("not surely worse", "moderate, by 0.700", 2, "moderate, exploratory")
    worst, left = (part.text for part in harm_told(planted_run, harms(planted_run, figures(planted_run))))
    assert worst.startswith("Worst harm: quiz accuracy after moderate, 0.900 → 0.200, worse by 0.700 [")
    assert "beside conservative, where 0.1 was allowed; that stage was rolled back." in worst
    assert left == "Of the model that the run left, conservative, nothing is surely worse than of the base."
    marks = {(figure, stage): verdict for figure, stage, verdict, _ in charts(section)["gates"].table.rows}
    assert marks["quiz accuracy", "conservative"] == "not certified"
    assert marks["quiz accuracy", "moderate"] == marks["quiz accuracy", "exploratory"] == "tripped"
    moves = {
        (figure, stage): verdict for figure, stage, verdict, _ in charts(section)["transitions"].table.rows
    }
    assert moves["quiz accuracy", "moderate"] == "worse"
    # Nobody said which end of that one is better, and no column of the rows holds it.
    assert moves["quiz odd", "moderate"] == "changed"
    assert moves["<i>other</i> accuracy", "moderate"] == "no evidence"
    # The bare score is the accuracy.
    assert ("quiz score", "moderate") not in moves
    assert "Gates and the guard" in tables(section)
    # What tripped stands first, and is warned of once.
    gates = tables(section)["Gates and the guard"]
    assert [row[-1].startswith("TRIPPED") for row in gates.rows] == [True] * 2 + [False] * (
        len(gates.rows) - 2
    )
    assert not any("WARNING" in note for note in gates.notes)
    assert "On the worse side: quiz accuracy after moderate" in charts(section)["gates"].says


def test_what_was_not_measured_is_no_proof(canned_run: udasa_core.Run, finished_run: udasa_core.Run) -> None:
    assert "[transitions] measure = true" in words(section_of(canned_run))
    assert "Suites were run on every stage's model" in words(section_of(canned_run))
    told = section_of(finished_run)
    assert "transitions" in charts(told)
    assert "[transitions]" not in words(told)
    assert "no proof that no harm was done" in words(told) or "Harm" in " ".join(tables(told))


def test_curves_are_those_of_the_trainer_with_log_probabilities_apart(finished_run: udasa_core.Run) -> None:
    found = charts(section_of(finished_run))
    before = 0
    for stage in finished_run.stages():
        for chart, figure in (("training-curves", "loss"), ("training-logprobs", "rejected_logprob")):
            rows = [row for row in found[chart].table.rows if row[:2] == (stage.label, figure)]
            steps = [row for row in rows if row[2] != "after"]
            assert [row[3] for row in steps] == pytest.approx([step[figure] for step in stage.history])
            assert [row[2] for row in steps] == [before + 1 + place for place in range(len(stage.history))]
            after = [row[3] for row in rows if row[2] == "after"]
            assert after == ([stage.metrics[f"{figure}_after"]] if f"{figure}_after" in stage.metrics else [])
        before += len(stage.history)
    assert before
    logprobs = {row[1] for row in found["training-logprobs"].table.rows}
    assert logprobs == {"chosen_logprob", "rejected_logprob"}


def stage_of(history: list[dict[str, float]], **changed: Any) -> dict[str, Any]:
    plain = {"stage": "a", "trainer": "t", "trained": True, "rolled_back": False, "skipped": ""}
    return {**plain, "metrics": {}, "history": history, **changed}


def test_long_trainings_are_drawn_by_means_and_what_is_no_number_is_left_out() -> None:
    history = [{"loss": float(step)} for step in range(1000)]
    history[0]["loss"] = math.nan
    (chart,) = curve_charts([stage_of(history)])
    values = [row[3] for row in chart.table.rows]
    assert len(values) <= 150
    # 999 steps in parts of seven: 1 to 7 first.
    assert (values[0], chart.table.rows[0][2]) == (4.0, 5.0)
    assert "mean of up to 7 steps" in " ".join(chart.table.notes)


def test_a_trainer_without_history_has_no_curve_and_a_rollback_says_so() -> None:
    assert list(curve_charts([stage_of([])])) == []
    assert list(curve_charts([stage_of([{"loss": 1.0}], trained=False)])) == []
    (chart,) = curve_charts([stage_of([{"loss": 1.0}], rolled_back=True)])
    assert [tuple(row) for row in chart.table.rows] == [("a, rolled back", "loss", 1.0, 1.0)]


def test_an_unfinished_run_shows_how_far_it_has_come(crashed_run: udasa_core.Run) -> None:
    section = section_of(crashed_run)
    assert funnel_of(crashed_run)[-1][1:3] == ("trained on", 0)
    assert "training-curves" not in charts(section)
    assert "conservative: not trained yet" in str(tables(section)["Training by stage"])
    assert words(section) == ""
