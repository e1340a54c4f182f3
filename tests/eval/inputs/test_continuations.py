from __future__ import annotations

import pytest

from udasa_eval.inputs.continuations import joined, without_beginning


@pytest.mark.parametrize(
    ("text", "added"),
    [
        (" was great.", "was great."),
        ("This film was great.", "was great."),
        ('"This film was great."', "was great."),
        ("“This film was great.”", "was great."),
        ("This film", ""),
        ("This films are great", "This films are great"),
        ("this film was great", "this film was great"),
        ('He said "wow"', 'He said "wow"'),
    ],
)
def test_a_repeated_beginning_is_taken_off(text: str, added: str) -> None:
    assert without_beginning(text, "This film") == added


def test_a_space_joins_words_and_no_space_a_mark() -> None:
    assert joined("This film", "was") == " was"
    assert joined("This film", ", too") == ", too"
