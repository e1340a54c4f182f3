"""The section "Suites": figures by model, differences by item, and the blocks that the browser opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import udasa_core
from tests.canned import Canned, configuration
from tests.core.page.kinds import browsers, charts, opened, tables, words
from udasa_core import Metric, ModelRef, SuiteReport, hookimpl
from udasa_core.page import suites
from udasa_core.page.drawing import Estimate
from udasa_core.page.suite_figures import Difference, differences_told, figure_charts
from udasa_core.report.figures import figures
from udasa_core.report.table import Interval
from udasa_core.statistics.student import student_interval

MODELS = ["base", "conservative", "moderate", "exploratory"]


def section_of(run: udasa_core.Run, *, texts: bool = True) -> Any:
    return suites.section(run, figures(run), texts=texts)


def test_each_model_stands_beside_the_base_by_item(planted_run: udasa_core.Run) -> None:
    section = section_of(planted_run)
    rows = {
        (row[0], row[1]): row for row in tables(section)["quiz: models beside the base, item by item"].rows
    }
    # Nine of ten right before, two after: seven items fell by 1.
    low, high = student_interval(np.array([0.0] * 2 + [-1.0] * 7 + [0.0]), 6)
    assert list(rows["moderate", "accuracy"][2:]) == [
        0.9,
        0.2,
        pytest.approx(-0.7),
        Interval(low, high),
        10,
        0,
        7,
        "lower",
    ]
    assert rows["conservative", "accuracy"][-1] == "no evidence of a difference"
    # The bare score is the accuracy.
    assert ("moderate", "score") not in rows
    told = words(section)
    assert "accuracy after moderate is lower (0.900 → 0.200)" in told
    assert "<i>other</i>: no evidence that any model differs from the base" in told


def test_many_differences_are_told_by_figure() -> None:
    found = [
        Difference(model, figure, 0.3, 0.4, Estimate("", 0.1, 0.05, 0.15), 60, 9, 3)
        for model in ("conservative", "moderate", "exploratory")
        for figure in ("accuracy", "majority")
    ]
    assert differences_told("quiz", found).text == (
        "quiz, item by item against the base: accuracy is higher after conservative, moderate, exploratory; "
        "majority is higher after conservative, moderate, exploratory. Of the rest there is no evidence."
    )


class Repeating(Canned):
    """A suite of two items, one of which asks what a prompt of `configuration` does."""

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        rows = ({"id": "a", "question": "Question 3!"}, {"id": "b", "question": "something else"})
        return SuiteReport(self.name, policy, (Metric("accuracy", 0.5, 0.0, 1.0, 2),), rows)


def test_an_item_that_is_a_training_prompt_is_warned_of(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir, suite=[{"use": f"{__name__}:Repeating", "name": "same"}])
    plain["run"]["held_out"] = 0.0
    run = udasa_core.run(plain)
    first = section_of(run).parts[0]
    assert first.tone == "doubtful"
    assert first.text.startswith(
        "In same, 1 of 2 items (50%) hold a training prompt's question word for word, as “Question 3!”."
    )
    assert "Question 3!" not in words(section_of(run, texts=False))


def test_two_suites_have_a_chart_and_a_browser_each(planted_run: udasa_core.Run) -> None:
    section = section_of(planted_run)
    assert browsers(section) == [("items", "suite-1"), ("items", "suite-2")]
    found = charts(section)
    assert list(found) == ["suite-1-figures-1", "suite-2-figures-1"]
    rows = {(row[0], row[1]): row[2:] for row in found["suite-1-figures-1"].table.rows}
    assert rows["accuracy", "moderate"] == (0.2, Interval(0.0, 1.0))
    assert rows["odd", "base"] == (1.9, Interval(0.0, 2.0))


def test_the_blocks_hold_every_item_of_every_model(planted_run: udasa_core.Run) -> None:
    blocks = opened(suites.blocks(planted_run, texts=True))
    assert list(blocks) == ["suite-1", "suite-1-texts-0", "suite-2", "suite-2-texts-0"]
    index, texts = blocks["suite-1"], blocks["suite-1-texts-0"]
    assert (index["suite"], index["figure"], index["chunk"]) == ("quiz", "score", 50)
    assert sorted(index["models"]) == sorted(MODELS)
    assert index["models"][0] == "base"
    assert index["ids"] == [str(number) for number in range(10)]
    assert index["scores"]["base"] == [1.0] * 9 + [0.0]
    assert index["scores"]["moderate"] == [1.0] * 2 + [0.0] * 8
    assert texts[5]["base"] == {"hits": "1.0"}
    assert texts[5]["moderate"] == {"hits": "0.0"}
    assert list(opened(suites.blocks(planted_run, texts=False))) == ["suite-1", "suite-2"]
    assert "left out on purpose" in words(section_of(planted_run, texts=False))


def test_items_without_ids_or_scores_have_a_place(canned_run: udasa_core.Run) -> None:
    section = section_of(canned_run)
    assert browsers(section) == [("items", "suite-1")]
    assert "cannot be compared item by item" in words(section)
    blocks = opened(suites.blocks(canned_run, texts=True))
    assert blocks["suite-1"]["ids"] == ["1"]
    assert blocks["suite-1"]["figure"] == ""
    assert blocks["suite-1"]["scores"]["base"] == [None]
    assert blocks["suite-1-texts-0"][0]["base"] == {"item": "1"}


def test_of_many_items_those_that_flipped_keep_their_texts(
    planted_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "TEXTS", 7)
    texts = opened(suites.blocks(planted_run, texts=True))["suite-1-texts-0"]
    # Items 2 to 8 were right and became wrong.
    assert [one is not None for one in texts] == [False] * 2 + [True] * 7 + [False]
    assert "of 10 items of quiz the page has the texts of 7" in words(section_of(planted_run)).lower()


def test_what_repeats_in_an_items_rows_is_said_once() -> None:
    rows = [
        {"id": "a", "score": 7.0, "prompt": "hi", "raw": "[[7]]", "none": None},
        {"id": "a", "score": 8.0, "prompt": "hi", "raw": "[[8]]", "none": None},
    ]
    told = {"prompt": "hi", "raw": "[[7]]", "raw (2)": "[[8]]", "score": "7.0", "score (2)": "8.0"}
    assert suites._texts(rows) == told
    assert suites._texts(rows[:1]) == {"prompt": "hi", "raw": "[[7]]"}


def test_figures_of_nothing_are_left_out_and_many_make_several_charts() -> None:
    nan = float("nan")
    metrics = [
        {
            "name": f"m{number}",
            "model": "base",
            "value": nan if number == 0 else 0.5,
            "low": nan,
            "high": nan,
            "n": 1,
        }
        for number in range(8)
    ]
    found = list(figure_charts("suite-3", "many", metrics))
    assert [one.name for one in found] == ["suite-3-figures-1", "suite-3-figures-2"]
    assert [len(one.table.rows) for one in found] == [6, 2]
    assert tuple(found[0].table.rows[0]) == ("m0", "base", None, "")


def test_without_suites_it_says_so(finished_run: udasa_core.Run) -> None:
    assert words(section_of(finished_run)).startswith("No suite was run")
    assert list(suites.blocks(finished_run, texts=True)) == []


def test_an_evaluation_which_reads_no_prompts_shows_its_suites(planted_run: udasa_core.Run) -> None:
    evaluated = {**figures(planted_run), "prompts": None}
    section = suites.section(planted_run, evaluated, texts=True)
    assert "Suite quiz, by model" in tables(section)
    assert suites.section(planted_run, {**evaluated, "suites": {}}, texts=True) is None


def test_an_unfinished_run_shows_what_its_suites_say_so_far(crashed_run: udasa_core.Run) -> None:
    assert [row["model"] for row in crashed_run.suites()["tests.canned:Suite"]] == ["base"]
    section = section_of(crashed_run)
    assert tables(section)["Suite tests.canned:Suite, by model"].columns == ("metric", "base", "n")
    assert browsers(section) == [("items", "suite-1")]
