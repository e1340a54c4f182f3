"""Words of any script: with their marks, whatever form they are written in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udasa_core import words

# Two words a script that differ in marks alone, or in nothing that may be dropped.
PAIRS = {
    "Hindi": ("माता", "मोती"),
    "Hindi, short": ("किताब", "कताब"),
    "Bengali": ("মা", "মি"),
    "Tamil": ("கா", "கி"),
    "Telugu": ("కా", "కి"),
    "Gujarati": ("કા", "કી"),
    "Sinhala": ("කා", "කි"),
    "pointed Hebrew": ("שָׁלוֹם", "שִׁלּוּם"),
    "vowelled Arabic": ("كَتَبَ", "كُتِبَ"),
    "Thai": ("กา", "กี"),
    "Lao": ("ກາ", "ກີ"),
    "Khmer": ("កា", "កិ"),
    "Burmese": ("ကာ", "ကိ"),
    "Tibetan": ("ཀི", "ཀུ"),
    "Vietnamese": ("ma", "má"),
    "Yoruba": ("ọkọ̀", "ọkọ́"),
    "French": ("péché", "pêche"),
    "Ethiopic": ("ሀ", "ሁ"),
    "Cyrillic": ("все", "всё"),
}


@pytest.mark.parametrize("script", PAIRS)
def test_words_that_differ_in_marks_are_two_words(script: str) -> None:
    one, other = PAIRS[script]
    assert words(one) != words(other)
    assert set(words(f"{one} {one}")) == set(words(one))


@pytest.mark.parametrize("script", sorted(PAIRS.keys() - {"Thai", "Lao", "Khmer", "Burmese"}))
def test_a_word_stays_one_word(script: str) -> None:
    one, other = PAIRS[script]
    assert len(words(f"{one}, {other}.")) == 2


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("script", PAIRS)
def test_the_form_in_which_it_is_written_does_not_matter(script: str, form: str) -> None:
    one, _ = PAIRS[script]
    assert words(unicodedata.normalize(form, one)) == words(one)  # type: ignore[arg-type]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_words_are_a_matter_of_the_text_and_not_of_its_form(text: str) -> None:
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))
    assert words(text.casefold()) == words(text)
    assert all(words(text))


@given(st.text(alphabet=st.characters(categories=("L", "M", "N")), min_size=1))
def test_no_letter_mark_or_digit_is_lost(text: str) -> None:
    whole = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    told = "".join(words(text))
    kept = [character for character in whole if unicodedata.category(character)[0] in "LN"]
    assert [character for character in told if unicodedata.category(character)[0] in "LN"] == kept


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It's 3.5 km, isn't it?", ["it", "s", "3", "5", "km", "isn", "t", "it"]),
        ("snake_case", ["snake", "case"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("iPhone手机15", ["iphone", "手", "机", "15"]),
        ("ΟΔΥΣΣΕΥΣ", ["οδυσσευσ"]),
        ("Οδυσσεύς", ["οδυσσεύσ"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("می\u200cخواهم", ["میخواهم"]),
        ("H₂O m²", ["h₂o", "m²"]),
        ("co\u00adoperate", ["cooperate"]),
        ("👍 👎", ["👍", "👎"]),
        ("", []),
        ("  ", []),
        ("!?", ["!", "?"]),
    ],
)
def test_hand_written_texts(text: str, told: list[str]) -> None:
    assert words(text) == told
