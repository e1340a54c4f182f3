"""The page's section "Verdict"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from udasa_core.page.parts import Section
from udasa_core.store.runs import Run


def section(run: Run, figures: Mapping[str, Any]) -> Section | None:
    """Return the section; None where the run has nothing of it yet. figures: what `figures(run)` gave."""
    return None
