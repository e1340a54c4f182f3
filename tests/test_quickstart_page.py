"""The page of the quickstart in docs/ is as pages are made now: `make page` makes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from udasa_core.page.html import write_page
from udasa_core.page.parts import Page

MADE = Path(__file__).parent.parent / "docs" / "quickstart.html"


def parts(text: str) -> dict[str, str]:
    """Return what a page has in common with every other one: its style, its script, and their digests."""
    patterns = {"policy": r'(?<=-Policy" content=").*?(?=">)', "style": r"(?<=<style>).*?(?=</style>)"}
    patterns["script"] = r"(?<=<script>).*?(?=</script>)"
    found = {name: re.search(pattern, text, re.DOTALL) for name, pattern in patterns.items()}
    return {name: match[0] for name, match in found.items() if match is not None}


def test_its_style_and_script_are_those_of_today(tmp_path: Path) -> None:
    write_page(Page("any", "", ()), tmp_path / "any.html")
    today, made = (parts(path.read_text(encoding="utf-8")) for path in (tmp_path / "any.html", MADE))
    assert set(today) == {"policy", "style", "script"}
    older = [name for name in today if made.get(name) != today[name]]
    assert not older, "docs/quickstart.html is older than the page's assets: type `make page`, and look at it"
