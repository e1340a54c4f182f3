"""Every made task's answer is the right one, each form of it is graded right, and what is wrong wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.eval.tasks import oracles
from udasa_core import answer_words
from udasa_core.errors import UdasaError
from udasa_eval.answers.grading import grade
from udasa_eval.tasks.registry import FAMILIES
from udasa_eval.tasks.rows import draw, rows
from udasa_eval.tasks.task import LEVELS, Level, spelled

# How a small model answers right.
SENTENCES = (
    "{}.",
    "The answer is {}.",
    "It is {}.",
    "The correct answer is: {}",
    "**{}**",
    "That is {}, of course.",
)
# What is said of some families alone.
THEIRS = {
    "arithmetic": ("Anna has {} left.", "So there are {} in all."),
    "clock": ("The film ends at {}.", "It will be {} then.", "At {}."),
    "counting": ("There are {} of them in this list.",),
    "money": ("They cost {} dollars together.",),
    "sequences": ("The next number in the sequence is {}.",),
    "spelling": ('The answer is "{}".',),
    "units": ("There are {} of them.",),
    "weekdays": ("In that many days it will be {}.",),
}
every_family = pytest.mark.parametrize("family", FAMILIES)


@every_family
@pytest.mark.parametrize("level", LEVELS)
def test_the_answer_is_the_one_that_another_way_finds(family: str, level: Level) -> None:
    for seed in range(4):
        for task in draw(seed, family, level, 15):
            assert getattr(oracles, family)(task.question) in task.answers, task


@every_family
@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_accepted_forms_are_graded_right_and_rivals_wrong(family: str, count: int) -> None:
    missed, taken = [], []
    for level in LEVELS:
        for task in draw(5, family, level, count):
            said = ("{}.", "{}", "**{}**") if family == "statements" else SENTENCES
            for sentence in (*said, *THEIRS.get(family, ())):
                for told in task.answers:
                    if not grade(sentence.format(told), task.question, task.answers, task.rivals):
                        missed.append((task.question, sentence.format(told)))
                for told in task.rivals:
                    if grade(sentence.format(told), task.question, task.answers, task.rivals):
                        taken.append((task.question, sentence.format(told)))
            assert not grade("I don't know.", task.question, task.answers, task.rivals)
            assert not grade(task.question, task.question, task.answers, task.rivals)
    assert (missed, taken) == ([], [])


@every_family
def test_tasks_are_whole_and_unlike_one_another(family: str) -> None:
    for level in LEVELS:
        tasks = draw(6, family, level, 15)
        assert len({task.question for task in tasks}) == len({task.gist for task in tasks}) == 15
        for task in tasks:
            assert task.question.endswith("?")
            assert task.answers
            assert task.rivals
            assert not set(task.answers) & set(task.rivals), task
            assert len(set(task.answers)) == len(task.answers)


@pytest.mark.parametrize("family", ["arithmetic", "clock", "dates", "money", "sequences", "units"])
def test_no_answer_stands_in_its_question(family: str) -> None:
    for level in LEVELS:
        for task in draw(8, family, level, 15):
            asked = {word.text for word in answer_words(task.question) if word.number}
            told = {word.text for word in answer_words(task.answers[0]) if word.number}
            assert not told or told - asked, task


def test_the_same_seed_gives_the_same_rows() -> None:
    first, again, other = (list(rows(seed, 3)) for seed in (11, 11, 12))
    assert first == again
    assert [row["id"] for row in other] == [row["id"] for row in first]
    assert [row["question"] for row in other] != [row["question"] for row in first]
    assert Counter(row["domain"] for row in first) == dict.fromkeys(FAMILIES, 9)
    assert set(first[0]) == {"id", "question", "answers", "rivals", "domain", "level", "part"}


def test_what_is_known_is_not_drawn_again_and_a_family_that_is_spent_says_so() -> None:
    known = {task.gist for task in draw(1, "alphabet", "easy", 20)}
    assert not known & {task.gist for task in draw(2, "alphabet", "easy", 20, known)}
    with pytest.raises(UdasaError, match="'alphabet' has no more than"):
        draw(1, "alphabet", "easy", 1000)


def test_the_command_writes_rows_as_the_labelled_sets_have_them() -> None:
    command = [sys.executable, "-m", "udasa_eval.tasks", "--seed", "11", "--each", "2", "--family", "clock"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONHASHSEED": "5"},
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == list(rows(11, 2, ["clock"]))


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "zero"), (13, "thirteen"), (40, "forty"), (42, "forty-two"), (100, "one hundred"),
     (205, "two hundred and five"), (1000, "one thousand"), (1050, "one thousand and fifty"),
     (12300, "twelve thousand three hundred")],
)  # fmt: skip
def test_numbers_are_spelled(number: int, words: str) -> None:
    assert spelled(number) == words
