"""The page of several runs: what they are configured by, what they came to, and each one's verdict."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from udasa_core.page import provenance, suites, verdict
from udasa_core.page.chart import Chart
from udasa_core.page.parts import Browser, Page, Part, Section
from udasa_core.page.places import places_of, told_of, without
from udasa_core.page.run_page import made_now
from udasa_core.page.side_by_side import side_by_side
from udasa_core.report.run_list import comparison
from udasa_core.store.runs import Run


def comparison_page(runs: Sequence[Run]) -> Page:
    """Return the page of two or more runs. Raises StoreError where what one of them made is damaged."""
    parts: list[Part] = list(side_by_side(runs))
    for one, other in pairwise(runs):
        parts += (without(table, places_of(one)) for table in comparison(one, other))
    sections = [Section("comparison", "Comparison", parts)]
    for number, run in enumerate(runs, 1):
        told = told_of(run)
        for name, made in (
            ("verdict", verdict.section(run, told)),
            ("suites", suites.section(run, told, texts=False)),
            ("provenance", provenance.section(run, told)),
        ):
            if made is not None:
                # Charts and browsers have names of their own: those of two runs would meet.
                plain = [part for part in made.parts if not isinstance(part, Chart | Browser)]
                sections.append(Section(f"{name}-{number}", f"{made.title} of {run.name}", plain))
    return Page(f"udasa: {', '.join(run.name for run in runs)}", made_now(), sections)
