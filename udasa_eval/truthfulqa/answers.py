"""TruthfulQA's questions with their reference answers, and the form in which a model is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core import Message, SourceError, UdasaError
from udasa_eval.measures.reference_similarity import references
from udasa_eval.truthfulqa.data import file_in, refuse_both, rows_of
from udasa_eval.truthfulqa.prompt import SIX_QUESTIONS

# Where a folder keeps the questions with their answers: the hub's layout first, then the authors' file.
_FILES = ("generation/validation-*.parquet", "TruthfulQA.csv")

# Our field → the hub's and the CSV's name for it.
_FIELDS = {
    "question": ("question", "Question"),
    "category": ("category", "Category"),
    "correct": ("correct_answers", "Correct Answers"),
    "incorrect": ("incorrect_answers", "Incorrect Answers"),
}
_AFTER = re.compile(r"\n\s*\n|\n\s*Q:")


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question and its references as the benchmark compares them; `id` is its row from 0."""

    id: str
    question: str
    category: str
    correct: tuple[str, ...]
    incorrect: tuple[str, ...]


def read_answered_questions(path: Path, source: str) -> tuple[AnsweredQuestion, ...]:
    """Return the questions of `TruthfulQA.csv`, of a Parquet file, or of a folder in the hub's layout
    (`generation/validation-*.parquet`), in order.

    source: how messages name it. Raises SourceError where there is no such file, or a row lacks its question
    or either kind of reference.
    """
    try:
        rows = rows_of(file_in(path, _FILES))
    except UdasaError as error:
        raise SourceError(
            f"{source}: {error}\n    → download TruthfulQA.csv from the benchmark's repository and write "
            'source = "file:/folder/TruthfulQA.csv"'
        ) from error
    if not rows:
        raise SourceError(f"{source} has no question: {path} is empty")
    return tuple(_question(number, row, source) for number, row in enumerate(rows))


def qa_question(question: str) -> tuple[Message, ...]:
    """Return a question in the benchmark's QA form, as one user's turn: the six questions with their answers,
    then this one.

    There is no "A:" after it: the model is to write that, as in the authors' code and in the harness. (A
    small chat model that is shown it says "A:" again, and nothing more.)
    """
    return (Message("user", f"{SIX_QUESTIONS}\n\nQ: {question}"),)


def qa_answer(text: str) -> str:
    """Return the answer in what a model says to the QA form: without an "A:" before it, up to an empty line
    or a next "Q:"."""
    text = re.sub(r"\A\s*A:", "", text.strip()).strip()
    return _AFTER.split(text, maxsplit=1)[0].strip()


def _question(number: int, row: Mapping[str, Any], source: str) -> AnsweredQuestion:
    values = {name: next((row[key] for key in keys if row.get(key)), None) for name, keys in _FIELDS.items()}
    missing = [
        " or ".join(map(repr, keys))
        for name, keys in _FIELDS.items()
        if not values[name] and name != "category"
    ]
    if missing:
        raise SourceError(
            f"{source}: question {number} has no {', no '.join(missing)} (its fields: "
            f"{', '.join(map(str, list(row)[:8]))})\n    → it needs TruthfulQA's generation columns"
        )
    question = str(values["question"]).strip()
    try:
        refuse_both(question, _listed(values["correct"]), _listed(values["incorrect"]))
    except ValueError as error:
        raise SourceError(f"{source}: question {number}: {error}") from error
    correct, incorrect = references(_listed(values["correct"]), _listed(values["incorrect"]))
    if not incorrect:
        raise SourceError(f"{source}: question {number} has no incorrect reference answer")
    category = str(values["category"] or "")
    return AnsweredQuestion(str(number), question, category, correct, incorrect)


def _listed(answers: Any) -> list[str]:
    """Return answers as a list: the CSV joins them by semicolons."""
    return answers.split(";") if isinstance(answers, str) else list(map(str, answers))
