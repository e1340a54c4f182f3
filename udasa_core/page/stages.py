"""The page's section "Stages and rounds"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core.page.funnel import funnel, funnel_chart
from udasa_core.page.harm import gate_marks, harm, mark_chart, move_marks
from udasa_core.page.parts import Part, Section
from udasa_core.page.stage_spreads import spread_charts
from udasa_core.page.training_curves import curve_charts
from udasa_core.report.gate_table import gate_table
from udasa_core.report.show import pairs_table
from udasa_core.report.training_table import other_metrics, training_table
from udasa_core.report.transition_table import rounds_table, transition_tables
from udasa_core.store.runs import Run


def section(run: Run, figures: Mapping[str, Any]) -> Section | None:
    """Return the section; None where the run has nothing of it yet. figures: what `figures(run)` gave."""
    parts = list(_parts(run, figures))
    return Section("stages", "Stages and rounds", parts) if parts else None


def _parts(run: Run, figures: Mapping[str, Any]) -> Iterator[Part]:
    gates = gate_marks(figures["gates"])
    moves = move_marks(run, figures["transitions"])
    yield from harm(gates, moves, figures["training"], suites=bool(figures["suites"]))
    steps = funnel(run, figures)
    if steps:
        yield funnel_chart(steps)
    if figures["pairs"]["stages"] or figures["pairs"]["refused"]:
        yield pairs_table(figures["pairs"])
    yield from spread_charts(run)
    if figures["training"]:
        yield training_table(figures["training"])
        yield from curve_charts(figures["training"])
        yield from other_metrics(figures["training"])
    if moves:
        yield mark_chart("transitions", "What each stage did: better, worse, or no evidence", moves)
    yield from transition_tables(figures["transitions"])
    if gates:
        yield mark_chart("gates", "Verdicts of gates and the guard", gates)
        yield gate_table(figures["gates"])
    if figures["rounds"] or figures["ended"]:
        yield rounds_table(figures["rounds"], figures["ended"])
