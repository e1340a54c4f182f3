"""What a trainer said step by step, stage after stage, as curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from udasa_core.page.chart import COLOURS, FAINT, PAPER, Chart
from udasa_core.page.drawing import WIDTH, shortened
from udasa_core.report.table import Table
from udasa_core.report.written import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A stage of more steps is drawn in so many parts, each by its mean.
_POINTS = 150
_CHARTS = (
    ("training-curves", "Loss, margin and accuracy while training", ("loss", "margin", "accuracy")),
    (
        "training-logprobs",
        "Log-probability of chosen and of rejected responses while training",
        ("chosen_logprob", "rejected_logprob"),
    ),
)
_CALLED = {
    "chosen_logprob": "chosen, nats of a response",
    "rejected_logprob": "rejected, nats of a response",
}
# The colours are few, and stages may be many.
_DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True, slots=True)
class Curve:
    """One stage's figure. steps, values: of one length, steps counted through all stages from 1; each a mean
    over `joined` steps. after: the figure after the stage, over all of its pairs; None where nobody tells."""

    stage: str
    figure: str
    steps: Sequence[float]
    values: Sequence[float]
    joined: int
    after: float | None

    @property
    def end(self) -> float:
        """Where the stage ends, between two steps."""
        return self.steps[-1] + self.joined / 2


def curve_charts(training: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    """Yield the charts that the trainers' histories have figures for. training: of `figures`."""
    for name, title, wanted in _CHARTS:
        curves = list(_curves(training, wanted))
        if curves:
            yield _chart(name, title, curves)


def _curves(training: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> Iterator[Curve]:
    before = 0
    for stage in training:
        history = stage["history"] if stage["trained"] else []
        label = f"{stage['stage']}, rolled back" if stage["rolled_back"] else str(stage["stage"])
        for figure in wanted:
            told = [
                (before + place, float(step[figure]))
                for place, step in enumerate(history, 1)
                if isinstance(step.get(figure), int | float) and math.isfinite(step[figure])
            ]
            if told:
                joined = math.ceil(len(told) / _POINTS)
                parts = [told[at : at + joined] for at in range(0, len(told), joined)]
                steps, values = zip(*(_mean(part) for part in parts), strict=True)
                after = stage["metrics"].get(f"{figure}_after")
                yield Curve(label, figure, steps, values, joined, after)
        before += len(history)


def _mean(part: Sequence[tuple[float, float]]) -> tuple[float, float]:
    steps, values = zip(*part, strict=True)
    return math.fsum(steps) / len(part), math.fsum(values) / len(part)


def _chart(name: str, title: str, curves: Sequence[Curve]) -> Chart:
    shown = list(dict.fromkeys(curve.figure for curve in curves))
    stages = list(dict.fromkeys(curve.stage for curve in curves))
    rows: list[tuple[str | float, ...]] = []
    for curve in curves:
        rows += [
            (curve.stage, curve.figure, step, value)
            for step, value in zip(curve.steps, curve.values, strict=True)
        ]
        rows += [] if curve.after is None else [(curve.stage, curve.figure, "after", curve.after)]
    across = 3 if max(map(len, stages)) < 16 else 2
    notes = ["Steps as the trainer noted them, counted through all stages: each is of that step's pairs."]
    if any(curve.after is not None for curve in curves):
        notes.append("A ring: after the stage, over all of its pairs.")
    joined = max(curve.joined for curve in curves)
    if joined > 1:
        notes.append(f"Of long stages each point is the mean of up to {joined} steps.")

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        drawn: dict[str, Any] = {}
        for panel, figure_name in zip(panels, shown, strict=True):
            panel.set_title(_CALLED.get(figure_name, figure_name), loc="left", fontsize=9)
            for curve in curves:
                if curve.figure == figure_name:
                    place = stages.index(curve.stage)
                    (line,) = panel.plot(
                        curve.steps,
                        curve.values,
                        color=COLOURS[place % len(COLOURS)],
                        linestyle=_DASHES[place // len(COLOURS) % len(_DASHES)],
                        linewidth=1.6,
                        marker="o" if len(curve.steps) < 12 else "",
                        markersize=4,
                    )
                    drawn.setdefault(curve.stage, line)
                    if curve.after is not None:
                        panel.plot(
                            curve.end,
                            curve.after,
                            color=line.get_color(),
                            marker="o",
                            markersize=5.5,
                            markeredgewidth=1.4,
                            markerfacecolor=PAPER,
                            zorder=3,
                        )
            if figure_name == "accuracy":
                panel.set_ylim(-0.06, 1.06)
        for panel in panels:
            for stage in stages[1:]:
                first = min(curve.steps[0] for curve in curves if curve.stage == stage)
                panel.axvline(first - 0.5, color=FAINT, linewidth=1, zorder=0.5)
        panels[-1].set_xlabel("optimizer step")
        panels[-1].xaxis.get_major_locator().set_params(integer=True)
        figure.legend(
            list(drawn.values()),
            [shortened(stage, 28) for stage in drawn],
            loc="outside upper left",
            ncols=across,
            fontsize=8,
        )

    ends = "; ".join(
        f"{curve.figure} in {curve.stage}: {number(curve.values[0])} → "
        f"{number(curve.values[-1] if curve.after is None else curve.after)}"
        for curve in curves
    )
    size = (WIDTH, 0.5 + 1.25 * len(shown) + 0.18 * math.ceil(len(stages) / across))
    return Chart(
        name, Table(title, ("stage", "figure", "step", "value"), rows, notes), draw, f"Curves: {ends}.", size
    )
