"""Suite `mt-bench.pairwise` with a planned generator and judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.eval.suites.judging import CATEGORIES, JudgingResources, write_bench, write_lines
from udasa_core import Adapter, ModelRef, Prompt, UdasaError
from udasa_core.testing.suites import check_suite
from udasa_eval.suites.mt_bench_pairwise import MTBenchPairwise


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return write_bench(tmp_path / "bench")


@pytest.fixture
def trained(tiny_ref: ModelRef) -> ModelRef:
    return tiny_ref.with_adapter(Adapter("a" * 64, ""))


def says(prompt: Prompt, policy: ModelRef) -> str:
    """The trained model answers well, the base badly; both say the same about the stem."""
    content = prompt.messages[-1].content
    return content if "stem" in content else ("good" if policy.adapters else "bad") + f" {content}"


def fair(prompt: Prompt, seed: int) -> str:
    """Prefers what is good, whichever stands first; sees only A in math."""
    content = prompt.messages[-1].content
    if "math?" in content:
        return "[[A]]"
    return "[[A]]" if content.index("good") < content.index("bad") else "[[B]]"


def suite(folder: Path, shared: JudgingResources, **options: Any) -> MTBenchPairwise:
    return MTBenchPairwise(
        MTBenchPairwise.Options(source=f"file:{folder}", **options), "mt-bench.pairwise", shared
    )


def metrics_of(report: Any) -> dict[str, float]:
    return {one.name: one.value for one in report.metrics}


def test_against_the_base(bench: Path, tiny_ref: ModelRef, trained: ModelRef) -> None:
    """Six questions won in both orders, math a tie by position bias, stem equal and not asked."""
    shared = JudgingResources(tiny_ref, says, fair)
    report = suite(bench, shared).udasa_evaluate(trained, 3)
    found = metrics_of(report)
    assert found["win_rate"] == pytest.approx((6 + 0.5 + 0.5) / 8)
    assert (found["wins"], found["ties"], found["losses"]) == (12 / 16, 4 / 16, 0.0)
    assert (found["win_rate_math"], found["win_rate_stem"], found["win_rate_writing"]) == (0.5, 0.5, 1.0)
    assert found["consistent"] == pytest.approx(12 / 14)
    assert found["identical"] == pytest.approx(2 / 16)
    assert found["unparsed"] == 0.0
    assert len(shared.planned.asked) == 2 * 14
    swapped = {prompt.id: prompt for prompt, _ in shared.planned.asked}
    assert swapped["84/1/model-first"].messages[1].content == (
        "pair-math-v1|ref right one|first math?|good first math?|bad first math?"
    )
    assert swapped["84/1/baseline-first"].messages[1].content == (
        "pair-math-v1|ref right one|first math?|bad first math?|good first math?"
    )
    row = next(one for one in report.rows if one["id"] == "84")
    assert (row["score"], row["raw"], row["raw_swapped"]) == (0.5, "[[A]]", "[[A]]")


def test_the_base_against_itself_is_on_a_par_and_costs_no_judge(bench: Path, tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, says, fair)
    found = metrics_of(suite(bench, shared).udasa_evaluate(tiny_ref, 3))
    assert (found["win_rate"], found["identical"], found["ties"]) == (0.5, 1.0, 1.0)
    assert not shared.planned.asked
    assert "consistent" not in found


def test_against_a_file_of_fastchats_layout(bench: Path, trained: ModelRef, tmp_path: Path) -> None:
    rows = [
        {"question_id": number, "choices": [{"turns": ["bad one", "bad two"]}]} for number in range(81, 89)
    ]
    baseline = write_lines(tmp_path / "gpt.jsonl", rows)

    def always_good(prompt: Prompt, policy: ModelRef) -> str:
        return "good"

    shared = JudgingResources(trained, always_good, fair)
    one = suite(bench, shared, baseline=f"file:{baseline}", categories=("writing", "coding"))
    report = one.udasa_evaluate(trained, 3)
    assert metrics_of(report)["win_rate"] == 1.0
    assert {row["baseline_output"] for row in report.rows} == {"bad one", "bad two"}
    assert {key for _, _, key in shared.sampled} == {trained.key}
    before = one.fingerprint
    write_lines(baseline, rows[:2])
    again = suite(bench, shared, baseline=f"file:{baseline}")
    assert again.fingerprint not in (before, suite(bench, shared).fingerprint)
    with pytest.raises(UdasaError, match="lacks 6 of 8 questions, first question 83"):
        again.udasa_evaluate(trained, 3)


def test_lost_verdicts_are_no_ties(bench: Path, tiny_ref: ModelRef, trained: ModelRef) -> None:
    def judges(prompt: Prompt, seed: int) -> str:
        return "hm" if prompt.id == "81/1/baseline-first" else fair(prompt, seed)

    shared = JudgingResources(tiny_ref, says, judges)
    report = suite(bench, shared).udasa_evaluate(trained, 3)
    found = metrics_of(report)
    assert found["unparsed"] == pytest.approx(1 / 28)
    assert found["win_rate"] == pytest.approx((11 + 4 * 0.5) / 15)
    assert next(row for row in report.rows if row["id"] == "81")["score"] is None
    with pytest.raises(UdasaError, match="1 of 28 judgements contain no verdict"):
        suite(bench, shared, max_unparsed=0.01).udasa_evaluate(trained, 3)


def test_the_contract(tmp_path: Path, tiny_ref: ModelRef, trained: ModelRef) -> None:
    def judges(prompt: Prompt, seed: int) -> str:
        return f"[[{'ABC'[(len(prompt.messages[-1].content) + seed) % 3]}]]"

    # Two of each category: --limit takes one of each at least.
    bench = write_bench(tmp_path / "bench", (*CATEGORIES, *CATEGORIES))
    shared = JudgingResources(tiny_ref, says, judges)
    options = {"source": f"file:{bench}", "repeats": 2}
    check_suite(MTBenchPairwise, options, policy=trained, resources=shared)
