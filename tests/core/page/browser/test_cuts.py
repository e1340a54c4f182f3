"""What is longer than its place says how long it is, and is shown whole when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.page.browser.conftest import Look
from udasa_core.page.html import write_page
from udasa_core.page.parts import Code, Folded, Page, Section
from udasa_core.report.table import Table

pytestmark = pytest.mark.browser


def test_long_tables_and_files_tell_their_length_and_short_ones_nothing(look: Look, tmp_path: Path) -> None:
    def table(title: str, count: int) -> Table:
        return Table(title, ("row", "value"), [(f"row {place}", place) for place in range(count)])

    parts = [
        table("Long", 60),
        table("Short", 4),
        table("Little more", 18),
        Code("File", "\n".join(f"line {place}" for place in range(70))),
        Folded("All numbers", [table("Behind", 50)]),
    ]
    path = tmp_path / "page.html"
    write_page(Page("a", "b", [Section("one", "One", parts)]), path)
    page = look(path=path)
    page.wait_for_selector(".more")
    told = page.locator(".more:visible").all_inner_texts()
    assert [text.split(":")[0] for text in told] == ["60 rows", "70 lines"]
    little = page.locator("figure", has_text="Little more").locator(".wide")
    assert little.evaluate("box => box.scrollHeight - box.clientHeight") <= 2
    assert little.bounding_box()["height"] > 36 * 16
    table_of = page.locator("figure", has_text="Long").locator(".wide")
    cut = table_of.bounding_box()["height"]
    page.get_by_role("button", name="Show all 60 rows: Long").click()
    assert table_of.bounding_box()["height"] > 2 * cut
    assert page.locator(".more:visible").count() == 1
    # So does what is folded, once it is opened.
    page.get_by_text("All numbers").click()
    page.get_by_role("button", name="Show all 50 rows: Behind").wait_for()
