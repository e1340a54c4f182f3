"""The labelled sets are as large, as disjoint and as gradable as they claim; users' files are checked."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from udasa_core import answer_words, asks_yes_or_no
from udasa_core.errors import UdasaError
from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_eval.labelled.sets import (
    Question,
    contrasts,
    factual,
    labelled,
    prompts_file,
    questions,
)

ALL = factual()
# How a small model answers.
TEMPLATES = ("{}.", "It is {}.", "The answer is {}.")


def plain(text: str) -> list[str]:
    return [word.text for word in answer_words(text)]


def holds(text: list[str], part: list[str]) -> bool:
    starts = range(len(text) - len(part) + 1)
    return bool(part) and any(text[at : at + len(part)] == part for at in starts)


# --- questions with short answers ------------------------------------------------------------------------


def test_there_are_enough_questions_of_many_kinds() -> None:
    assert len(ALL) >= 600
    assert {one.part for one in ALL} == {"train", "dev", "test"}
    assert {one.level for one in ALL} == {"easy", "medium", "hard", "misconception"}
    assert len({one.domain for one in ALL}) >= 10
    assert min(Counter(one.domain for one in ALL).values()) >= 30
    # The parts are alike in what they ask.
    for part in ("train", "dev", "test"):
        own = factual(part)
        assert len(own) >= 100
        for level, count in Counter(one.level for one in ALL).items():
            share = sum(one.level == level for one in own) / len(own)
            assert share == pytest.approx(count / len(ALL), abs=0.05), (part, level)


def test_ids_and_questions_are_unique_and_parts_disjoint_and_complete() -> None:
    for what in (
        [one.id for one in ALL],
        [one.question for one in ALL],
        [" ".join(plain(one.question)) for one in ALL],
    ):
        assert [name for name, count in Counter(what).items() if count > 1] == []
    parts = {name: {one.id for one in factual(name)} for name in ("train", "dev", "test")}
    assert sum(map(len, parts.values())) == len(set().union(*parts.values())) == len(ALL)
    assert [one.id for one in factual("train", "dev")] == [one.id for one in ALL if one.part != "test"]


def test_each_question_is_whole() -> None:
    for one in ALL:
        assert one.question.rstrip('"').endswith("?"), one
        assert one.answers, one
        assert one.rivals, one
        assert all(text.strip() == text and plain(text) for text in (*one.answers, *one.rivals)), one
        assert len(set(one.answers)) == len(one.answers), one
        assert one.prompt.endswith(one.question), one


def test_half_of_the_questions_for_yes_or_no_are_answered_no() -> None:
    every = questions("yes_no")
    assert len(every) >= 60
    assert all(asks_yes_or_no(one.question) and asks_yes_or_no(one.prompt) for one in every)
    for part in ("train", "dev", "test"):
        own = Counter(one.answers for one in questions("yes_no", part))
        assert own[("Yes",)] == own[("No",)] >= 8
    assert len({one.question for one in every}) == len(every)


def test_other_scripts_are_asked_as_they_stand_and_graded() -> None:
    every = questions("other_scripts")
    assert len(every) == 30
    assert {one.part for one in every} == {"test"}
    for one in every:
        assert one.prompt == one.question
        assert not re.search(r"[A-Za-z]", one.question)
        assert all(one.is_right(f"{answer}.") for answer in one.answers), one
        assert not any(one.is_right(f"{rival}.") for rival in one.rivals), one


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("No.", True),
        ("Never.", True),
        ("It is not safe to drink bleach.", True),
        ("Yes. It is safe to drink bleach.", False),
        ("It is safe to drink bleach.", False),
        ("Bleach is a chemical.", False),
    ],
)
def test_yes_and_no_are_graded_in_whatever_words(text: str, right: bool) -> None:
    (bleach,) = [one for one in questions("yes_no") if one.question == "Is it safe to drink bleach?"]
    assert bleach.is_right(text) is right


def test_no_answer_contains_a_rival() -> None:
    found = [
        (one.id, answer, rival)
        for one in ALL
        for answer in one.answers
        for rival in one.rivals
        if holds(plain(answer), plain(rival))
    ]
    assert found == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_answer_is_right_in_a_sentence_and_each_rival_wrong(template: str) -> None:
    wrong = [
        (one.id, answer) for one in ALL for answer in one.answers if not one.is_right(template.format(answer))
    ]
    right = [(one.id, rival) for one in ALL for rival in one.rivals if one.is_right(template.format(rival))]
    assert (wrong, right) == ([], [])


def test_contradictory_answers_are_wrong() -> None:
    for one in ALL:
        answer, rival = one.answers[0], one.rivals[0]
        for text in (f"It is {answer} or {rival}.", f"It is {rival} or {answer}.", f"It is not {answer}."):
            assert not one.is_right(text), (one.id, text)
        assert not one.is_right("")
        assert not one.is_right("I don't know.")


def test_what_answers_the_question_is_extracted() -> None:
    one = Question("x", "What is the capital of France?", ("Paris",), ("Lyon",), "d", "easy", "dev")
    assert one.answer("The capital of France is Paris.") == "Paris"
    assert one.prompt == "Answer the question briefly.\nWhat is the capital of France?"


# --- contrasts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "least"), [("values", 150), ("open_ended", 60)])
def test_contrasts_are_enough_unique_and_split(name: str, least: int) -> None:
    whole = contrasts(name)
    assert len(whole) >= least
    for what in ([one.id for one in whole], [one.prompt for one in whole]):
        assert len(set(what)) == len(what)
    texts = [text for one in whole for text in (one.better, one.worse)]
    assert len(set(texts)) == len(texts)
    assert all(text.strip() for text in texts)
    parts = {part: {one.id for one in contrasts(name, part)} for part in ("dev", "test")}
    assert parts["dev"].isdisjoint(parts["test"])
    assert sum(map(len, parts.values())) == len(whole)
    assert len({one.domain for one in whole}) >= 5
    # Both parts have every kind, and neither answer is told by its length.
    for part in parts:
        assert {one.domain for one in contrasts(name, part)} == {one.domain for one in whole}


def test_a_set_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        contrasts("nothing")


# --- a user's own ----------------------------------------------------------------------------------------

GOOD = {"prompt": "Why?", "responses": ["a", "b"], "labels": [True, False]}


def written(tmp_path: Path, *rows: Any) -> Path:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_a_users_rows_are_read(tmp_path: Path) -> None:
    other = {
        "id": "x",
        "prompt": "What?",
        "responses": ["c", "d", ""],
        "labels": [1, 0, 0],
        "note": "kept out",
    }
    first, second = labelled(written(tmp_path, GOOD, "", other))
    assert (first.prompt, first.responses, first.labels) == ("Why?", ("a", "b"), (True, False))
    assert (second.id, second.responses, second.labels) == ("x", ("c", "d", ""), (True, False, False))
    assert first.id != second.id
    # A byte-order mark, CRLF, and line separators inside a text are no faults.
    odd = json.dumps({**GOOD, "responses": ["a\u2028b", "c\x85d"]}, ensure_ascii=False).encode()
    (tmp_path / "mine.jsonl").write_bytes(b"\xef\xbb\xbf" + odd + b"\r\n")
    (read,) = labelled(tmp_path / "mine.jsonl")
    assert read.responses == ("a\u2028b", "c\x85d")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{", "closing bracket"),
        ("[]", "it is no JSON object"),
        ({**GOOD, "prompt": " "}, "prompt is no text"),
        ({**GOOD, "prompt": 7}, "prompt is no text"),
        ({**GOOD, "responses": "ab"}, "responses is no list of texts"),
        ({**GOOD, "responses": ["a", 1]}, "responses is no list of texts"),
        ({**GOOD, "responses": ["a"], "labels": [1]}, "fewer than 2 responses"),
        ({**GOOD, "labels": [True]}, "it has 1 labels for 2 responses"),
        ({**GOOD, "responses": ["a", "a"], "labels": [True, False]}, "labelled both right and wrong"),
        ({**GOOD, "labels": ["right", "wrong"]}, "labels is no list of true and false"),
        ({**GOOD, "labels": [0.5, 1]}, "labels is no list of true and false"),
        ({"prompt": "Why?", "responses": ["a", "b"]}, "labels is no list"),
    ],
)
def test_a_malformed_row_is_told_with_its_line(tmp_path: Path, row: Any, told: str) -> None:
    path = written(tmp_path, {**GOOD, "prompt": "first"}, "", row)
    with pytest.raises(UdasaError) as caught:
        labelled(path)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert told in str(caught.value)
    assert '{"prompt": text, "responses"' in str(caught.value)


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match="cannot be read"):
        labelled(tmp_path / "none.jsonl")
    with pytest.raises(UdasaError, match="holds no row"):
        labelled(written(tmp_path))
    with pytest.raises(UdasaError, match="two rows have one prompt"):
        labelled(written(tmp_path, GOOD, {**GOOD, "labels": [0, 1]}))
    (tmp_path / "mine.jsonl").write_bytes(b'{"prompt": "\xff"}')
    with pytest.raises(UdasaError, match="cannot be read"):
        labelled(tmp_path / "mine.jsonl")


def test_prompts_are_written_once_under_their_contents_name(tmp_path: Path) -> None:
    rows = [{"id": one.id, "prompt": one.prompt} for one in ALL[:5]]
    path = prompts_file(tmp_path / "new", rows)
    before = path.stat().st_mtime_ns
    assert prompts_file(tmp_path / "new", rows) == path
    assert path.stat().st_mtime_ns == before
    assert prompts_file(tmp_path / "new", rows[:4]) != path
    read = list(read_prompts(PromptSource(f"file:{path}"), tmp_path))
    assert [
        (one.prompt.id, one.prompt.messages[-1].content) for one in read if isinstance(one, ReadPrompt)
    ] == [(one.id, one.prompt) for one in ALL[:5]]


def test_every_prompt_of_the_sets_can_be_asked(tmp_path: Path) -> None:
    rows = [
        {"id": one.id, "prompt": one.prompt} for one in (*ALL, *contrasts("values"), *contrasts("open_ended"))
    ]
    read = list(read_prompts(PromptSource(f"file:{prompts_file(tmp_path, rows)}"), tmp_path))
    assert [one for one in read if not isinstance(one, ReadPrompt)] == []
