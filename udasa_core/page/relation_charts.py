"""Tables and charts of what scores go with: one another, length, being cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from udasa_core.page.chart import Chart
from udasa_core.page.drawing import WIDTH, Estimate, height, intervals, matrix
from udasa_core.page.scored import Scored
from udasa_core.report.table import Cell, Interval, Table, TableColumn
from udasa_core.report.written import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def correlation_chart(found: Scored, in_round: str) -> Chart:
    """Return how alike U and the dimensions rank the responses to one prompt."""
    notes = [
        "Spearman's ρ of the responses to one prompt, mean over the prompts: 1 the same order, −1 the "
        "opposite one, 0 none. Near 1, two dimensions say the same. U is made of the dimensions."
    ]
    title = f"How alike U and dimensions rank the responses to a prompt{in_round}"
    table = Table(title, ("one", "other", "ρ", "prompts"), _couples(found), notes)

    def draw(figure: Figure) -> None:
        matrix(figure.subplots(), found.names, found.spearman)

    says = "; ".join(f"{one} and {other}: {number(rho, 2)}" for one, other, rho, _ in _couples(found))
    side = (0.4 if len(found.names) < 8 else 0.3) * len(found.names)
    return Chart("correlations", table, draw, f"A matrix of rank correlations. {says}.", (WIDTH, 0.7 + side))


def _couples(found: Scored) -> list[tuple[str, str, float | None, int]]:
    names = found.names
    return [
        (
            one,
            names[place],
            float(found.spearman[at, place]) if found.defined[at, place] else None,
            int(found.defined[at, place]),
        )
        for at, one in enumerate(names)
        for place in range(at + 1, len(names))
    ]


def relation_table(found: Scored, in_round: str = "") -> Table:
    """Return what goes with length and with being cut off."""
    rows: list[tuple[Cell, ...]] = []
    for length, cut in zip(found.length, found.cut_off, strict=True):
        cells: list[Cell] = [length.estimate.label]
        for one in (length, cut):
            cells += [one.estimate.value, _interval(one.estimate), one.n]
        rows.append(tuple(cells))
    columns = (
        *("", TableColumn("ρ with length", digits=2), TableColumn("95% interval", digits=2), "prompts"),
        *("cut off − whole", "95% interval of that", "prompts with both"),
    )
    notes = [
        "Within prompts, mean over them. ρ: rank correlation with the number of tokens, > 0 where longer "
        "responses are more uncertain. Cut off − whole: by how much a prompt's responses that were cut off "
        "are more uncertain than its whole ones. Dimensions are calibrated."
    ]
    return Table(f"Length and being cut off{in_round}", columns, rows, notes)


def _interval(one: Estimate) -> Cell:
    return "" if one.low is None or one.high is None else Interval(one.low, one.high)


def relation_chart(found: Scored, in_round: str) -> Chart | None:
    """Return both as dots with intervals; None where no prompt tells either."""
    panels = [
        (title, [one.estimate for one in some])
        for title, some in (
            ("rank correlation with length", found.length),
            ("cut off − whole", found.cut_off),
        )
        if any(one.n for one in some)
    ]
    if not panels:
        return None
    title = f"What goes with longer responses, and with those that were cut off{in_round}"
    table = replace(relation_table(found), title=title, notes=())

    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for panel, (title, rows) in zip(axes, panels, strict=True):
            intervals(panel, rows)
            panel.set_xlabel(title)

    says = "; ".join(
        f"{title}, {row.label}: {number(row.value, 2)}{'' if row.is_sure else ', no evidence'}"
        for title, rows in panels
        for row in rows
    )
    count = sum(len(rows) for _, rows in panels)
    size = (WIDTH, height(count, len(panels) + 1))
    return Chart("length-and-cut-off", table, draw, f"Dots with intervals. {says}.", size)
