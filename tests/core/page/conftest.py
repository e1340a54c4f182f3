"""Pages, read as whoever opens them reads them: without the script."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from udasa_core.page.html import write_page
from udasa_core.page.parts import Page


class Written:
    """A page's file: its markup, its words, and its blocks of data."""

    def __init__(self, path: Path) -> None:
        self.markup = path.read_text("utf-8")

    @property
    def words(self) -> str:
        """What is read of it, in one line."""
        bare = re.sub(r"<(script|style)\b.*?</\1>", " ", self.markup, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", bare)).split())

    def block(self, name: str) -> Any:
        """Return a block's data."""
        found = re.search(rf'id="block-{re.escape(name)}">([^<]*)<', self.markup)
        assert found, name
        return json.loads(gzip.decompress(base64.b64decode(found[1])))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Page], Written]:
    def write(page: Page) -> Written:
        path = tmp_path / "page.html"
        write_page(page, path)
        return Written(path)

    return write
