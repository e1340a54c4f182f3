"""What a terminal would act on, written out."""

from __future__ import annotations

import json
import unicodedata

import pytest

from udasa_core.text.printable import printable, printable_json, printable_line

ACTING = [
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\x08\x08",
    "\r",
    "\x00",
    "\x7f",
    "\x85",
    "\u202e",
    "\u2066",
    "\u2028",
    "\u200b",
    "\ufeff",
    "\U000e0041",
    "\udc80",
]


@pytest.mark.parametrize("acting", ACTING, ids=ascii)
def test_what_a_terminal_acts_on_is_written_out(acting: str) -> None:
    told = printable(f"a{acting}b")
    assert told.startswith("a\\")
    assert told.endswith("b")
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in told)
    assert printable(told) == told
    assert json.loads(printable_json(json.dumps(f"a{acting}b", ensure_ascii=False))) == f"a{acting}b"
    assert printable(printable_json(json.dumps(acting, ensure_ascii=False))) in (
        printable_json(json.dumps(acting, ensure_ascii=False)),
    )


@pytest.mark.parametrize(
    "text",
    ["Grüße, 你好, مرحبا, हिन्दी", "a\u00a0b", "می\u200cخواهم", "👩\u200d💻", "two\nlines\tand a tab", ""],
)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


def test_lines_end_as_here() -> None:
    assert printable("a\r\nb\rc") == "a\nb\\rc"
    assert printable_line("a\r\nb\tc") == "a\\nb\\tc"
