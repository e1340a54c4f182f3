"""The file itself: its policy, and texts that are no markup."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import pytest

from tests.core.page.conftest import Written
from udasa_core.page.blocks import Block
from udasa_core.page.chart import COLOURS, INK, Chart
from udasa_core.page.parts import Browser, Card, Cards, Code, Page, Part, Picture, Prose, Section
from udasa_core.report.table import Interval, Table

HOSTILE = (
    "</script><script>alert(1)</script><img src=http://x.example/a onerror=alert(2)>\u2028\u202e\x1b[31m&\"'"
)


class Elements(HTMLParser):
    """Every element, with the names of its attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))


def page(*parts: Part, title: str = "a page") -> Page:
    return Page(title, "about", [Section("first", "First", parts)], [Block("held", {"text": HOSTILE})])


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def draw(figure: object) -> None:
    axes = figure.add_subplot()  # type: ignore[attr-defined]
    axes.plot([0, 1], [0, 1], color=COLOURS[0])
    axes.set_title(HOSTILE.replace("\x1b", ""), color=INK)


def parts_of(text: str) -> list[Part]:
    return [
        Prose(text),
        Cards([Card(text, text, text)]),
        Code(text, text),
        Table(text, ("name", text), [(text, 1.0), ("b", Interval(0.1, 0.2))], [text]),
        Browser("pairs", {"block": text}, text),
        Picture(text, "image/png", b"\x89PNG"),
        Chart("drawn", Table(text, ("x", text), [(text, 1)]), draw, text),
    ]


def test_one_script_and_one_style_may_run_and_nothing_be_fetched(written: Callable[[Page], Written]) -> None:
    markup = written(page()).markup
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', markup)[1])  # type: ignore[index]
    allowed = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert allowed["default-src"] == "'none'"
    scripts = re.findall(r"<script>(.*?)</script>", markup, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", markup, re.DOTALL)
    assert allowed["script-src"] == f"'{digest(scripts[0])}'"
    assert allowed["style-src"] == f"'{digest(styles[0])}'"
    assert (len(scripts), len(styles)) == (1, 1)
    assert "unsafe" not in policy


@pytest.mark.parametrize("number", range(7))
def test_no_text_becomes_markup(number: int, written: Callable[[Page], Written]) -> None:
    told = written(page(parts_of(HOSTILE)[number], title=HOSTILE))
    plain = written(page(parts_of("harmless")[number], title="harmless"))
    # The same elements, whatever the texts say; where a name may be broken is the page's own.
    elements, others = (
        [one for one in Elements(one_page.markup).found if one != ("wbr",)] for one_page in (told, plain)
    )
    assert elements == others
    assert not [one for one in elements for name in one[1:] if name == "style" or name.startswith("on")]
    assert not re.search("[\x1b\u2028\u202e]", told.markup)


def test_what_hides_in_texts_is_written_out(written: Callable[[Page], Written]) -> None:
    told = written(page(Prose(HOSTILE)))
    assert r"\u202e" in told.words
    assert told.block("held")["text"].endswith("\\u2028\\u202e\\x1b[31m&\"'")
    assert "<script>alert(1)</script>" in told.words


def test_a_table_has_its_cells_its_notes_and_its_csv(written: Callable[[Page], Written]) -> None:
    table = Table("Figures", ("name", "value"), [("a", 0.25), ("b", None)], ["WARNING: so it is.", "A note."])
    told = written(page(table))
    assert "Figures name value a 0.250 b – WARNING: so it is. A note." in told.words
    assert told.block("csv-first-1") == table.csv()
    assert '<p class="bad">WARNING' in told.markup


def test_a_chart_is_the_same_for_the_same_data() -> None:
    chart = Chart("one", Table("t", ("x",), [(1,)]), draw, "a line that rises")
    assert chart.svg() == chart.svg()
    assert "stroke-c1" in chart.svg()
    assert 'aria-label="a line that rises"' in chart.svg()
    assert not re.search(r"(href|src)=\"(?!#)", chart.svg())
    assert "\u202e" not in chart.svg()


def test_two_charts_share_no_identifier() -> None:
    charts = [Chart(name, Table("t", ("x",), [(1,)]), draw, "") for name in ("one", "two")]
    marks = [set(re.findall(r' id="([^"]*)"', chart.svg())) for chart in charts]
    assert marks[0]
    assert not marks[0] & marks[1]
    for chart, own in zip(charts, marks, strict=True):
        assert set(re.findall(r"(?:url\(|href=\")#([^)\"]*)", chart.svg())) <= own


def test_numbers_in_blocks_have_four_decimals_and_nan_is_none() -> None:
    read = Block("b", {"a": [0.123456, float("nan"), 3, True, None]})
    assert read.text() == Block("b", {"a": (0.1235, None, 3, True, None)}).text()
