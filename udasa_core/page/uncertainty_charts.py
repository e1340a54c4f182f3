"""Charts of how scores are spread, of abstentions, and of control prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from udasa_core.page.chart import COLOURS, FAINT, INK, Chart
from udasa_core.page.drawing import WIDTH, Estimate, bars, height, intervals, shortened, steps
from udasa_core.page.scored import PARTS, Scored
from udasa_core.report.table import Interval, Table, TableColumn
from udasa_core.report.written import number, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy import float64
    from numpy.typing import NDArray


def distribution_chart(found: Scored, in_round: str) -> Chart:
    """Return how each dimension's scores and U are spread."""
    drawn = [
        *((name, "raw", counts) for name, counts in found.raw.items()),
        *((name, "calibrated", counts) for name, counts in found.calibrated.items()),
    ]
    names = [*found.names[1:], found.names[0]]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
        for panel, name in zip(panels, names, strict=True):
            panel.set_title(shortened(name, 40), loc="left", fontsize=9, pad=2)
            panel.yaxis.set_visible(False)
            panel.spines["left"].set_visible(False)
            panel.grid(visible=False, axis="y")
            panel.set_xlim(0, 1)
            if not found.calibrated[name].sum():
                panel.text(0.02, 0.4, "no scores", transform=panel.transAxes, fontsize=8)
            if name in found.raw:
                steps(panel, found.raw[name], FAINT, filled=True)
            steps(panel, found.calibrated[name], COLOURS[0])
        panels[-1].set_xlabel("uncertainty: 0 is certain")
        _keys(figure, ("raw", FAINT), ("calibrated, and U", COLOURS[0]))

    means = "; ".join(f"{name}: {_where(found.calibrated[name])}" for name in names)
    return Chart(
        "distributions",
        _histogram(f"Scores of training responses{in_round}: raw and calibrated", drawn),
        draw,
        f"A histogram a dimension, of raw and of calibrated scores, U last. Where most calibrated ones lie: "
        f"{means}.",
        (WIDTH, 0.8 + 0.72 * len(names)),
    )


def sides_chart(found: Scored, in_round: str) -> Chart:
    """Return how U is spread over all responses, and over those that were chosen and rejected."""
    every = found.calibrated[found.names[0]]
    drawn = [("all", "U", every), *((side, "U", counts) for side, counts in found.sides.items())]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        steps(axes, every, FAINT, filled=True)
        keys = [("all responses", FAINT)]
        for side, colour in (("chosen", COLOURS[0]), ("rejected", COLOURS[5])):
            if found.sides[side].sum():
                steps(axes, found.sides[side], colour)
                keys.append((side, colour))
        axes.set_xlabel("U: 0 is certain")
        axes.set_ylabel("share of them")
        axes.set_xlim(0, 1)
        _keys(figure, *keys)

    told = "; ".join(f"{side}: {_where(counts)}" for side, _, counts in drawn)
    return Chart(
        "u-sides",
        _histogram(f"U of all responses, and of both sides of pairs{in_round}", drawn),
        draw,
        f"Histograms of U. Where most lie: {told}.",
        (WIDTH, 2.6),
    )


def _keys(figure: Figure, *keys: tuple[str, str]) -> None:
    from matplotlib.patches import Patch

    figure.legend(
        [Patch(color=colour) for _, colour in keys],
        [name for name, _ in keys],
        loc="outside upper left",
        ncols=len(keys),
        fontsize=8,
    )


def _histogram(title: str, drawn: Sequence[tuple[str, str, NDArray[float64]]]) -> Table:
    rows = [
        (name, scale, part / PARTS, (part + 1) / PARTS, int(count))
        for name, scale, counts in drawn
        for part, count in enumerate(counts)
    ]
    return Table(title, ("of", "scale", "from", "to", "responses"), rows)


def _where(counts: NDArray[float64]) -> str:
    """Say between which bounds the middle 80% of what was counted lie, by whole parts."""
    import numpy as np

    total = counts.sum()
    if not total:
        return "none"
    under = np.cumsum(counts) / total
    low, high = int(np.searchsorted(under, 0.1)), int(np.searchsorted(under, 0.9))
    return f"{number(low / PARTS, 2)} to {number((high + 1) / PARTS, 2)}"


def abstention_table(dimensions: Sequence[Mapping[str, Any]], in_round: str = "") -> Table:
    """Return how often and why, a row a reason. dimensions: the uncertainty of `figures`."""
    rows = [
        (one["dimension"], count, count / _asked(one), reason)
        for one in dimensions
        for reason, count in sorted(one["abstained"].items(), key=lambda found: -found[1])
    ]
    columns = ("dimension", "responses", TableColumn("share", unit="%", digits=1), "reason")
    return Table(f"Abstentions{in_round}", columns, rows)


def _asked(dimension: Mapping[str, Any]) -> int:
    count: int = dimension["n"] + sum(dimension["abstained"].values())
    return count


def abstention_chart(dimensions: Sequence[Mapping[str, Any]], in_round: str) -> Chart:
    """Return the share of responses that each dimension, and U, has no score for."""
    shares = [sum(one["abstained"].values()) / _asked(one) if _asked(one) else 0.0 for one in dimensions]
    names = [str(one["dimension"]) for one in dimensions]

    def draw(figure: Figure) -> None:
        bars(figure.subplots(), names, shares, [share(one, 1) for one in shares])

    says = "; ".join(f"{name}: {share(one, 1)}" for name, one in zip(names, shares, strict=True))
    return Chart(
        "abstentions",
        replace(abstention_table(dimensions), title=f"Responses without a score{in_round}"),
        draw,
        f"Bars: the share of responses without a score. {says}.",
        (WIDTH, height(len(names), 0)),
    )


def control_chart(controls: Sequence[Mapping[str, Any]], bound: float) -> Chart:
    """Return each dimension's calibrated uncertainty on the control prompts, beside the bound."""
    rows = [Estimate(str(one["name"]), one["calibrated"], one["low"], one["high"]) for one in controls]
    cells = [
        (
            one["name"],
            one["calibrated"],
            Interval(one["low"], one["high"]),
            bound,
            "yes" if one["tripped"] else "no",
        )
        for one in controls
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        intervals(axes, rows, line=None, hollow=False)
        axes.axvline(bound, color=INK, linewidth=1, linestyle="--")
        axes.set_xlim(0, 1)
        axes.set_xlabel("calibrated uncertainty; dashed: the bound")

    says = "; ".join(
        f"{one['name']}: {number(one['calibrated'], 2)}{', surely above' if one['tripped'] else ''}"
        for one in controls
    )
    columns = ("dimension", "calibrated", "95% interval", "bound", "surely above")
    return Chart(
        "controls",
        Table("Control prompts, beside the bound", columns, cells),
        draw,
        f"Dots with intervals beside the bound of {number(bound, 2)}. {says}.",
        (WIDTH, height(len(rows), 1)),
    )
