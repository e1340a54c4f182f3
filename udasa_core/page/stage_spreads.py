"""How gap and U of pairs are spread, by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from udasa_core.page.chart import COLOURS, Chart
from udasa_core.page.drawing import WIDTH, boxes, height
from udasa_core.page.parts import Prose
from udasa_core.report.table import Cell, Table
from udasa_core.report.written import number
from udasa_core.store.digests import check_noted
from udasa_core.store.run_folder import StageSummary
from udasa_core.store.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy import float64
    from numpy.typing import NDArray

_COLUMNS = ("gap", "chosen_U", "rejected_U")
_QUANTILES = (0, 5, 25, 50, 75, 95, 100)
_NAMES = ("n", "min", "5%", "25%", "median", "75%", "95%", "max")
_NOTE = "Line: from 5% to 95% of the pairs; box: the middle half, and the median. Of few pairs each is a dot."


def spread_charts(run: Run) -> Iterator[Chart | Prose]:
    """Yield the chart of gaps and that of U, as far as pairs have them; a sentence where they have no gap."""
    stages = [(stage.label, _numbers(stage)) for stage in run.stages() if stage.pairs.exists()]
    gaps = [(label, numbers["gap"]) for label, numbers in stages if len(numbers["gap"])]
    if gaps:
        yield _chart("stage-gaps", "Gap by stage", gaps, [COLOURS[0]] * len(gaps), "U(rejected) − U(chosen)")
    elif any(stage.size for stage in run.stages()):
        yield Prose("The pairs have no gap: they were not made by U.")
    sides = [
        (f"{label}, {side}", numbers[f"{side}_U"])
        for label, numbers in stages
        for side in ("chosen", "rejected")
        if len(numbers[f"{side}_U"])
    ]
    if sides:
        colours = [COLOURS[0] if label.endswith("chosen") else COLOURS[5] for label, _ in sides]
        yield _chart("stage-u", "U of chosen and rejected responses, by stage", sides, colours, "U")


def _numbers(stage: StageSummary) -> dict[str, NDArray[float64]]:
    """Return the numbers of a stage's pairs, a column at a time; pairs without one are left out."""
    import numpy as np
    import pyarrow.parquet as pq

    check_noted(stage.pairs)
    with pq.ParquetFile(stage.pairs) as file:
        table = file.read(columns=list(_COLUMNS))
    return {name: np.asarray(table[name].drop_null().to_numpy(), dtype=np.float64) for name in _COLUMNS}


def _chart(
    name: str, title: str, groups: list[tuple[str, NDArray[float64]]], colours: list[str], axis: str
) -> Chart:
    import numpy as np

    spread = {label: [float(one) for one in np.percentile(values, _QUANTILES)] for label, values in groups}
    rows: list[tuple[Cell, ...]] = [(label, len(values), *spread[label]) for label, values in groups]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        boxes(axes, [label for label, _ in groups], [values for _, values in groups], colours)
        axes.set_xlabel(axis)
        if axis == "U":
            axes.set_xlim(0, 1)
        else:
            axes.set_xlim(left=min(0.0, *(spread[label][0] for label, _ in groups)) - 0.01)

    medians = "; ".join(f"{label}: {number(spread[label][3])}" for label, _ in groups)
    says = f"A box a row: how {axis} is spread. Medians: {medians}."
    return Chart(
        name,
        Table(title, ("stage", *_NAMES), rows, [_NOTE]),
        draw,
        says,
        (WIDTH, height(1.2 * len(rows), 1)),
    )
