"""Answers in other scripts: marks tell words apart; the accents of Latin letters do not."""

from __future__ import annotations

import pytest

from udasa_eval.answers.words import normalised
from udasa_eval.measures.distinct import word_ngrams


@pytest.mark.parametrize(
    ("answer", "other"),
    [("माता", "मोती"), ("মা", "মি"), ("שָׁלוֹם", "שִׁלּוּם"), ("كَتَبَ", "كُتِبَ"), ("กา", "กี"), ("й", "и")],
)
def test_marks_tell_answers_apart(answer: str, other: str) -> None:
    assert normalised(answer) != normalised(other)
    assert word_ngrams(answer, 1) != word_ngrams(other, 1)


@pytest.mark.parametrize(
    ("answer", "other"),
    [("Brasília", "Brasilia"), ("H₂O", "H2O"), ("Ångström", "angstrom"), ("e\u0301", "e")],
)
def test_accents_of_latin_letters_fold(answer: str, other: str) -> None:
    assert normalised(answer) == normalised(other)


def test_an_unspaced_script_has_more_than_one_word_a_sentence() -> None:
    assert len(word_ngrams("สวัสดีครับ", 1)) > 3
    assert len(word_ngrams("今天天气很好", 2)) == 5
