"""How numbers and sentences are written for people: the same in every table."""

from __future__ import annotations

import textwrap

WIDTH = 100
# What stands where a value is absent.
ABSENT = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` decimals; a dash where there is none, a true minus below zero."""
    if value is None or value != value:
        return ABSENT
    return f"{value:.{digits}f}".replace("-", "−")


def short(value: float) -> str:
    """Return a number in six digits that count; a whole one as it is, with its thousands set apart."""
    told = f"{int(value):,}" if float(value).is_integer() else f"{value:.6g}"
    return told.replace("-", "−")


def counted(count: int, what: str) -> str:
    """Return a number of things: "1 prompt", "1,204 prompts"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def share(value: float, digits: int = 0) -> str:
    """Return a share of 1 as a percentage."""
    return f"{100 * value:.{digits}f}%".replace("-", "−")


def clock(seconds: float) -> str:
    """Return a duration as people read it: 41 s, 3 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it; a dash where it is not known."""
    if seconds != seconds:
        return ABSENT
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def wrap(text: str, width: int = WIDTH) -> list[str]:
    """Break text at blanks; a path longer than `width` stays whole, so that it can be copied."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
