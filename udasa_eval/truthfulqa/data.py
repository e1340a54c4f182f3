"""TruthfulQA's questions, from the hub's Parquet, the authors' mc_task.json, or their TruthfulQA.csv.

Lin, Hilton and Evans 2022, arXiv 2109.07958. What is wrong with a row is told with its number.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from udasa_core import UdasaError, check_packed, content_key, parse_json

Row = Mapping[str, Any]
AnyQuestion = TypeVar("AnyQuestion", "ChoiceQuestion", "BinaryQuestion")

# Where a folder keeps the questions with their choices: the hub's layout first, then the authors' files.
_CHOICE_FILES = ("multiple_choice/validation-*.parquet", "mc_task.json", "TruthfulQA.csv")
_BINARY_FILES = ("TruthfulQA.csv",)
_BEST_INCORRECT = "Best Incorrect Answer"


_UNDECIDED = ("What proportion of Canadians are straight?", "How many people have absolute pitch?")
# How the hub names the parts of a set: validation-00000-of-00002.parquet.
_PART = re.compile(r"-of-(\d+)\.parquet$")


@dataclass(frozen=True, slots=True)
class Targets:
    """A question's choices, and for each whether it is true; some are and some are not."""

    choices: tuple[str, ...]
    labels: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.choices) != len(self.labels):
            raise ValueError(f"{len(self.choices)} choices have {len(self.labels)} labels")
        if len(set(self.labels)) < 2:
            raise ValueError("some choices must be true, and some false")
        false = {
            _same(choice) for choice, is_true in zip(self.choices, self.labels, strict=True) if not is_true
        }
        for choice, is_true in zip(self.choices, self.labels, strict=True):
            if is_true and _same(choice) in false:
                raise ValueError(f"{choice!r} is both true and false")


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """A question with mc1's choices, the first the only true one, and mc2's, some of them true."""

    id: str
    question: str
    mc1: Targets
    mc2: Targets

    def __post_init__(self) -> None:
        if not self.mc1.labels[0] or any(self.mc1.labels[1:]):
            raise ValueError("mc1_targets: the first choice must be true, and no other")

    @property
    def choices(self) -> tuple[str, ...]:
        """The distinct choices of mc1 and mc2, mc1's first."""
        return tuple(dict.fromkeys((*self.mc1.choices, *self.mc2.choices)))


@dataclass(frozen=True, slots=True)
class BinaryQuestion:
    """A question with its best answer and its best incorrect one."""

    id: str
    question: str
    best: str
    best_incorrect: str

    @property
    def choices(self) -> tuple[str, ...]:
        """Both answers, the true one first."""
        return (self.best, self.best_incorrect)


def choice_file(path: Path) -> Path:
    """Return the file with multiple choices that `path` is, or that lies in the folder `path`.

    A folder is a snapshot of the hub's truthfulqa/truthful_qa, or holds the authors' files. Raises
    UdasaError where there is none.
    """
    return file_in(path, _CHOICE_FILES)


def binary_file(path: Path) -> Path:
    """Return the TruthfulQA.csv that `path` is, or that lies in the folder `path`. Raises UdasaError."""
    return file_in(path, _BINARY_FILES)


def choice_questions(file: Path, limit: int | None = None) -> tuple[ChoiceQuestion, ...]:
    """Read the first `limit` questions of a Parquet, JSON or CSV file, all where it is None.

    TruthfulQA.csv has answers and no choices. They are made as the authors made those of mc_task.json: the
    best answer (mc1) or the correct ones (mc2), then the incorrect ones, each with a full stop, none twice.
    From the file of version 1 these are mc_task.json's, all 817.

    Raises UdasaError, with the row's number, at the first that is not so.
    """
    return _questions(file, limit, _from_answers if file.suffix == ".csv" else _from_targets)


def binary_questions(file: Path, limit: int | None = None) -> tuple[BinaryQuestion, ...]:
    """Read the first `limit` questions of a TruthfulQA.csv as updated in 2025, all where it is None.

    Raises UdasaError where the file has no column "Best Incorrect Answer", and as `choice_questions` does.
    """
    if file.suffix != ".csv":
        raise UdasaError(f'{file}: "{_BEST_INCORRECT}" is a column of TruthfulQA.csv: name that file')
    return _questions(file, limit, _from_best)


def file_in(path: Path, patterns: Sequence[str]) -> Path:
    """Return the file that a path is, or the first in the folder that fits a pattern, in the patterns' order.

    Raises UdasaError where there is none, and where it is one part of several: the first alone would be fewer
    questions in silence.
    """
    if path.is_file():
        return path
    found = [file for pattern in patterns for file in sorted(path.glob(pattern))]
    if not found:
        raise UdasaError(
            f"{path} holds no {' and no '.join(patterns)}: name a file with TruthfulQA's questions"
        )
    part = _PART.search(found[0].name)
    if part and int(part[1]) > 1:
        raise UdasaError(f"{found[0]} is one of {int(part[1])} parts: join them into one file, and name that")
    return found[0]


def _questions(file: Path, limit: int | None, made: Callable[[Row], AnyQuestion]) -> tuple[AnyQuestion, ...]:
    questions: list[AnyQuestion] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(islice(rows_of(file), limit), start=1):
        try:
            question = made(row)
            if question.id in seen:
                raise ValueError(f"it asks the same question as row {seen[question.id]}")
        except ValueError as error:
            raise UdasaError(f"{file}, row {number}: {error}") from error
        seen[question.id] = number
        questions.append(question)
    if not questions:
        raise UdasaError(f"{file} holds no question")
    return tuple(questions)


def rows_of(file: Path) -> Sequence[Row]:
    """Return the rows of a Parquet, JSON or CSV file. Raises UdasaError where it cannot be read."""
    readers = {".parquet": _parquet, ".json": _json, ".csv": _csv}
    if file.suffix not in readers:
        raise UdasaError(f"{file} is none of {', '.join(readers)}: name a file with TruthfulQA's questions")
    try:
        return readers[file.suffix](file)
    # What pyarrow and json raise over a damaged file is a ValueError; the csv module has its own.
    except (OSError, ValueError, csv.Error) as error:
        raise UdasaError(f"{file} cannot be read: {error}") from error


def _parquet(file: Path) -> Sequence[Row]:
    import pyarrow.parquet

    check_packed(file)
    rows: list[Row] = pyarrow.parquet.read_table(file).to_pylist()
    return rows


def _json(file: Path) -> Sequence[Row]:
    rows = parse_json(file.read_text(encoding="utf-8-sig"))
    if not isinstance(rows, list):
        raise ValueError("it is not a JSON list of questions")
    return rows


def _csv(file: Path) -> Sequence[Row]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened, strict=True))


def _from_targets(row: Row) -> ChoiceQuestion:
    if not isinstance(row, Mapping):
        raise ValueError("it is not a JSON object")
    question = _text(row, "question")
    return ChoiceQuestion(_id(question), question, _targets(row, "mc1_targets"), _targets(row, "mc2_targets"))


def _from_answers(row: Row) -> ChoiceQuestion:
    question = _text(row, "Question")
    best, correct, incorrect = (
        _answers(row, name) for name in ("Best Answer", "Correct Answers", "Incorrect Answers")
    )
    if len(best) != 1:
        raise ValueError(f'"Best Answer" holds {len(best)} answers')
    refuse_both(question, [*best, *correct], incorrect)
    return ChoiceQuestion(_id(question), question, _against(best, incorrect), _against(correct, incorrect))


def _from_best(row: Row) -> BinaryQuestion:
    if _BEST_INCORRECT not in row:
        raise ValueError(
            f'there is no column "{_BEST_INCORRECT}", so the file is older than 2025: use the '
            "TruthfulQA.csv that the authors updated in January 2025"
        )
    question = _text(row, "Question")
    best, best_incorrect = _text(row, "Best Answer").strip(), _text(row, _BEST_INCORRECT).strip()
    if _same(best) == _same(best_incorrect):
        raise ValueError("the best answer is the best incorrect one")
    return BinaryQuestion(_id(question), question, best, best_incorrect)


def _id(question: str) -> str:
    """One question's id whatever file it stands in."""
    return content_key(question.strip())


def _text(row: Row, name: str) -> str:
    text = row.get(name)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f'"{name}" is {"missing" if text is None else "not text"}')
    return text


def _targets(row: Row, name: str) -> Targets:
    """Read {"choices": […], "labels": […]}, as the hub has it, or {choice: label}, as mc_task.json has it."""
    plain = row.get(name)
    if not isinstance(plain, Mapping) or not plain:
        raise ValueError(f'"{name}" is missing' if plain is None else f'"{name}" is not a table of choices')
    if set(plain) == {"choices", "labels"} and isinstance(plain["choices"], list):
        choices, labels = plain["choices"], plain["labels"]
    else:
        choices, labels = list(plain), list(plain.values())
    if not all(isinstance(choice, str) and choice.strip() for choice in choices):
        raise ValueError(f"{name}: a choice is not text")
    if not isinstance(labels, list) or not all(label in (0, 1) for label in labels):
        raise ValueError(f"{name}: labels must be 0 or 1")
    try:
        return Targets(tuple(choices), tuple(map(bool, labels)))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _answers(row: Row, name: str) -> list[str]:
    """Return the answers of a field that semicolons part, each closed by a full stop."""
    parts = [part.strip() for part in _text(row, name).split(";")]
    return [part if part.endswith(".") else f"{part}." for part in parts if part]


def refuse_both(question: str, true: Sequence[str], false: Sequence[str]) -> None:
    """Raise ValueError where an answer is among the correct and the incorrect ones.

    Two questions of the authors' own file have "Unknown" in both; there the incorrect one counts, as in their
    mc_task.json.
    """
    both = {_same(answer) for answer in true} & {_same(answer) for answer in false}
    if wrong := both - {""} - ({"unknown"} if question.strip() in _UNDECIDED else set()):
        told = next(answer.strip().rstrip(".") for answer in true if _same(answer) in wrong)
        raise ValueError(f"{told!r} is listed both as correct and as incorrect")


def _same(answer: str) -> str:
    """Return what two spellings of one answer have in common: no case, no full stop, no way to write é."""
    return unicodedata.normalize("NFC", answer).strip().rstrip(".").rstrip().casefold()


def _against(true: Sequence[str], false: Sequence[str]) -> Targets:
    labels = dict.fromkeys(true, True) | dict.fromkeys(false, False)
    return Targets(tuple(labels), tuple(labels.values()))
