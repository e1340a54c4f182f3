"""Sentences: as people write them, and as models do."""

from __future__ import annotations

import pytest

from udasa_core import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", ["Hello"]),
        ("One. Two! Three? Four…", ["One.", "Two!", "Three?", "Four…"]),
        ("Wait... what?! Yes!", ["Wait...", "what?!", "Yes!"]),
        ("Line one\nline two\n\n\nline three.", ["Line one", "line two", "line three."]),
        # Abbreviations and initials end nothing.
        ("Dr. Smith met Mr. and Mrs. Fox. They ate.", ["Dr. Smith met Mr. and Mrs. Fox.", "They ate."]),
        ("J. R. R. Tolkien wrote it. In 1937.", ["J. R. R. Tolkien wrote it.", "In 1937."]),
        ("J.K. Rowling wrote it. Yes.", ["J.K. Rowling wrote it.", "Yes."]),
        ("It opens at 5 p.m. on Monday. Come.", ["It opens at 5 p.m. on Monday.", "Come."]),
        ("Mt. Everest is 8,849 m high. It grows.", ["Mt. Everest is 8,849 m high.", "It grows."]),
        (
            "Fruit (e.g. apples, i.e. Malus) is good. Eat.",
            ["Fruit (e.g. apples, i.e. Malus) is good.", "Eat."],
        ),
        ('"Dr. Who" is old. So am I.', ['"Dr. Who" is old.', "So am I."]),
        ("Washington, D.C. is a city. It is big.", ["Washington, D.C. is a city.", "It is big."]),
        ("Cats, dogs, etc. and so on. Done.", ["Cats, dogs, etc. and so on.", "Done."]),
        ("I can't. Because.", ["I can't.", "Because."]),
        # "no" counts before a number alone.
        ("It is no. 5. Next.", ["It is no. 5.", "Next."]),
        ("No. Bananas are berries.", ["No.", "Bananas are berries."]),
        ("They say no. We say yes.", ["They say no.", "We say yes."]),
        # Numbers.
        ("Pi is 3.14. It costs $5.50. Cheap!", ["Pi is 3.14.", "It costs $5.50.", "Cheap!"]),
        ("It has 8.\nSpiders do.", ["It has 8.", "Spiders do."]),
        ("In 1999. Then 100. Ten.", ["In 1999.", "Then 100.", "Ten."]),
        # Lists.
        ("1. Paris\n2. Lyon\n10. Nice", ["Paris", "Lyon", "Nice"]),
        ("1) Paris\n2) Lyon", ["Paris", "Lyon"]),
        ("- a\n* b.\n• c!\n  - d", ["a", "b.", "c!", "d"]),
        ("1. Paris is big. It is old. 2. Lyon is small.", ["Paris is big.", "It is old.", "Lyon is small."]),
        # What closes a sentence belongs to it.
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("(Paris.) It is big.", ["(Paris.)", "It is big."]),
        ("**Paris.** It is _big._ Yes.", ["**Paris.**", "It is _big._", "Yes."]),
        # Other scripts.
        ("שלום. מה שלומך? טוב!", ["שלום.", "מה שלומך?", "טוב!"]),
        ("مرحبا. كيف حالك؟ بخير", ["مرحبا.", "كيف حالك؟", "بخير"]),
        ("東京です。次の文です！", ["東京です。", "次の文です！"]),
        ("「東京です。」次の文。", ["「東京です。」", "次の文。"]),
        ("🙂 Hi! 🙂 You", ["🙂 Hi!", "🙂 You"]),
        # Nothing that tells anything.
        ("", []),
        ("   \n\t\n", []),
        ("🙂🙂", []),
        ("?!", []),
        ("... Paris", ["Paris"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
