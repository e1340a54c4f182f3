"""Grading by hand: what a weak model says, sorted into right and wrong by a human (graded.jsonl)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from udasa_eval.answers.grading import grade

QUESTIONS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "graded.jsonl").read_text(encoding="utf-8").splitlines()
]


def said(verdict: str) -> list[tuple[str, str, list[str], list[str]]]:
    return [
        (text, one["question"], one["answers"], one["rivals"]) for one in QUESTIONS for text in one[verdict]
    ]


@pytest.mark.parametrize(("text", "question", "answers", "rivals"), said("right"))
def test_right(text: str, question: str, answers: list[str], rivals: list[str]) -> None:
    assert grade(text, question, answers, rivals)


@pytest.mark.parametrize(("text", "question", "answers", "rivals"), said("wrong"))
def test_wrong(text: str, question: str, answers: list[str], rivals: list[str]) -> None:
    assert not grade(text, question, answers, rivals)


@pytest.mark.parametrize(
    "text", ["", "   ", "...", "🙂", "السلام عليكم", "Pa", "x" * 10_000, "Paris " * 1_500 + "or Lyon"]
)
def test_any_text_is_graded(text: str) -> None:
    assert not grade(text, "What is the capital of France?", ["Paris"], ["Lyon"])


def test_a_question_without_an_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="no accepted answer"):
        grade("Paris", "What is the capital of France?", ["…"])


def test_the_word_whose_plural_is_asked_is_not_its_plural() -> None:
    question = 'What is the plural of "wish"?'
    assert grade("The plural of wish is wishes.", question, ["wishes"], ["wish"])
    assert not grade("The plural of wish is wish.", question, ["wishes"], ["wish"])
    assert not grade("It is wish.", question, ["wishes"], ["wish"])


def test_plurals_do_not_hide_a_rival() -> None:
    question = 'What is the plural of "mouse"?'
    assert grade("It is mice.", question, ["mice"], ["mices"])
    assert not grade("It is mices.", question, ["mice"], ["mices"])
    assert not grade("It is mice. Actually, it is mices.", question, ["mice"], ["mices"])
