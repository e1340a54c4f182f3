"""The section "Before and after": what changed, in words and as a chart, and the blocks of the browsers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from tests.core.page.kinds import browsers, charts, opened, tables, words
from udasa_core.page import answers
from udasa_core.page.changes import changes_chart, changes_told
from udasa_core.report.figures import figures

BOTH = [("blind", "answers"), ("answers", "answers")]


def section_of(run: udasa_core.Run, *, texts: bool = True) -> Any:
    return answers.section(run, figures(run), texts=texts)


def change(name: str, before: float, after: float, low: float, high: float) -> dict[str, Any]:
    return {"name": name, "before": before, "after": after, "low": low, "high": high, "n": 30}


def test_what_changed_is_told_and_the_rest_is_no_evidence() -> None:
    changes = [
        change("U", 0.5, 0.4, -0.15, -0.05),
        change("u one (raw)", 0.5, 0.4, -0.15, -0.05),
        change("length", 20.0, 26.0, 2.0, 9.0),
        change("entropy", 1.0, 1.1, -0.1, 0.3),
    ]
    assert changes_told(changes).text == (
        "On held-out prompts U fell by 0.100 [−0.150, −0.050]; length rose by 6.000 [2.000, 9.000]. Of 1 "
        "other figure there is no evidence of a change."
    )
    few = changes_told([{**one, "n": 19} for one in changes])
    assert few.tone == "doubtful"
    assert few.text.endswith("With fewer than 20 prompts the intervals are too narrow to rely on.")
    chart = changes_chart(changes)
    assert [tuple(row)[:2] for row in chart.table.rows] == [
        ("U", ""),
        ("length", "tokens"),
        ("entropy", "nats a token"),
    ]
    assert [row[2] for row in chart.table.rows] == pytest.approx([-0.1, 6.0, 0.1])
    assert "U: −0.100; length: 6.000; entropy: 0.100, no evidence." in chart.says
    assert "each of 1 intervals holds 0" in changes_told(changes[3:]).text
    # A raw dimension is told where its calibrated scores do not say so: the sentence counts what is shown.
    alone = [change("u one", 0.5, 0.4, -0.15, 0.05), changes[1], changes[3]]
    assert changes_told(alone).text == (
        "On held-out prompts u one (raw) fell by 0.100 [−0.150, −0.050]. Of 2 other figures there is no "
        "evidence of a change."
    )


def test_the_blocks_hold_every_answer_of_both_policies(canned_run: udasa_core.Run) -> None:
    section = section_of(canned_run)
    assert browsers(section) == BOTH
    assert "changes" in charts(section)
    assert "Held-out prompts, before and after" in tables(section)
    blocks = opened(answers.blocks(canned_run, texts=True))
    index, texts = blocks["answers"], blocks["answer-texts-0"]
    assert set(blocks) == {"answers", "answer-texts-0"}
    rows = list(canned_run.answers())
    assert index["after"] == rows[0]["policy"] == "exploratory"
    assert index["figures"][:5] == ["U", "u one", "u two", "tokens", "cut_off"]
    assert {"entropy", "distinct responses"} <= set(index["figures"])
    assert index["prompts"]["id"] == list(dict.fromkeys(row["prompt_id"] for row in rows))
    meters = canned_run.meters("base"), canned_run.meters("exploratory")
    for place, prompt in enumerate(index["prompts"]["id"]):
        own = [row for row in rows if row["prompt_id"] == prompt]
        for side in ("before", "after"):
            mean = math.fsum(row[f"{side}_U"] for row in own) / len(own)
            assert index["prompts"][f"U_{side}"][place] == pytest.approx(mean, abs=1e-4)
            mean = math.fsum(row[f"{side} calibrated two"] for row in own) / len(own)
            assert index["prompts"][f"u two_{side}"][place] == pytest.approx(mean, abs=1e-4)
            assert [one["text"] for one in texts[place][side]] == [row[side] for row in own]
            assert [one["tokens"] for one in texts[place][side]] == [row[f"{side}_tokens"] for row in own]
        assert index["prompts"]["entropy_before"][place] == pytest.approx(
            meters[0]["entropy"][prompt], abs=1e-4
        )
        assert index["prompts"]["entropy_after"][place] == pytest.approx(
            meters[1]["entropy"][prompt], abs=1e-4
        )
        assert texts[place]["messages"] == [["user", own[0]["prompt"]]]
    assert len(texts) == len(index["prompts"]["id"])


def test_without_texts_there_are_numbers_alone(canned_run: udasa_core.Run) -> None:
    assert list(opened(answers.blocks(canned_run, texts=False))) == ["answers"]
    section = section_of(canned_run, texts=False)
    assert browsers(section) == BOTH[1:]
    assert "left out on purpose" in words(section)


def test_of_many_prompts_some_keep_their_texts(
    canned_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "TEXTS", 4)
    monkeypatch.setattr(answers, "CHUNK", 3)
    blocks = opened(answers.blocks(canned_run, texts=True))
    columns = blocks["answers"]["prompts"]
    count = len(columns["id"])
    texts = [one for number in range(math.ceil(count / 3)) for one in blocks[f"answer-texts-{number}"]]
    assert len(texts) == count
    assert sum(one is not None for one in texts) == 4 < count
    assert f"Of {count} held-out prompts the page has the texts of 4" in words(section_of(canned_run))


def test_half_the_room_goes_to_prompts_whose_u_rose_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "TEXTS", 10)
    count = 200
    after: list[float | None] = [(37 * place % count) / count for place in range(count)]
    after[3] = None  # nobody can say that it rose
    columns = {
        "id": [f"p{place}" for place in range(count)],
        "U_before": [0.0] * count,
        "U_after": after,
    }
    kept = answers._kept(columns)
    assert kept is not None
    assert len(kept) == 10
    most = sorted(range(count), key=lambda place: -(after[place] or 0.0))[:5]
    assert {f"p{place}" for place in most} <= kept
    assert answers._kept({name: values[:10] for name, values in columns.items()}) is None


def test_a_run_whose_stages_were_all_rolled_back_compares_the_base_with_itself(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    quiz = {"use": "tests.core.running.test_watch:Quizzes", "name": "quiz", "right": [9, 1, 1, 1]}
    gate = {"figure": "quiz accuracy", "better": "higher", "max_drop": 0.1, "action": "rollback"}
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir, count=12, suite=[quiz], gate=[gate]))
    assert all(stage.rolled_back for stage in run.stages())
    index = opened(answers.blocks(run, texts=True))["answers"]
    assert index["after"] == "base"
    assert index["prompts"]["U_before"] == index["prompts"]["U_after"]


def test_without_held_out_prompts_it_says_so(rounds_run: udasa_core.Run, crashed_run: udasa_core.Run) -> None:
    assert words(section_of(rounds_run)).startswith("No prompt is held out")
    assert list(answers.blocks(rounds_run, texts=True)) == []
    assert browsers(section_of(rounds_run)) == []
    assert "Nothing is compared yet" in words(section_of(crashed_run))
    assert list(answers.blocks(crashed_run, texts=True)) == []
