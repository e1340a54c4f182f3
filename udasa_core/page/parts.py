"""What a page is made of: sections, and in them prose, cards, tables, charts and browsers.

Everything here is data; `html.py` writes it. Texts may come from anywhere: none is markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from udasa_core.page.blocks import Block
from udasa_core.page.chart import Chart
from udasa_core.report.table import Table

Tone: TypeAlias = Literal["", "good", "bad", "doubtful"]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph. tone: what it says of the run, where it says so."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A figure that is seen first: what it is of, the figure as people read it, and a line beneath."""

    label: str
    figure: str
    beneath: str = ""
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Cards:
    """Some cards side by side."""

    cards: Sequence[Card]


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it is typed, or as a file has it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Browser:
    """A part that the page's own script builds from blocks of data.

    kind: "pairs", "answers", "blind" or "items": which script. settings: what that one needs to know, as
    plain data: names of blocks among them. instead: what stands there where no script runs, as in print.
    """

    kind: Literal["pairs", "answers", "blind", "items"]
    settings: Mapping[str, str | int | bool]
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that was drawn elsewhere. kind: its media type."""

    title: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Words:
    """Words with their meanings, folded until somebody asks."""

    words: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Folded:
    """Tables that say in whole numbers what is told or drawn above, folded until somebody asks."""

    title: str
    tables: Sequence[Table]


Part: TypeAlias = Words | Folded | Prose | Cards | Code | Table | Chart | Picture | Browser


@dataclass(frozen=True, slots=True)
class Section:
    """One page of the file. name: letters and hyphens, the part of an address behind "#"."""

    name: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole file. about: a line beneath the title. blocks: the data that browsers open, read once, one
    after the other, as the file is written."""

    title: str
    about: str
    sections: Sequence[Section]
    blocks: Iterable[Block] = ()
