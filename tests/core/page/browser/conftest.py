"""A real Chromium, pages on disk, and a look at them that nothing escapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import udasa_core
from tests.core.page.browser.chromium import chromium_path
from tests.core.page.browser.hostile import hostile_page, hostile_run
from udasa_core.page.html import write_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Look = Callable[..., "Page"]


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A finished run of hostile prompts; read it only."""
    return hostile_run(tmp_path_factory.mktemp("hostile"), tiny_model_dir)


@pytest.fixture(scope="session")
def hostile_file(hostile: udasa_core.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that run, with every part that a page may have."""
    path = tmp_path_factory.mktemp("page") / "hostile page.html"
    write_page(hostile_page(hostile), path)
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, without a window. A test that needs it fails where there is none."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    assert path, "no Chromium is installed: apt-get install chromium, or name one in UDASA_BROWSER"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(chromium: Browser, hostile_file: Path) -> Iterator[Look]:
    """Open a page at an address, in a browser of its own. Afterwards no page may have said anything on the
    console, asked anybody for anything, or run a planted script."""
    faults: list[str] = []
    contexts = []

    def open_page(hash: str = "", *, path: Path = hostile_file, init: str = "", **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options}
        context = chromium.new_context(**options)
        contexts.append(context)
        if init:
            context.add_init_script(init)
        page = context.new_page()
        address = path.as_uri()
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on(
            "request",
            lambda asked: asked.url.split("#")[0] == address or faults.append(f"request: {asked.url}"),
        )
        page.goto(f"{address}#{hash}" if hash else address)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            if page.evaluate("window.planted !== undefined"):
                faults.append("a planted script ran")
        context.close()
    assert faults == []
