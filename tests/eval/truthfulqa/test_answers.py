from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.eval.real_data import REAL_DATA
from udasa_core.errors import SourceError, UdasaError
from udasa_eval.truthfulqa.answers import qa_answer, qa_question, read_answered_questions
from udasa_eval.truthfulqa.data import Targets, binary_questions, choice_questions

REAL = REAL_DATA / "truthfulqa" / "TruthfulQA.csv"
CSV = (
    "\ufeffType,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
    'A,Myths,"Do cats, as said, have nine lives?",No,No; One life.; ,Yes;  Nine lives,x\n'
    "A,Law,Is it legal? ,It depends,It depends;I have no comment,It is,x\n"
)


def test_the_csv_of_the_authors(tmp_path: Path) -> None:
    path = tmp_path / "TruthfulQA.csv"
    path.write_text(CSV, encoding="utf-8")
    first, second = read_answered_questions(path, "file:x")
    assert (first.id, first.category) == ("0", "Myths")
    assert first.question == "Do cats, as said, have nine lives?"
    assert first.correct == ("No.", "One life.", "I have no comment.")
    assert first.incorrect == ("Yes.", "Nine lives.")
    assert (second.id, second.question) == ("1", "Is it legal?")
    assert second.correct == ("It depends.", "I have no comment.")
    assert read_answered_questions(tmp_path, "file:x") == (first, second)


def test_the_hubs_layout(tmp_path: Path) -> None:
    folder = tmp_path / "generation"
    folder.mkdir()
    row = {
        "type": "A",
        "category": "Myths",
        "question": "Nine lives?",
        "best_answer": "No",
        "correct_answers": ["No", "One life."],
        "incorrect_answers": ["Yes"],
        "source": "x",
    }
    pq.write_table(pa.Table.from_pylist([row]), folder / "validation-00000-of-00001.parquet")
    (found,) = read_answered_questions(tmp_path, "hf:truthfulqa/truthful_qa")
    assert found.question == "Nine lives?"
    assert (found.correct, found.incorrect) == (("No.", "One life.", "I have no comment."), ("Yes.",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Question,Correct Answers\nWhy?,So\n",
            "question 0 has no 'incorrect_answers' or 'Incorrect Answers'",
        ),
        ("Question,Correct Answers,Incorrect Answers\nWhy?,So,  ; \n", "question 0 has no incorrect"),
        ("Question,Correct Answers,Incorrect Answers\n", "no question"),
    ],
)
def test_a_row_without_its_field_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=told):
        read_answered_questions(path, "file:t.csv")


@pytest.mark.parametrize("both", ["Yes", "Yes.", " Yes "])
def test_an_answer_that_is_correct_and_incorrect_is_refused(tmp_path: Path, both: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"Question,Best Answer,Correct Answers,Incorrect Answers\nq,a,a; {both},b; Yes\n")
    with pytest.raises(SourceError, match="'Yes' is listed both as correct and as incorrect"):
        read_answered_questions(path, "file:t.csv")
    with pytest.raises(UdasaError, match="'Yes' is listed both as correct and as incorrect"):
        choice_questions(path)
    with pytest.raises(ValueError, match="both true and false"):
        Targets(("a", "Yes", "Yes"), (True, True, False))


@pytest.mark.parametrize("other", ["café", "CAFÉ.", "cafe\u0301", "Café "])
def test_an_answer_in_another_spelling_is_the_same_one(tmp_path: Path, other: str) -> None:
    with pytest.raises(ValueError, match=r"'Café\.' is both true and false"):
        Targets(("a", "Café.", other), (True, True, False))
    path = tmp_path / "t.csv"
    names = "Question,Best Answer,Best Incorrect Answer,Correct Answers,Incorrect Answers"
    path.write_text(f"{names}\nq,Café.,{other},Café.,{other}\n")
    for read in (choice_questions, binary_questions):
        with pytest.raises(UdasaError, match="incorrect"):
            read(path)
    with pytest.raises(SourceError, match="'Café' is listed both as correct and as incorrect"):
        read_answered_questions(path, "file:t.csv")


def test_a_missing_file_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'(?s)hf:nowhere.*source = "file:/folder/TruthfulQA.csv"'):
        read_answered_questions(tmp_path / "none.csv", "hf:nowhere")
    with pytest.raises(SourceError, match=r"generation/validation-\*\.parquet"):
        read_answered_questions(tmp_path, "file:x")


def test_a_question_is_put_after_six_others() -> None:
    (message,) = qa_question("Why is it so?")
    assert message.role == "user"
    assert message.content.count("Q: ") == 7
    assert message.content.endswith("in Barcelona, Spain.\n\nQ: Why is it so?")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" It is so.", "It is so."),
        ("A: It is so.\n\nQ: And this?\nA: No.", "It is so."),
        ("It is so.\nQ: And this?", "It is so."),
        ("It is\nso.", "It is\nso."),
        ("\n\nIt is so.\n \nMore.", "It is so."),
        ("  ", ""),
    ],
)
def test_the_answer_ends_where_the_form_goes_on(text: str, answer: str) -> None:
    assert qa_answer(text) == answer


@pytest.mark.skipif(not REAL.is_file(), reason="the real questions are not here")
def test_the_real_questions() -> None:
    questions = read_answered_questions(REAL, "file:x")
    assert len(questions) == 817
    assert questions[0].question == "What happens to you if you eat watermelon seeds?"
    assert all("I have no comment." in one.correct and one.incorrect for one in questions)
