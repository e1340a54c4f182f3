"""The page's section "Stages and rounds"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from udasa_core.page.directions import is_told
from udasa_core.page.funnel import funnel, funnel_chart
from udasa_core.page.harm import harm_table, no_harm_told
from udasa_core.page.losses import Harm
from udasa_core.page.marks import gate_marks, mark_chart, move_marks
from udasa_core.page.parts import Folded, Part, Section
from udasa_core.page.stage_spreads import spread_charts
from udasa_core.page.training_curves import curve_charts
from udasa_core.report.gate_table import gate_table
from udasa_core.report.show import pairs_table
from udasa_core.report.table import Table
from udasa_core.report.training_table import other_metrics, training_table
from udasa_core.report.transition_table import rounds_table, transition_tables
from udasa_core.report.written import ABSENT
from udasa_core.store.runs import Run


def section(run: Run, figures: Mapping[str, Any], lost: Sequence[Harm]) -> Section | None:
    """Return the section; None where the run has nothing of it yet. figures: what `figures(run)` gave. lost:
    what `harms` did."""
    parts = list(_parts(run, figures, lost))
    return Section("stages", "Stages and rounds", parts) if parts else None


def _parts(run: Run, figures: Mapping[str, Any], lost: Sequence[Harm]) -> Iterator[Part]:
    gates = gate_marks(figures["gates"])
    moves = move_marks(run, figures["transitions"])
    if lost:
        yield harm_table(run, lost)
    else:
        yield from no_harm_told(figures, is_watched=bool(gates or moves), is_measured=bool(moves))
    if figures["rounds"] or figures["ended"]:
        yield rounds_table(_telling(figures["rounds"]), figures["ended"])
    if moves:
        yield mark_chart(
            "transitions",
            "What each stage did: better, worse, or no evidence",
            moves,
            "Beside the stage before. Of U and length nobody can say which end is better: they are changed.",
        )
    if gates:
        yield mark_chart(
            "gates",
            "Verdicts of gates and the guard",
            gates,
            "The guard, and gates with (base), look to the base: one may trip after a stage that itself made "
            "the figure better.",
        )
        yield _watched(figures["gates"])
    matrices = list(transition_tables(_telling(figures["transitions"])))
    if matrices:
        yield Folded("All numbers of what each stage did", matrices)
    steps = funnel(run, figures)
    if steps:
        yield funnel_chart(steps)
    if figures["pairs"]["stages"] or figures["pairs"]["refused"]:
        yield pairs_table(figures["pairs"])
    yield from spread_charts(run)
    if figures["training"]:
        yield training_table(figures["training"])
        yield from curve_charts(figures["training"])
        others = [_without_constants(table) for table in other_metrics(figures["training"])]
        if others:
            yield Folded("Further figures of the trainers", others)


def _telling(transitions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the transitions without moves that say nothing of their own."""
    return [
        {**one, "moves": [move for move in one["moves"] if not is_told(move, one["moves"])]}
        for one in transitions
    ]


def _watched(decisions: Sequence[Mapping[str, Any]]) -> Table:
    """Return what was decided, what tripped first; the warning of it is the section's first table."""
    order = sorted(decisions, key=lambda one: one["verdict"] != "tripped")
    table = gate_table(order)
    notes = [note for note in table.notes if not note.startswith("WARNING")]
    tripped = sum(one["verdict"] == "tripped" for one in decisions)
    if 0 < tripped < len(decisions):
        notes.insert(0, f"The {tripped} that tripped stand first; the others follow in the order of stages.")
    return replace(table, notes=notes)


def _without_constants(table: Table) -> Table:
    """Return a table of figures by stage, those that are the same in every stage as a note."""
    if len(table.columns) <= 2:
        return table
    varies = [row for row in table.rows if len(set(row[1:])) > 1]
    written = zip(table.rows, table.written(), strict=True)
    same = [f"{cells[0]} {cells[1]}" for row, cells in written if row not in varies and cells[1] != ABSENT]
    notes = [*table.notes, f"The same in every stage: {', '.join(same)}."] if same else table.notes
    return replace(table, rows=varies, notes=notes)
