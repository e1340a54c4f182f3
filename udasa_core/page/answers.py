"""The page's section "Before and after", and its blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core.page.blocks import Block
from udasa_core.page.parts import Section
from udasa_core.store.runs import Run


def section(run: Run, figures: Mapping[str, Any], *, texts: bool) -> Section | None:
    """Return the section; None where the run has nothing of it. figures: what `figures(run)` gave."""
    return None


def blocks(run: Run, *, texts: bool) -> Iterator[Block]:
    """Yield the section's blocks."""
    yield from ()
