"""The graded set is as large, as mixed and as unlike the other sets as it claims; its test is not here."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from udasa_core import answer_words, asks_yes_or_no
from udasa_eval.labelled.sets import questions
from udasa_eval.suites.short_answers import ShortAnswers
from udasa_eval.tasks.registry import FAMILIES

ALL = questions("graded")
FACTS = [one for one in ALL if one.domain not in FAMILIES and one.domain != "yes_no"]
YES_NO = [one for one in ALL if one.domain == "yes_no"]
# What says little of what is asked.
COMMON = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "is",
        "are",
        "was",
        "were",
        "what",
        "which",
        "who",
        "how",
        "many",
        "much",
        "does",
        "do",
        "did",
        "in",
        "on",
        "to",
        "by",
        "for",
        "and",
        "or",
        "it",
        "its",
        "that",
        "this",
        "with",
        "from",
        "as",
        "at",
        "be",
        "we",
        "call",
        "called",
        "name",
        "has",
        "have",
        "can",
        "one",
        "word",
    ]
)


def content(text: str) -> frozenset[str]:
    return frozenset(word.text for word in answer_words(text)) - COMMON


def plain(text: str) -> str:
    return " ".join(word.text for word in answer_words(text))


def test_there_are_enough_of_each_kind_in_either_part() -> None:
    parts = Counter(one.part for one in ALL)
    assert parts == {"train": 550, "dev": 300}
    assert {one.level for one in ALL} == {"easy", "medium", "hard"}
    assert len(FACTS) >= 220
    assert len(YES_NO) >= 70
    assert {one.domain for one in ALL} >= set(FAMILIES)
    for part in parts:
        own = [one for one in ALL if one.part == part]
        assert {one.domain for one in own} >= set(FAMILIES)
        for level, count in Counter(one.level for one in ALL).items():
            share = sum(one.level == level for one in own) / len(own)
            assert share == pytest.approx(count / len(ALL), abs=0.05)
        assert Counter(one.answers for one in YES_NO if one.part == part)[("Yes",)] * 2 == sum(
            one.part == part for one in YES_NO
        )
    assert len({one.id for one in ALL}) == len({plain(one.question) for one in ALL}) == len(ALL)


def test_facts_are_not_those_of_the_other_sets_nor_of_one_another() -> None:
    others = [(content(one.question), {plain(text) for text in one.answers}, one)
              for one in (*questions("factual"), *questions("yes_no"))]  # fmt: skip
    found = []
    for one in (*FACTS, *YES_NO):
        words, answers = content(one.question), {plain(text) for text in one.answers}
        most = 0.8 if one.domain == "yes_no" else 0.5
        for theirs, said, other in others:
            if answers & said and len(words & theirs) > most * len(words | theirs):
                found.append((one.question, other.question))
        if one.domain != "yes_no":
            others.append((words, answers, one))
    assert found == []


@pytest.mark.slow
def test_all_forms_are_graded_right_in_sentences_and_all_rivals_wrong() -> None:
    missed, taken = [], []
    for one in ALL:
        for sentence in (
            ("{}.",) if asks_yes_or_no(one.question) else ("{}.", "It is {}.", "The answer is {}.")
        ):
            missed += [(one.id, text) for text in one.answers if not one.is_right(sentence.format(text))]
            taken += [(one.id, text) for text in one.rivals if one.is_right(sentence.format(text))]
    assert (missed, taken) == ([], [])


def test_each_is_graded_right_in_a_sentence_and_its_rivals_wrong() -> None:
    missed, taken = [], []
    for one in ALL:
        yes_or_no = one.domain in ("yes_no", "statements")
        assert asks_yes_or_no(one.question) is yes_or_no
        sentence = "{}." if yes_or_no else "The answer is {}."
        missed += [(one.id, text) for text in one.answers[:1] if not one.is_right(sentence.format(text))]
        taken += [(one.id, text) for text in one.rivals[:1] if one.is_right(sentence.format(text))]
        assert one.question.rstrip('"').endswith("?")
    assert (missed, taken) == ([], [])


def test_the_suite_asks_either_part_and_has_no_test_of_it() -> None:
    asked = ShortAnswers.Options(set="graded", part="train")
    assert (asked.set, asked.part) == ("graded", "train")
    with pytest.raises(ValidationError, match="its test is sealed"):
        ShortAnswers.Options(set="graded", part="test")
