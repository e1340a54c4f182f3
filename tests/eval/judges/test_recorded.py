"""Grades that are given in a file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeResources
from udasa_core import Grade, Message, Prompt, UdasaError, testing
from udasa_eval.judges.recorded import RecordedJudge

ONE = Prompt("q1", (Message("system", "Judge."), Message("user", "Is it so?")))
TWO = Prompt("q2", (Message("user", "And this?"),))
TEXT = "Judge.\n\nIs it so?"


def write(folder: Path, *rows: Any) -> str:
    file = folder / "grades.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return f"file:{file}"


def judge(source: str) -> RecordedJudge:
    return RecordedJudge(RecordedJudge.Options(source=source), "recorded", FakeResources())


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    rows = [
        {"id": one.id, "raw": f"Rating: [[{k % 10 + 1}]]"} for k, one in enumerate(testing.sample_prompts())
    ]
    options = {"source": write(tmp_path, *rows)}
    testing.check_factory("judge", RecordedJudge, options)
    assert {one.grade for one in testing.check_judge(RecordedJudge, options)} <= set(range(1, 11))


@pytest.mark.parametrize(
    "row", [{"id": "q1"}, {"prompt": TEXT}, {"prompt": hashlib.sha256(TEXT.encode()).hexdigest()}]
)
def test_a_prompt_is_named_by_id_text_or_digest(tmp_path: Path, row: dict[str, str]) -> None:
    source = write(tmp_path, {"id": "q2", "raw": "no rating"}, "", {**row, "raw": "Rating: [[9]]"})
    grades = judge(source).udasa_judge([ONE, TWO, ONE], 3)
    assert grades == [Grade(9.0, "Rating: [[9]]"), Grade(None, "no rating"), Grade(9.0, "Rating: [[9]]")]


def test_a_seeds_own_row_goes_before_one_for_all(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {"id": "q1", "raw": "[[2]]"},
        {"id": "q1", "seed": 4, "raw": "[[3]]"},
        {"prompt": TEXT, "seed": 5, "raw": "[[4]]"},
    )
    asked = judge(source)
    assert [asked.udasa_judge([ONE], seed)[0].grade for seed in (3, 4, 5)] == [2.0, 3.0, 4.0]


MANY = [Prompt(f"q{number}", (Message("user", f"Wörd {number}. " * 50),)) for number in range(5)]


def missing(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "grades.missing.jsonl").read_text().splitlines()]


def told(source: str, prompts: Sequence[Prompt], seed: int = 7) -> str:
    with pytest.raises(UdasaError) as error:
        judge(source).udasa_judge(prompts, seed)
    return str(error.value)


def test_every_prompt_without_a_grade_is_written_beside_the_file(tmp_path: Path) -> None:
    message = told(write(tmp_path, {"id": "q0", "raw": "x"}, {"id": "q3", "raw": "x"}), MANY)
    assert "3 of 5 grading prompts have no grade" in message
    assert f'fill in "raw" in each row of {tmp_path / "grades.missing.jsonl"}' in message
    assert "append those rows to grades.jsonl" in message
    assert "empty" not in message
    assert "\n" not in message
    assert missing(tmp_path) == [
        {
            "prompt": hashlib.sha256(one.messages[0].content.encode()).hexdigest(),
            "prompt_id": one.id,
            "messages": [{"role": "user", "content": one.messages[0].content}],
            "raw": "",
        }
        for one in (MANY[1], MANY[2], MANY[4])
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["grades.jsonl", "grades.missing.jsonl"]


def test_the_written_rows_filled_in_and_appended_are_the_grades(tmp_path: Path) -> None:
    source = write(tmp_path)
    told(source, [*MANY, ONE, ONE])
    rows = missing(tmp_path)
    assert len(rows) == 6
    write(tmp_path, *({**row, "raw": f"Rating: [[{k + 1}]]"} for k, row in enumerate(rows)))
    grades = judge(source).udasa_judge([*MANY, ONE, ONE], 8)
    assert [one.grade for one in grades] == [1, 2, 3, 4, 5, 6, 6]


def test_missing_rows_are_of_the_last_time_but_what_was_filled_in_stays(tmp_path: Path) -> None:
    source = write(tmp_path)
    told(source, MANY[:3])
    first, second, third = missing(tmp_path)
    filled = [{**first, "raw": "[[5]]"}, {**second, "raw": "[[6]]"}, third]
    (tmp_path / "grades.missing.jsonl").write_text("".join(json.dumps(row) + "\n" for row in filled))
    write(tmp_path, filled[0])
    told(source, MANY[:4])
    assert [(row["prompt_id"], row["raw"]) for row in missing(tmp_path)] == [
        ("q1", "[[6]]"),
        ("q2", ""),
        ("q3", ""),
    ]
    # Another suite's prompts: what was filled in for these is still to be appended.
    told(source, [ONE])
    assert [row["raw"] for row in missing(tmp_path)] == ["", "[[6]]"]


def test_missing_rows_that_cannot_be_read_are_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "grades.missing.jsonl"
    file.write_text('{"prompt": "x", "raw": "[[5]]"')
    assert f"{file}, line 1: " in told(write(tmp_path), MANY)
    assert file.read_text() == '{"prompt": "x", "raw": "[[5]]"'


@pytest.mark.parametrize("raw", ["", " \n"])
def test_a_row_left_empty_is_no_grade(tmp_path: Path, raw: str) -> None:
    message = told(write(tmp_path, {"prompt": TEXT, "raw": raw}, {"id": "q2", "raw": "[[2]]"}), [ONE, TWO])
    assert "1 of 2 grading prompts have no grade" in message
    assert '(1 with a row there whose "raw" is empty, to be deleted)' in message
    assert [row["prompt_id"] for row in missing(tmp_path)] == ["q1"]


def test_nothing_is_written_beside_what_is_no_file_of_the_users(tmp_path: Path) -> None:
    class Hub(FakeResources):
        def path(self, source: str) -> Path:
            return tmp_path / "grades.jsonl"

    write(tmp_path)
    asked = RecordedJudge(RecordedJudge.Options(source="hf:owner/grades"), "recorded", Hub())
    with pytest.raises(UdasaError, match=r'source = "file:grades\.jsonl"') as error:
        asked.udasa_judge(MANY, 7)
    # By its text and not by its id, which every model's answer to the question has.
    assert re.search(r'\{"prompt": "[0-9a-f]{64}", "raw": "Rating: \[\[7\]\]"\}', str(error.value))
    assert [file.name for file in tmp_path.iterdir()] == ["grades.jsonl"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    source = write(tmp_path)
    # Root may write anywhere, but not rename a file onto a folder.
    (tmp_path / "grades.missing.jsonl").mkdir()
    message = told(source, MANY)
    assert "cannot be written" in message
    assert re.search(r'add rows such as \{"prompt": "[0-9a-f]{64}", "raw"', message)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{", "line 2: "),
        ('"text"', "not an object"),
        ({"id": "q1"}, "`raw` is missing, or is not text"),
        ({"id": "q1", "raw": 7}, "`raw` is missing, or is not text"),
        ({"raw": "x"}, "neither"),
        ({"id": "q1", "prompt": "x", "raw": "x"}, "or both"),
        ({"id": 3, "raw": "x"}, "is not text"),
        ({"id": "q1", "raw": "x", "seed": 1.5}, "not a whole number"),
        ('{"id": "q1", "raw": "\\ud800"}', "surrogates"),
        ({"id": "q0", "raw": "another"}, "another judgement in line 1"),
    ],
)
def test_a_row_that_cannot_be_read_is_shown(tmp_path: Path, row: Any, fault: str) -> None:
    with pytest.raises(UdasaError, match="line 2") as error:
        judge(write(tmp_path, {"id": "q0", "raw": "x"}, row)).udasa_judge([ONE], 0)
    assert fault in str(error.value)


def test_a_row_may_stand_twice(tmp_path: Path) -> None:
    row = {"id": "q1", "raw": "[[5]]"}
    assert judge(write(tmp_path, row, row)).udasa_judge([ONE], 0) == [Grade(5.0, "[[5]]")]


def test_other_judgements_are_another_judge(tmp_path: Path) -> None:
    first = judge(write(tmp_path, {"id": "q1", "raw": "[[5]]"})).fingerprint
    assert first == judge(write(tmp_path, {"id": "q1", "raw": "[[5]]"})).fingerprint
    assert first != judge(write(tmp_path, {"id": "q1", "raw": "[[6]]"})).fingerprint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match="is not a file"):
        judge(f"file:{tmp_path / 'nothing.jsonl'}").udasa_judge([ONE], 0)
