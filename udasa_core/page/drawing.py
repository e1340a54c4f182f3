"""The forms that charts take: bars, boxes, intervals, steps, curves and marks, in the page's colours.

What is called by somebody else (a dimension, a stage) is written by `shortened`. Wide as a phone's page, so
that no text is smaller there than the page's own notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from udasa_core.page.chart import COLOURS, FAINT, INK, PAPER
from udasa_core.text.printable import printable_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import float64
    from numpy.typing import NDArray

# Inches.
WIDTH = 4.6
_ROW = 0.25
# A group of so few values is shown value by value, too.
_FEW = 30
_SMALL = 8


class Estimate(NamedTuple):
    """A figure with its 95% interval. None where there is none; then nothing of it is drawn."""

    label: str
    value: float | None
    low: float | None
    high: float | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval does not hold 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def shortened(text: str, longest: int = 24) -> str:
    """Return a name on one line, its middle left out where it is too long for a chart."""
    whole = printable_line(text)
    half = longest // 2
    return whole if len(whole) <= longest else f"{whole[: longest - half]}…{whole[1 - half :]}"


def height(rows: float, panels: int = 1) -> float:
    """Return how high a chart of some rows in some panels is, in inches."""
    return 0.45 + 0.3 * panels + _ROW * rows


def rows_of(axes: Axes, labels: Sequence[str], longest: int = 24) -> None:
    """Have one row a label, from top to bottom."""
    axes.set_yticks(range(len(labels)), labels=[shortened(label, longest) for label in labels])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    # More numbers would run into one another where a phone shows them.
    axes.locator_params(axis="x", nbins=6)
    axes.grid(visible=False, axis="y")


def bars(axes: Axes, labels: Sequence[str], values: Sequence[float | None], told: Sequence[str]) -> None:
    """Draw a bar a row, with what is told of it at its end; a row without a value is a heading."""
    rows_of(axes, labels)
    axes.set_xlim(0, 1.3 * max((value for value in values if value is not None), default=1) or 1)
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    axes.spines[["bottom", "left"]].set_visible(False)
    for place, (value, text) in enumerate(zip(values, told, strict=True)):
        if value is not None:
            axes.barh(place, value, height=0.66, color=COLOURS[0])
            axes.annotate(
                text, (value, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=_SMALL
            )


def boxes(
    axes: Axes, labels: Sequence[str], groups: Sequence[NDArray[float64]], colours: Sequence[str]
) -> None:
    """Draw the spread of each row's values: a line from 5% to 95%, a box of the middle half, the median; and
    the values themselves where they are few."""
    import numpy as np

    rows_of(axes, labels)
    for place, (values, colour) in enumerate(zip(groups, colours, strict=True)):
        if not len(values):
            continue
        low, first, median, third, high = np.percentile(values, (5, 25, 50, 75, 95))
        axes.plot([low, high], [place, place], color=INK, linewidth=1, solid_capstyle="butt")
        axes.barh(place, third - first, left=first, height=0.5, color=PAPER, edgecolor=colour, linewidth=1.4)
        axes.plot([median, median], [place - 0.25, place + 0.25], color=INK, linewidth=1.8)
        if len(values) <= _FEW:
            # Beside one another, so that equals are seen.
            across = place + np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [place]
            axes.plot(values, across, linestyle="none", marker="o", markersize=3, color=colour)


def intervals(axes: Axes, rows: Sequence[Estimate], *, line: float | None = 0.0, hollow: bool = True) -> None:
    """Draw a figure a row, with its interval. line: where nothing changes, or is due. hollow: a figure whose
    interval holds 0, or that has none, is a ring."""
    rows_of(axes, [row.label for row in rows])
    if line is not None:
        axes.axvline(line, color=INK, linewidth=1, zorder=1)
    for place, row in enumerate(rows):
        if row.value is None:
            axes.plot([], [])
            continue
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [place, place], color=COLOURS[0], linewidth=1.6)
        filled = row.is_sure or not hollow
        axes.plot(
            row.value,
            place,
            marker="o",
            markersize=5.5,
            markeredgewidth=1.4,
            color=COLOURS[0],
            markerfacecolor=COLOURS[0] if filled else PAPER,
        )


def steps(axes: Axes, counts: NDArray[float64], colour: str, *, filled: bool = False) -> None:
    """Draw how many of some values in [0, 1] fall into each of equal parts, as shares of them all."""
    import numpy as np

    total = counts.sum()
    if not total:
        return
    edges = np.linspace(0, 1, len(counts) + 1)
    if filled:
        axes.stairs(counts / total, edges, fill=True, color=FAINT)
    else:
        axes.stairs(counts / total, edges, color=colour, linewidth=1.5)
    axes.set_xlim(0, 1)


def matrix(axes: Axes, labels: Sequence[str], values: NDArray[float64]) -> None:
    """Draw a symmetric matrix of values in [−1, 1]: below the diagonal a square a cell, the larger the
    farther from 0, in one colour above 0 and in another below; above it the values. NaN is a dash."""
    from matplotlib.patches import Rectangle

    count = len(labels)
    rows_of(axes, labels)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_xticks(range(count), labels=[str(place + 1) for place in range(count)])
    axes.set_yticks(
        range(count), labels=[f"{place + 1}  {shortened(label, 18)}" for place, label in enumerate(labels)]
    )
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0)
    axes.set_aspect("equal", anchor="W")
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    for row in range(count):
        for column in range(count):
            value = float(values[row, column])
            if column > row or value != value:
                text = "–" if value != value else f"{value:.2f}".replace("-", "−")
                axes.text(column, row, text, ha="center", va="center", fontsize=_SMALL if count < 8 else 7)
                continue
            half = 0.46 * abs(value) ** 0.5
            axes.add_patch(
                Rectangle(
                    (column - half, row - half), 2 * half, 2 * half, color=COLOURS[0 if value >= 0 else 5]
                )
            )
