"""JSON objects of a file, one at a time, where they are no lines: a list of them, or one after the other."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO

from udasa_core.files.json_text import why_not_json

# Small: what is left of a part is copied with each object.
_CHUNK = 1 << 13
_BETWEEN = " \t\r\n,"
_DECODER = json.JSONDecoder()


def json_texts(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | str]]:
    """Yield each object as (line that it begins on, from 1; its bytes); a str says why there is none, and is
    the last.

    longest: characters of an object that are held. Bytes that are no UTF-8 are left in it as they are.
    """
    decode = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape").decode
    text, line, is_list, is_over = "", 1, False, False

    def more() -> None:
        nonlocal text, is_over
        part = file.read(max(_CHUNK, len(text)))
        is_over = not part
        text += decode(part, final=is_over)

    more()
    bare = text.lstrip(_BETWEEN)
    if bare.startswith("["):
        line += text.count("\n", 0, len(text) - len(bare))
        text, is_list = bare[1:], True
    while True:
        bare = text.lstrip(_BETWEEN)
        line += text.count("\n", 0, len(text) - len(bare))
        text = bare
        if not text and not is_over:
            more()
        elif not text:
            if is_list:
                yield line, "is the end of the file, and the list is not closed"
            return
        elif is_list and text[0] == "]":
            return
        else:
            end, fault = _end(text)
            if (fault or end == len(text)) and not is_over and len(text) <= longest:
                more()
            elif fault:
                yield line, fault
                return
            else:
                yield line, text[:end].encode(errors="surrogateescape")
                line += text.count("\n", 0, end)
                text = text[end:]


def _end(text: str) -> tuple[int, str]:
    """Return where the JSON value at the beginning of a text ends, or why there is none."""
    try:
        return _DECODER.raw_decode(text)[1], ""
    except json.JSONDecodeError as error:
        return 0, f"is not JSON: {why_not_json(error)}"
    except RecursionError:
        return 0, "is not JSON that can be read: it nests too deep to be read"
