"""The rating in a judge's text, by hand."""

from __future__ import annotations

import pytest

from udasa_core import rating


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Rating: [[7]]", 7.0),
        ("[[7.5]]", 7.5),
        ("[[7.]]", 7.0),
        ("[[1]]", 1.0),
        ("[[10]]", 10.0),
        ("[[10.0]]", 10.0),
        ("The answer is fine.\n\nRating: [[6]]\n", 6.0),
        ("Rating: [[3]], or rather [[9]]", None),
        ("The list [[a], [b]] is fine. Rating: [[4]]", 4.0),
        ("[[11]]", None),
        ("[[0]]", None),
        ("[[0.9]]", None),
        ("[[10.1]]", None),
        ("[[-3]]", None),
        ("[[11]] no, [[7]]", None),
        ("[[7]] for style, and [[7.0]] for depth", 7.0),
        ("[[7/10]], so [[7]]", None),
        ("See [[1]](https://example.org/1) and [[2]](#two). Rating: [[6]]", 6.0),
        ("[7]", None),
        ("Rating: 7", None),
        ("[[7/10]]", None),
        ("[[ 7 ]]", None),
        ("[[A]]", None),
        ("[[٧]]", None),
        ("[[" + "9" * 400 + "]]", None),
        ("", None),
    ],
)
def test_the_rating(text: str, value: float | None) -> None:
    assert rating(text) == value


@pytest.mark.parametrize(
    ("text", "agreed", "fastchat"),
    [
        ("Rating: [[7]]", 7.0, 7.0),
        ("<think>Rating: [[5]]</think> Rating: [[9]]", 9.0, 5.0),
        ('"Rating: [[10]]", it says. Rating: [[1]]', 1.0, 10.0),
        ("Rating: [[3]], or rather [[9]]", None, 3.0),
        ("Rating: [7]", None, 7.0),
        ("Rating: [[11]]", None, None),
        ("Rating: seven", None, None),
    ],
)
def test_fastchats_rule_has_a_name(text: str, agreed: float | None, fastchat: float | None) -> None:
    assert rating(text) == agreed
    assert rating(text, "fastchat") == fastchat
