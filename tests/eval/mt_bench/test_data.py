"""MT-Bench's files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.eval.real_data import REAL_DATA
from tests.eval.suites.judging import CATEGORIES, write_bench, write_lines
from udasa_core import UdasaError
from udasa_eval.mt_bench.data import find_files, read_answers, read_questions

SHARED = REAL_DATA / "mt_bench"


def test_questions_have_references_where_their_category_does(tmp_path: Path) -> None:
    questions = read_questions(find_files(write_bench(tmp_path), "here"), "here")
    assert [one.category for one in questions] == list(CATEGORIES)
    assert {one.category for one in questions if one.references} == {"math", "coding", "reasoning"}
    assert questions[3].references == ("right one", "right two")


def test_temperatures_are_fastchats_by_category(tmp_path: Path) -> None:
    questions = read_questions(find_files(write_bench(tmp_path, (*CATEGORIES, "poems")), "here"), "here")
    found = {one.category: one.temperature for one in questions}
    assert found == {
        **dict.fromkeys(("writing", "roleplay", "poems"), 0.7),
        **dict.fromkeys(("extraction", "math", "coding", "reasoning"), 0.01),
        **dict.fromkeys(("stem", "humanities"), 0.1),
    }


def test_corrected_references_take_the_place_of_the_folders(tmp_path: Path) -> None:
    folder = write_bench(tmp_path, ("math",))
    row = {"question_id": 81, "choices": [{"turns": ["better", "best"]}]}
    fixed = write_lines(tmp_path / "fixed.jsonl", [row])
    assert read_questions(find_files(folder, "here", fixed), "here")[0].references == ("better", "best")
    write_lines(fixed, [{**row, "question_id": 7}])
    with pytest.raises(UdasaError, match=r"question 81 \(math\) has no reference answer in .*fixed.jsonl"):
        read_questions(find_files(folder, "here", fixed), "here")


def test_a_missing_file_shows_the_line_to_write(tmp_path: Path) -> None:
    with pytest.raises(
        UdasaError, match=r'file:x has no question.jsonl.*\n.*source = "file:/folder/mt_bench"'
    ):
        find_files(tmp_path, "file:x")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"category": "math", "turns": ["a", "b"]}, "line 1 has no 'question_id'"),
        ({"question_id": 1, "category": "stem"}, "line 1 has no 'turns'"),
        ({"question_id": 1, "category": "stem", "turns": ["a"]}, "line 1: turns is not a list of two texts"),
        (
            {"question_id": 1, "category": "stem", "turns": ["a", 2]},
            "line 1: turns is not a list of two texts",
        ),
        (["a"], "line 1, is not a JSON object"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, row: object, told: str) -> None:
    folder = write_bench(tmp_path)
    write_lines(folder / "mt_bench" / "question.jsonl", [row])
    with pytest.raises(UdasaError, match=told):
        read_questions(find_files(folder, "here"), "here")


def test_answers_of_fastchats_layout(tmp_path: Path) -> None:
    rows = [{"question_id": 81, "model_id": "m", "choices": [{"index": 0, "turns": ["one\u2028x", "two"]}]}]
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert read_answers(path, "here") == {"81": ("one\u2028x", "two")}
    write_lines(path, [{"question_id": 81, "choices": []}])
    with pytest.raises(UdasaError, match="here: line 1 has no choices"):
        read_answers(path, "here")


@pytest.mark.skipif(not SHARED.is_dir(), reason="FastChat's files are not here")
def test_the_real_files() -> None:
    questions = read_questions(find_files(SHARED, "shared"), "shared")
    assert {one.category for one in questions} == set(CATEGORIES)
    assert len(questions) == 80
    assert sum(one.references is not None for one in questions) == 30
