"""Suite `mt-bench` with a planned generator and judge."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.eval.suites.judging import CATEGORIES, JudgingResources, write_bench, write_lines
from udasa_core import ModelRef, Prompt, UdasaError
from udasa_core.testing.suites import check_suite
from udasa_eval.suites.mt_bench import MTBench


def says(prompt: Prompt, policy: ModelRef) -> str | None:
    return f"answer to {prompt.messages[-1].content}"


def by_turn(prompt: Prompt, seed: int) -> str:
    """Turn 1 gets 8, turn 2 gets 4."""
    return f"Well. Rating: [[{8 if prompt.id.endswith('/1') else 4}]]"


def suite(folder: Path, shared: JudgingResources, **options: Any) -> MTBench:
    return MTBench(MTBench.Options(source=f"file:{folder}", **options), "mt-bench", shared)


def metrics_of(report: Any) -> dict[str, float]:
    return {one.name: one.value for one in report.metrics}


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return write_bench(tmp_path / "bench")


def test_scores_by_turn_and_category(bench: Path, tiny_ref: ModelRef) -> None:
    def judges(prompt: Prompt, seed: int) -> str:
        return "[[10]]" if "writing" in prompt.messages[-1].content else by_turn(prompt, seed)

    shared = JudgingResources(tiny_ref, says, judges)
    report = suite(bench, shared).udasa_evaluate(tiny_ref, 3)
    found = metrics_of(report)
    assert found["score"] == pytest.approx((2 * 10 + 7 * (8 + 4)) / 16)
    assert found["score_turn_1"] == pytest.approx((10 + 7 * 8) / 8)
    assert found["score_turn_2"] == pytest.approx((10 + 7 * 4) / 8)
    assert (found["score_writing"], found["score_math"]) == (10.0, 6.0)
    assert found["unparsed"] == 0.0
    assert found["truncated"] == 0.0
    assert "judge_spread" not in found
    assert "judge_is_own_family" not in found
    assert [one.n for one in report.metrics if one.name in ("score", "score_writing")] == [16, 2]
    assert len(report.rows) == 16
    row = report.rows[0]
    assert (row["id"], row["turn"], row["repeat"], row["score"]) == ("81", 1, 0, 10.0)
    assert row["output"] == "answer to first writing?"
    assert row["asked"] == "single-v1|first writing?|answer to first writing?"


def test_the_second_turn_sees_the_first_and_the_temperature_is_the_categorys(
    bench: Path, tiny_ref: ModelRef
) -> None:
    shared = JudgingResources(tiny_ref, says, by_turn)
    suite(bench, shared, max_new_tokens=77).udasa_evaluate(tiny_ref, 3)
    asked = {prompt.id: (prompt, sampling) for prompt, sampling, _ in shared.sampled}
    assert len(asked) == 16
    prompt, sampling = asked["84/2"]
    assert [one.content for one in prompt.messages] == [
        "first math?",
        "answer to first math?",
        "second math?",
    ]
    assert (sampling.responses, sampling.temperature, sampling.max_new_tokens) == (1, 0.01, 77)
    assert asked["81/1"][1].temperature == 0.7
    assert asked["88/2"][1].temperature == 0.1
    # Math is graded against its reference, with both turns in sight.
    graded = {prompt.id: prompt for prompt, _ in shared.planned.asked}
    assert graded["84/2"].messages[0].content == "system single-math-v1"
    assert graded["84/2"].messages[1].content.startswith("single-math-v1-multi-turn|ref right one|right two|")


def test_repeats_give_the_median_and_the_spread(bench: Path, tiny_ref: ModelRef) -> None:
    grades = {3: 2, 4: 9, 5: 4}
    shared = JudgingResources(tiny_ref, says, lambda prompt, seed: f"[[{grades[seed]}]]")
    report = suite(bench, shared, repeats=3).udasa_evaluate(tiny_ref, 3)
    found = metrics_of(report)
    assert found["score"] == 4.0
    deviation = np.std([2, 9, 4], ddof=1)
    assert found["judge_spread"] == pytest.approx(deviation)
    # The judge's moods are the same for all answers here, so its mean moves as much.
    assert found["score_spread"] == pytest.approx(deviation)
    first = [row for row in report.rows if row["id"] == "81" and row["turn"] == 1]
    assert [(row["repeat"], row["judge_seed"], row["grade"]) for row in first] == [
        (0, 3, 2.0),
        (1, 4, 9.0),
        (2, 5, 4.0),
    ]
    assert {row["score"] for row in first} == {4.0}


def test_unparsed_grades_are_counted_and_never_zero(bench: Path, tiny_ref: ModelRef) -> None:
    def judges(prompt: Prompt, seed: int) -> str:
        return "I cannot rate this." if prompt.id in ("81/1", "82/2") else "[[6]]"

    shared = JudgingResources(tiny_ref, says, judges)
    report = suite(bench, shared, max_unparsed=0.125).udasa_evaluate(tiny_ref, 3)
    found = metrics_of(report)
    assert (found["score"], found["unparsed"]) == (6.0, 2 / 16)
    lost = [row for row in report.rows if row["score"] is None]
    assert [(row["id"], row["turn"], row["raw"]) for row in lost] == [
        ("81", 1, "I cannot rate this."),
        ("82", 2, "I cannot rate this."),
    ]
    with pytest.raises(UdasaError, match=r"2 of 16 judgements contain no rating.*'I cannot rate this.'"):
        suite(bench, shared, max_unparsed=0.12).udasa_evaluate(tiny_ref, 3)


def test_a_turn_that_is_not_taken_is_counted(bench: Path, tiny_ref: ModelRef) -> None:
    def some(prompt: Prompt, policy: ModelRef) -> str | None:
        return None if prompt.id in ("81/1", "82/2") else "cut off …"

    shared = JudgingResources(tiny_ref, some, by_turn)
    report = suite(bench, shared).udasa_evaluate(tiny_ref, 3)
    found = metrics_of(report)
    assert found["not_asked"] == 3 / 16
    assert found["truncated"] == 1.0
    assert found["score"] == pytest.approx((7 * 8 + 6 * 4) / 13)
    assert [(row["id"], row["turn"]) for row in report.rows if row["output"] is None] == [
        ("81", 1),
        ("81", 2),
        ("82", 2),
    ]
    nothing = JudgingResources(tiny_ref, lambda prompt, policy: None, by_turn)
    with pytest.raises(UdasaError, match="none of 8 prompts was answered"):
        suite(bench, nothing).udasa_evaluate(tiny_ref, 3)


def test_corrected_references_and_fewer_questions(bench: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    rows = [{"question_id": number, "choices": [{"turns": ["fixed", "too"]}]} for number in (84, 85, 86)]
    fixed = write_lines(tmp_path / "fixed.jsonl", rows)
    shared = JudgingResources(tiny_ref, says, by_turn)
    one = suite(bench, shared, references=f"file:{fixed}", categories=("math",))
    one.udasa_evaluate(tiny_ref, 3)
    assert [prompt.messages[1].content[:26] for prompt, _ in shared.planned.asked] == [
        "single-math-v1|ref fixed|f",
        "single-math-v1-multi-turn|",
    ]
    assert one.fingerprint != suite(bench, shared).fingerprint
    with pytest.raises(UdasaError, match="no category 'maths'"):
        suite(bench, shared, categories=("maths",)).udasa_evaluate(tiny_ref, 3)


def test_an_own_judge_is_a_figure_and_a_warning(
    bench: Path, tiny_ref: ModelRef, caplog: pytest.LogCaptureFixture
) -> None:
    policy = replace(tiny_ref, source="hf:org/Qwen2.5-0.5B")
    shared = JudgingResources(policy, says, by_turn, model="Qwen3-32B")
    with caplog.at_level(logging.WARNING, logger="udasa"):
        report = suite(bench, shared).udasa_evaluate(policy, 3)
    assert metrics_of(report)["judge_is_own_family"] == 1.0
    assert "to the same family (qwen)" in caplog.text


def test_the_contract(tmp_path: Path, tiny_ref: ModelRef) -> None:
    def judges(prompt: Prompt, seed: int) -> str:
        return f"[[{1 + (len(prompt.messages[-1].content) + seed) % 10}]]"

    # Two of each category: --limit takes one of each at least.
    bench = write_bench(tmp_path / "bench", (*CATEGORIES, *CATEGORIES))
    shared = JudgingResources(tiny_ref, says, judges)
    check_suite(MTBench, {"source": f"file:{bench}", "repeats": 3}, policy=tiny_ref, resources=shared)


def test_its_questions_are_both_turns(bench: Path, tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, says, by_turn)
    found = suite(bench, shared, categories=("math", "stem")).udasa_questions()
    assert found == ["first math?", "second math?", "first stem?", "second stem?"]
