"""Every section of a real run's page, whatever it holds: nothing on the console, nothing asked for, nothing
serious that axe finds, nothing wider than a telephone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.core.page.browser.conftest import Look
from udasa_core.page.html import write_page
from udasa_core.page.run_page import run_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(hostile: udasa_core.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sections") / "page.html"
    write_page(run_page(hostile), path)
    return path


def sections(path: Path) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', path.read_text())


def settled(page: Any, name: str) -> None:
    if page.locator(f"#{name} .browser").count():
        page.wait_for_selector(f"#{name} :is(.browse, .blind, .browser > .note)")
    page.wait_for_timeout(250)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_section(look: Look, path: Path, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    serious = []
    page = look(path=path, color_scheme=scheme, bypass_csp=True)
    for name in sections(path):
        page.evaluate("name => { location.hash = name }", name)
        settled(page, name)
        for one in Axe().run(page).response["violations"]:
            if one["impact"] in ("serious", "critical"):
                serious.append((name, one["id"], [node["html"][:200] for node in one["nodes"]][:3]))
    assert serious == []


def test_no_section_is_wider_than_a_telephone_and_none_has_markup_of_its_texts(
    look: Look, path: Path
) -> None:
    page = look(path=path, viewport={"width": 390, "height": 844})
    wide = []
    for name in sections(path):
        page.evaluate("name => { location.hash = name }", name)
        settled(page, name)
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            wide.append(name)
    assert wide == []
    assert (
        page.locator(
            "main :is(iframe, base, link, style, object, [onload], [onerror], [onmouseover])"
        ).count()
        == 0
    )
    assert page.locator("script:not([type])").count() == 1
    assert page.locator("img:not([src^='data:'])").count() == 0
