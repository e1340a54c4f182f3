"""Texts from anywhere, as a terminal or a log may show them."""

from __future__ import annotations

import json
import re

# What a terminal acts on, or what hides and reorders other letters: control characters but tab and line end,
# separators of lines and paragraphs, marks of direction, invisible format characters and tags, halves of
# surrogate pairs. Joiners stay, which some scripts are written with.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)

# Characters of a value that a message repeats.
_LONGEST = 200


def printable(text: str) -> str:
    r"""Return a text with what a terminal would act on written out: "\x1b" for an escape.

    Line ends and tabs stay; a carriage return before a line end is left out.
    """
    return _ACTING.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


def printable_line(text: str) -> str:
    r"""Return a text as one line: `printable`, and line ends and tabs written out, too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def excerpt(value: object) -> str:
    """Return a value as Python writes it; where that is long, its beginning and its end."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write numbers of thousands of digits
        return f"a {type(value).__name__} that is too long to be shown"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 20]} … {text[-20:]}"


def printable_json(document: str) -> str:
    """Return a JSON document that says the same and holds nothing that a terminal would act on."""
    return _ACTING.sub(lambda found: json.dumps(found[0])[1:-1], document)
