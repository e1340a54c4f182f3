"""The page of several runs: what they are configured by, what they came to, and each one's verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from udasa_core.page import provenance, suites, verdict
from udasa_core.page.chart import Chart
from udasa_core.page.losses import harms
from udasa_core.page.parts import Page, Part, Section
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
            ("verdict", verdict.section(run, told, harms(run, told))),
            ("suites", suites.section(run, told, texts=False, items=False)),
            ("provenance", provenance.section(run, told)),
        ):
            if made is not None:
                # Charts have names of their own: those of two runs would meet.
                named = [
                    replace(part, name=f"run-{number}-{part.name}") if isinstance(part, Chart) else part
                    for part in made.parts
                ]
                sections.append(Section(f"{name}-{number}", f"{made.title} of {run.name}", named))
    return Page(f"udasa: {', '.join(run.name for run in runs)}", made_now(), sections)
