from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.eval.real_data import REAL_DATA
from tests.eval.truthfulqa.planted import CSV, MC, authors_folder, hub_folder, hub_rows
from udasa_core import UdasaError
from udasa_eval.truthfulqa.data import (
    Targets,
    binary_file,
    binary_questions,
    choice_file,
    choice_questions,
)

REAL = REAL_DATA / "truthfulqa"


def test_every_layout_gives_the_same_questions(tmp_path: Path) -> None:
    authors, hub = authors_folder(tmp_path / "authors"), hub_folder(tmp_path / "hub")
    assert choice_file(authors).name == "mc_task.json"
    from_json = choice_questions(choice_file(authors))
    assert from_json == choice_questions(choice_file(hub))
    assert from_json == choice_questions(choice_file(authors / "TruthfulQA.csv"))
    seeds, earth = from_json
    assert seeds.question == "What happens to seeds?"
    assert seeds.mc1 == Targets(("They pass.", "They grow.", "You die."), (True, False, False))
    assert seeds.mc2.labels == (True, True, False, False)
    assert seeds.choices == ("They pass.", "They grow.", "You die.", "Nothing happens.")
    assert seeds.id != earth.id
    assert choice_questions(choice_file(hub), 1) == (seeds,)


def test_one_part_of_several_is_refused(tmp_path: Path) -> None:
    hub = hub_folder(tmp_path)
    (whole,) = (hub / "multiple_choice").glob("validation-*.parquet")
    for number in (0, 1):
        (hub / "multiple_choice" / f"validation-0000{number}-of-00002.parquet").write_bytes(
            whole.read_bytes()
        )
    whole.unlink()
    with pytest.raises(UdasaError, match="is one of 2 parts"):
        choice_file(hub)


def test_the_binary_questions(tmp_path: Path) -> None:
    file = binary_file(authors_folder(tmp_path))
    seeds, earth = binary_questions(file)
    assert seeds.choices == ("They pass", "They grow")
    assert (earth.question, earth.best, earth.best_incorrect) == ("Is the earth flat?", "It is round", "Yes")
    assert binary_questions(file, 1) == (seeds,)
    assert seeds.id == choice_questions(file)[0].id


def test_a_csv_of_before_2025_has_no_best_incorrect_answer(tmp_path: Path) -> None:
    file = tmp_path / "TruthfulQA.csv"
    file.write_text("Question,Best Answer,Correct Answers,Incorrect Answers\nq,a,a,b\n")
    with pytest.raises(
        UdasaError, match=r"row 1: there is no column \"Best Incorrect Answer\".*January 2025"
    ):
        binary_questions(file)
    with pytest.raises(UdasaError, match=r"a column of TruthfulQA\.csv: name that file"):
        binary_questions(tmp_path / "mc_task.json")


def without(key: str) -> Any:
    return lambda row: row.pop(key)


def put(key: str, value: Any) -> Any:
    return lambda row: row.__setitem__(key, value)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without("question"), '"question" is missing'),
        (put("question", " "), '"question" is not text'),
        (without("mc1_targets"), '"mc1_targets" is missing'),
        (put("mc2_targets", ["Yes."]), '"mc2_targets" is not a table of choices'),
        (
            put("mc1_targets", {"Yes.": 0, "No.": 1}),
            "mc1_targets: the first choice must be true, and no other",
        ),
        (
            put("mc1_targets", {"No.": 1, "Never.": 1, "Yes.": 0}),
            "the first choice must be true, and no other",
        ),
        (put("mc2_targets", {"Yes.": 2, "No.": 1}), "mc2_targets: labels must be 0 or 1"),
        (put("mc2_targets", {"Yes.": 0, "No.": 0}), "mc2_targets: some choices must be true"),
        (put("mc2_targets", {"Yes.": 0, "": 1}), "mc2_targets: a choice is not text"),
        (put("mc2_targets", {"choices": ["a", "b"], "labels": [1]}), "2 choices have 1 labels"),
        (put("question", MC[0]["question"]), "it asks the same question as row 1"),
    ],
)
def test_a_bad_row_is_told_with_its_number(tmp_path: Path, spoil: Any, told: str) -> None:
    rows = copy.deepcopy(MC)
    spoil(rows[1])
    file = tmp_path / "mc_task.json"
    file.write_text(json.dumps(rows))
    with pytest.raises(UdasaError) as raised:
        choice_questions(file)
    assert f"{file}, row 2: " in str(raised.value)
    assert told in str(raised.value)


def test_a_parquet_row_without_its_field(tmp_path: Path) -> None:
    rows = hub_rows()
    rows[1]["mc2_targets"] = None
    with pytest.raises(UdasaError, match='row 2: "mc2_targets" is missing'):
        choice_questions(choice_file(hub_folder(tmp_path, rows)))


def test_a_csv_row_that_breaks_off(tmp_path: Path) -> None:
    file = tmp_path / "TruthfulQA.csv"
    file.write_text(CSV.replace(",It is round;No,Yes;,b", ""), encoding="utf-8")
    with pytest.raises(UdasaError, match='row 2: "Correct Answers" is missing'):
        choice_questions(file)


def test_files_that_hold_no_questions(tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match=r"holds no multiple_choice/.* and no mc_task\.json"):
        choice_file(tmp_path)
    for name, text, told in [
        ("mc_task.json", "[]", "holds no question"),
        ("mc_task.json", "{", "cannot be read"),
        ("mc_task.json", "{}", "not a JSON list"),
        ("mc_task.json", "[1]", "row 1: it is not a JSON object"),
        ("bad.parquet", "PAR?", "cannot be read"),
        ("notes.txt", "", "is none of .parquet, .json, .csv"),
    ]:
        (tmp_path / name).write_text(text)
        with pytest.raises(UdasaError, match=told):
            choice_questions(tmp_path / name)


@pytest.mark.skipif(not REAL.is_dir(), reason="the authors' files are not here")
def test_choices_made_from_the_real_csv_are_the_authors_own() -> None:
    theirs = choice_questions(REAL / "mc_task.json")
    assert len(theirs) == 817
    made = {one.id: (one.mc1, one.mc2) for one in choice_questions(REAL / "TruthfulQA.csv")}
    assert made == {one.id: (one.mc1, one.mc2) for one in theirs}
