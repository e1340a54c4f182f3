"""Bytes that are no UTF-8: what they are instead, and how they are made so."""

from __future__ import annotations

from udasa_core.text.printable import printable_line

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SHOWN = 40


def encoding_fault(content: bytes, name: str) -> tuple[str, str]:
    """Return why the bytes of a file are no UTF-8 text and how they are made so; two empty texts where they
    are. content: its beginning, or all of it. name: the file's."""
    if (fault := utf_16_fault(content, name))[0]:
        return fault
    if b"\0" in content:
        return "is no text: it holds NUL bytes", "name a text file"
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        around = (
            content[: error.start + 1].rpartition(b"\n")[2] + content[error.start + 1 :].partition(b"\n")[0]
        )
        shown = printable_line(around.decode("latin-1").strip())[:_SHOWN]
        return (
            f"is not UTF-8 from line {line} on; as Latin-1 the line reads: {shown}",
            _remedy("LATIN1", name),
        )
    return "", ""


def utf_16_fault(content: bytes, name: str) -> tuple[str, str]:
    """Return as `encoding_fault` does why bytes are UTF-16, and how they are made UTF-8."""
    if content.startswith(_UTF_16) or _is_unmarked_utf_16(content):
        return "is UTF-16 text, and UTF-8 is read", _remedy("UTF-16", name)
    return "", ""


def _is_unmarked_utf_16(content: bytes) -> bool:
    """Say whether bytes without a mark are Latin letters in UTF-16: every other one is zero."""
    some = content[:64]
    return len(some) >= 4 and (
        (not any(some[1::2]) and all(some[::2])) or (not any(some[::2]) and all(some[1::2]))
    )


def _remedy(encoding: str, name: str) -> str:
    return f"save it as UTF-8 in your editor, or type: iconv -f {encoding} -t UTF-8 {name} > NEW"
