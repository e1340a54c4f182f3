"""What changed on the held-out prompts, in words and as a chart of changes with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udasa_core.page.chart import Chart
from udasa_core.page.drawing import WIDTH, Estimate, height, intervals
from udasa_core.page.parts import Prose
from udasa_core.report.show import FEW_PROMPTS
from udasa_core.report.table import Interval, Table, TableColumn
from udasa_core.report.written import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Figures in units of their own, each with its own axis; all others are shares and uncertainties in [0, 1].
_UNITS = {"length": "tokens", "entropy": "nats a token"}
_RAW = " (raw)"


def _estimate(one: Mapping[str, Any]) -> Estimate:
    return Estimate(one["name"], one["after"] - one["before"], one["low"], one["high"])


def _shown(changes: Sequence[Mapping[str, Any]]) -> list[Estimate]:
    """Return the changes; raw dimensions, which say what the calibrated ones do, are left to the table."""
    return [_estimate(one) for one in changes if not one["name"].endswith(_RAW)]


def _sure(changes: Sequence[Mapping[str, Any]]) -> list[Estimate]:
    """Return the changes that are sure; a raw dimension where its calibrated scores do not say so, too."""
    calibrated = {one.label: one for one in _shown(changes)}
    found = []
    for one in map(_estimate, changes):
        own = calibrated.get(one.label.removesuffix(_RAW))
        if one.is_sure and (one.label in calibrated or (own is not None and not own.is_sure)):
            found.append(one)
    return found


def changes_told(changes: Sequence[Mapping[str, Any]]) -> Prose:
    """Return in a sentence what changed, and how much of it is no evidence of a change."""
    sure = _sure(changes)
    if not sure:
        return Prose(
            f"No evidence of a change on held-out prompts: each of {len(changes)} intervals holds 0."
        )
    column = TableColumn("")
    told = "; ".join(
        f"{one.label} {'rose' if (one.value or 0) > 0 else 'fell'} by {number(abs(one.value or 0))} "
        f"{column.written(Interval(one.low or 0.0, one.high or 0.0))}"
        for one in sure
    )
    rest = sum(one["low"] <= 0 <= one["high"] for one in changes)
    others = (
        f" Of {rest} other figure{'s' if rest > 1 else ''} there is no evidence of a change." if rest else ""
    )
    if min(one["n"] for one in changes) >= FEW_PROMPTS:
        return Prose(f"On held-out prompts {told}.{others}")
    few = f" With fewer than {FEW_PROMPTS} prompts the intervals are too narrow to rely on."
    return Prose(f"On held-out prompts {told}.{others}{few}", "doubtful")


def changes_chart(changes: Sequence[Mapping[str, Any]]) -> Chart:
    """Return the chart. changes: at least one."""
    shown = _shown(changes)
    units = {one.label: _UNITS.get(one.label, "") for one in shown}
    panels = [
        (unit, some)
        for unit in ("", *_UNITS.values())
        if (some := [one for one in shown if units[one.label] == unit])
    ]
    table = Table(
        "Change on held-out prompts, with 95% intervals",
        ("figure", "unit", "change", "95% interval"),
        [
            (one.label, units[one.label], one.value, Interval(one.low or 0.0, one.high or 0.0))
            for _, some in panels
            for one in some
        ],
        ["After less before. A filled dot: the interval does not hold 0; a ring: no evidence of a change."],
    )

    def draw(figure: Figure) -> None:
        sizes = [len(some) + 1.2 for _, some in panels]
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=sizes)[:, 0]
        for panel, (unit, some) in zip(axes, panels, strict=True):
            intervals(panel, some)
            panel.set_xlabel(f"change, {unit}" if unit else "change")

    says = "Dots with intervals, a figure a row. " + "; ".join(
        f"{one.label}: {number(one.value)}{'' if one.is_sure else ', no evidence'}" for one in shown
    )
    return Chart("changes", table, draw, f"{says}.", (WIDTH, height(len(shown), len(panels) + 1)))
