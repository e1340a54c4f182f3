"""The figure of a long run: small multiples, a figure a panel, round by round."""

from __future__ import annotations

from pathlib import Path

from udasa_eval.experiments.longitudinal_runs import FIGURES, LongRun
from udasa_eval.experiments.signal_figure import COLOURS, MARKERS

_ACROSS = 5


def figure(path: Path, found: LongRun) -> None:
    """Draw each figure of the labelled questions by round with its 95% interval; SVG, PNG or PDF by the
    path's suffix. The dashed line is the base's value."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    down = -(-len(FIGURES) // _ACROSS)
    drawing = Figure(figsize=(2.1 * _ACROSS, 2.0 * down + 0.4), layout="constrained")
    FigureCanvasAgg(drawing)
    panels = drawing.subplots(down, _ACROSS, squeeze=False).ravel()
    for panel in panels[len(FIGURES) :]:
        panel.set_axis_off()
    for panel, name in zip(panels, FIGURES, strict=False):
        told = [(number, one.metrics[name]) for number, one in enumerate(found.asked)]
        told = [(number, metric) for number, metric in told if metric.value == metric.value]
        panel.set_title(name, fontsize=9)
        panel.set_xticks(range(len(found.asked)), ["base", *map(str, range(1, len(found.asked)))], fontsize=8)
        # Shares stand on one scale, so that a small change looks small.
        if name not in ("entropy", "length"):
            panel.set_ylim(-0.05, 1.05)
        panel.set_xlim(-0.4, len(found.asked) - 0.6)
        panel.tick_params(axis="y", labelsize=8)
        panel.grid(axis="y", color="0.92", linewidth=0.8)
        panel.set_axisbelow(True)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
        if not told:
            continue
        panel.axhline(told[0][1].value, color="0.55", linewidth=0.9, linestyle="--")
        panel.errorbar(
            [number for number, _ in told],
            [metric.value for _, metric in told],
            yerr=[
                [max(metric.value - metric.low, 0.0) for _, metric in told],
                [max(metric.high - metric.value, 0.0) for _, metric in told],
            ],
            marker=MARKERS[0],
            color=COLOURS[0],
            markersize=4.5,
            linewidth=1.2,
            elinewidth=1.2,
        )
    drawing.supxlabel(f"round ({found.condition}; 95% intervals; dashed: the base)", fontsize=9)
    drawing.savefig(path, dpi=150)
