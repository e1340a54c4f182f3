"""What orders of the same pairs left, as tables and as flat rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from udasa_core import Interval, Metric, Table
from udasa_eval.experiments.move_rows import move_rows
from udasa_eval.experiments.signal_report import Row
from udasa_eval.experiments.transitions_figures import Difference
from udasa_eval.experiments.transitions_runs import SHUFFLED, Orders

Cell = str | float | int | Interval

_NOTES = (
    "The policy that each order leaves after the first round. Difference: as configured less the other, with "
    "its 95% interval, paired by prompt (of held-out prompts, and of all pairs) or by a suite's item; of "
    "fewer than six there is none.",
    "better, worse: the interval excludes 0, and all other orders lie on one side; higher, lower: likewise, "
    "where nobody says which end is better, as a [[gate]] does of a suite's figure.",
    "The intervals are of prompts and items. How far training itself differs from seed to seed they do not "
    "hold: repeat it with another run.seed before you believe a verdict. By chance alone about one figure in "
    "twenty has one.",
)


def tables(found: Orders) -> Iterator[Table]:
    """Yield what was trained in which order, and each comparison."""
    yield _trained(found)
    kinds = list(found.differences)
    for kind in kinds:
        yield _compared(kind, found.differences[kind], _NOTES if kind == kinds[-1] else ())


def rows(found: Orders) -> list[Row]:
    """Return the matrix and the comparisons, a row a figure.

    column: the stage's label, or what the configured order is compared with. measure: the figure, and
    FIGURE.change or FIGURE.difference, FIGURE.other.
    """
    made = [row for one in found.run.transitions() for row in move_rows("stages", str(one["after"]), one)]
    for kind, differences in found.differences.items():
        for told in differences:
            named = ("order", math.nan, 0, kind)
            metric = told.difference
            made.append(Row(*named, told.figure, told.ours, math.nan, math.nan, metric.n))
            made.append(Row(*named, f"{told.figure}.other", told.theirs, told.least, told.most, metric.n))
            made.append(
                Row(*named, f"{told.figure}.difference", metric.value, metric.low, metric.high, metric.n)
            )
    return made


def _trained(found: Orders) -> Table:
    notes = [f"No comparison: {why}." for why in found.left_out]
    sizes = {(one.pairs, len(one.stages), one.undone) for one in found.trained}
    if len(sizes) > 1:
        notes.append(
            "WARNING: not the same pairs, stages or roll-backs: what differs below is more than the order."
        )
    if len(found.run.rounds()) > 1:
        notes.append("Of the first round: later ones have pairs of their own.")
    cells = [(one.name, ", ".join(one.stages), one.pairs, ", ".join(one.undone)) for one in found.trained]
    columns = ("run", "stages as trained", "pairs", "rolled back")
    return Table("Orders of the same pairs", columns, cells, notes)


def _compared(kind: str, differences: Sequence[Difference], notes: Sequence[str]) -> Table:
    several = kind == SHUFFLED
    columns = ["figure", "as configured", kind, *(["from, to"] if several else [])]
    cells: list[tuple[Cell, ...]] = [
        (
            told.figure,
            told.ours,
            told.theirs,
            *([Interval(told.least, told.most)] if several else []),
            told.difference.value,
            Interval(told.difference.low, told.difference.high) if _is_bounded(told.difference) else "",
            told.difference.n,
            told.verdict,
        )
        for told in differences
    ]
    title = f"Does the order matter? As configured against {kind}"
    return Table(title, (*columns, "difference", "95% interval", "n", "verdict"), cells, notes)


def _is_bounded(metric: Metric) -> bool:
    return metric.low == metric.low
