"""The figure of a signal experiment: within-question AUROC by column and condition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_eval.experiments.signal_report import SignalReport

if TYPE_CHECKING:
    from matplotlib.artist import Artist

# Told apart also by those who see few colours (Okabe and Ito).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SPREAD = 0.6


def figure(path: Path, reports: Sequence[SignalReport]) -> None:
    """Draw each column's within-question AUROC with its 95% interval; SVG, PNG or PDF by the path's suffix.

    One panel a labelled set and K, one colour and marker a temperature; columns by their best AUROC, best on
    top. ValueError without reports.
    """
    if not reports:
        raise ValueError("a figure needs at least one report")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys((one.condition.set_name, one.condition.size) for one in reports))
    temperatures = sorted({one.condition.temperature for one in reports})
    best: dict[str, float] = {}
    for report in reports:
        for told in report.discrimination:
            value = told.metric("within_auroc").value
            best[told.column] = max(best.get(told.column, -1.0), value if value == value else -1.0)
    columns = sorted(best, key=lambda column: best[column])
    drawing = Figure(figsize=(2.2 + 3.0 * len(panels), 1.4 + 0.34 * len(columns)), layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.subplots(1, len(panels), sharey=True, sharex=True, squeeze=False)[0]
    shown: dict[str, Artist] = {}
    for panel, (axis, (set_name, size)) in enumerate(zip(axes, panels, strict=True)):
        axis.axvline(0.5, color="0.55", linewidth=0.9, linestyle="--")
        for report in reports:
            where = report.condition
            if (where.set_name, where.size) != (set_name, size):
                continue
            at = temperatures.index(where.temperature)
            # Higher temperatures lie lower, as they do in the legend.
            shift = _SPREAD * (0.5 - (at + 0.5) / len(temperatures))
            metrics = [
                (columns.index(one.column), one.metric("within_auroc")) for one in report.discrimination
            ]
            metrics = [(height, metric) for height, metric in metrics if metric.value == metric.value]
            if not metrics:
                continue
            shown[where.sampling] = axis.errorbar(
                [metric.value for _, metric in metrics],
                [height + shift for height, _ in metrics],
                xerr=[
                    [max(metric.value - metric.low, 0.0) for _, metric in metrics],
                    [max(metric.high - metric.value, 0.0) for _, metric in metrics],
                ],
                fmt=MARKERS[at % len(MARKERS)],
                color=COLOURS[at % len(COLOURS)],
                markersize=4.5,
                elinewidth=1.2,
                linestyle="none",
            )
        axis.set_title(f"{set_name}, {size}", fontsize=10)
        axis.set_yticks(range(len(columns)), columns, fontsize=9)
        axis.set_ylim(-0.6, len(columns) - 0.4)
        axis.grid(axis="y", color="0.92", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.tick_params(axis="y", length=0, labelleft=panel == 0)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    drawing.supxlabel("within-question AUROC (95% interval; dashed: chance)", fontsize=9)
    by_temperature = sorted((one.condition for one in reports), key=lambda one: one.temperature)
    labels = [label for label in dict.fromkeys(one.sampling for one in by_temperature) if label in shown]
    drawing.legend(
        [shown[label] for label in labels],
        labels,
        loc="outside upper center",
        ncols=4,
        fontsize=9,
        frameon=False,
    )
    drawing.savefig(path, dpi=150)
