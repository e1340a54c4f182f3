"""What gates, the guard and the matrix of transitions say of each stage, as marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from udasa_core.config.transitions import Better
from udasa_core.page.chart import COLOURS, INK, PAPER, Chart
from udasa_core.page.directions import end_of, is_told, is_worse
from udasa_core.page.drawing import WIDTH, height, rows_of, shortened
from udasa_core.report.gate_table import gate_name
from udasa_core.report.table import Change, Interval, Table, TableColumn
from udasa_core.store.decisions import Decision, told
from udasa_core.store.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# With more stages across, slanted names would run into one another.
_SLANTED = 6
# How each verdict is marked: form, colour, whether it is filled.
_MARKS = {
    "tripped": ("X", COLOURS[5], True),
    "worse": ("X", COLOURS[5], True),
    "certified": ("o", COLOURS[2], True),
    "better": ("o", COLOURS[2], True),
    "changed": ("D", COLOURS[0], True),
    "not certified": ("o", INK, False),
    "no evidence": ("o", INK, False),
    "not measured": ("_", INK, True),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What is said of one figure after one stage. told: the same with its numbers."""

    figure: str
    stage: str
    verdict: str
    told: str


def gate_marks(decisions: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """Return the verdicts of gates and guard."""
    names = Decision.__dataclass_fields__
    return [
        Mark(
            gate_name(one),
            one["stage"],
            one["verdict"],
            told(Decision.from_json({name: one[name] for name in names}), one["was"], one["stage"]),
        )
        for one in decisions
    ]


def move_marks(run: Run, transitions: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """Return what the matrix of transitions says of each figure: better or worse where the whole interval is
    on one side of 0, and it is known which side is better."""
    config = run.manifest.plain["config"]
    return [
        Mark(move["name"], one["after"], _verdict(move, end_of(move["name"], config)), _move_told(move))
        for one in transitions
        for move in one["moves"]
        if not is_told(move, one["moves"])
    ]


def _verdict(move: Mapping[str, Any], better: Better | None) -> str:
    low, high = move["low"], move["high"]
    if low is None or high is None or low <= 0 <= high:
        return "no evidence"
    if better is None:
        return "changed"
    return "worse" if is_worse(low, high, better) else "better"


def _move_told(move: Mapping[str, Any]) -> str:
    column = TableColumn("")
    moved = column.written(Change(move["before"], move["after"]))
    if move["low"] is None or move["high"] is None:
        return moved
    return f"{moved}, 95% interval of the change {column.written(Interval(move['low'], move['high']))}"


def mark_chart(name: str, title: str, marks: Sequence[Mark], note: str) -> Chart:
    """Return a matrix of marks: figures down, stages across. marks: at least one. note: beside what."""
    figures = list(dict.fromkeys(mark.figure for mark in marks))
    stages = list(dict.fromkeys(mark.stage for mark in marks))
    used = [verdict for verdict in _MARKS if any(mark.verdict == verdict for mark in marks)]
    places = {(mark.figure, mark.stage): mark for mark in marks}
    table = Table(
        title,
        ("figure", "after", "verdict", "figures"),
        [(mark.figure, mark.stage, mark.verdict, mark.told) for mark in marks],
        [note],
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        rows_of(axes, figures, 30)
        axes.set_xlim(-0.5, len(stages) - 0.5)
        axes.set_xticks(
            range(len(stages)),
            labels=[shortened(stage, 18) for stage in stages],
            rotation=0 if len(stages) <= 3 else 30 if len(stages) <= _SLANTED else 90,
            ha="left" if 3 < len(stages) <= _SLANTED else "center",
        )
        axes.xaxis.tick_top()
        axes.tick_params(axis="x", length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        for row, name in enumerate(figures):
            for column, stage in enumerate(stages):
                if (name, stage) in places:
                    _mark(axes, column, row, places[name, stage].verdict)
        handles = [_mark(axes, [], [], verdict) for verdict in used]
        figure.legend(handles, used, loc="outside lower left", ncols=4, fontsize=8)

    counts = ", ".join(f"{sum(mark.verdict == one for mark in marks)} {one}" for one in used)
    bad = [f"{mark.figure} after {mark.stage}" for mark in marks if mark.verdict in ("tripped", "worse")]
    says = f"Marks, figures down and stages across: {counts}."
    if bad:
        says += f" On the worse side: {'; '.join(bad)}."
    above = 2 if len(stages) <= _SLANTED else 4
    return Chart(name, table, draw, says, (WIDTH, height(len(figures), above)))


def _mark(axes: Axes, column: Any, row: Any, verdict: str) -> Any:
    form, colour, filled = _MARKS[verdict]
    (drawn,) = axes.plot(
        column,
        row,
        linestyle="none",
        marker=form,
        markersize=8,
        markeredgewidth=1.4,
        color=colour,
        markerfacecolor=colour if filled else PAPER,
    )
    return drawn
