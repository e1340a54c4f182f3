"""What a suite says of models: figures with intervals as charts, and each model beside the base by item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from udasa_core.page.chart import FAINT, Chart
from udasa_core.page.drawing import WIDTH, Estimate, intervals, shortened
from udasa_core.page.gains import item_change
from udasa_core.page.parts import Prose
from udasa_core.report.show import FEW_PROMPTS
from udasa_core.report.table import Interval, Table
from udasa_core.report.written import number
from udasa_core.store.moves import FEWEST
from udasa_core.store.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Figures a chart: more would not be seen at once.
_PANELS = 6
# More differences are told by figure, and their numbers left to the table.
_SAID = 4
NO_EVIDENCE = "no evidence of a difference"


@dataclass(frozen=True, slots=True)
class Difference:
    """A model's figure beside the base's, over the n items that both have. change: its mean difference by
    item, with the 95% interval; None of fewer than six items. up, down: items whose value is
    higher, or lower, than the base's."""

    model: str
    figure: str
    base: float
    own: float
    change: Estimate
    n: int
    up: int
    down: int

    @property
    def verdict(self) -> str:
        """What can be said of it."""
        if self.change.low is None:
            return "too few items"
        if not self.change.is_sure:
            return NO_EVIDENCE
        return "higher" if self.own > self.base else "lower"


def differences(run: Run, suite: str, metrics: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Return each model but the first beside it, in every figure that rows hold by item; the last, which the
    run left, first."""
    models = list(dict.fromkeys(str(metric["model"]) for metric in metrics))
    if not models:
        return []
    base = run.suite_items(suite, models[0])
    found = []
    others = models[1:]
    for model in [*others[-1:], *others[:-1]]:
        items = run.suite_items(suite, model)
        found += [
            _difference(model, figure, base[figure], own)
            for figure, own in items.items()
            if figure in base and base[figure].keys() & own.keys() and not _is_told(figure, items)
        ]
    return found


def _is_told(figure: str, items: Mapping[str, Mapping[str, float]]) -> bool:
    """Say whether a figure is the bare score, which a metric is the mean of already."""
    return figure == "score" and any(own == items[figure] for name, own in items.items() if name != figure)


def _difference(model: str, figure: str, base: Mapping[str, float], own: Mapping[str, float]) -> Difference:
    import numpy as np

    common = sorted(base.keys() & own.keys())
    old, new = (np.array([side[item] for item in common], dtype=np.float64) for side in (base, own))
    moved, change = new - old, item_change(own, base)
    low, high = (change.low, change.high) if len(common) >= FEWEST else (None, None)
    return Difference(
        model,
        figure,
        float(old.mean()),
        float(new.mean()),
        Estimate(f"{figure}, {model}", change.value, low, high),
        len(common),
        int((moved > 0).sum()),
        int((moved < 0).sum()),
    )


def differences_told(suite: str, found: Sequence[Difference]) -> Prose:
    """Return in a sentence which model surely differs from the base, and in what."""
    sure = [one for one in found if one.change.is_sure]
    told = "; ".join(
        f"{one.figure} after {one.model} is {one.verdict} ({number(one.base)} → {number(one.own)})"
        for one in sure
    )
    if len(sure) > _SAID:
        after: dict[tuple[str, str], list[str]] = {}
        for one in sure:
            after.setdefault((one.figure, one.verdict), []).append(one.model)
        told = "; ".join(
            f"{figure} is {verdict} after {', '.join(models)}" for (figure, verdict), models in after.items()
        )
    if not sure:
        return Prose(f"{suite}: no evidence that any model differs from the base, item by item.")
    return Prose(f"{suite}, item by item against the base: {told}. Of the rest there is no evidence.")


def differences_table(suite: str, found: Sequence[Difference]) -> Table:
    """Return the same as a table."""
    rows = [
        (
            one.model,
            one.figure,
            one.base,
            one.own,
            one.change.value,
            ""
            if one.change.low is None or one.change.high is None
            else Interval(one.change.low, one.change.high),
            one.n,
            one.up,
            one.down,
            one.verdict,
        )
        for one in found
    ]
    columns = (
        *("model", "figure", "base", "its own", "difference", "95% interval", "items", "higher", "lower"),
        "",
    )
    notes = [
        "Each model beside the base over the items that both have, the last model first; the interval is "
        "paired by item, as those of gates and rounds are. One that holds 0 is no evidence of a difference. "
        "Higher, lower: items that moved so.",
        f"Of {len(rows)} such intervals about one in twenty excludes 0 by chance alone.",
    ]
    if min(one.n for one in found) < FEW_PROMPTS:
        notes.append(f"With fewer than {FEW_PROMPTS} items the intervals are too narrow.")
    return Table(f"{suite}: models beside the base, item by item", columns, rows, notes)


def figure_charts(name: str, suite: str, metrics: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    """Yield charts of some figures each, a panel a figure. name: what the charts' names begin with."""
    figures = list(dict.fromkeys(str(metric["name"]) for metric in metrics))
    models = list(dict.fromkeys(str(metric["model"]) for metric in metrics))
    for place in range(0, len(figures), _PANELS):
        some = figures[place : place + _PANELS]
        part = f" ({place // _PANELS + 1})" if len(figures) > _PANELS else ""
        yield _chart(
            f"{name}-figures-{place // _PANELS + 1}", f"{suite}, by model{part}", some, models, metrics
        )


def _chart(
    name: str,
    title: str,
    figures: Sequence[str],
    models: Sequence[str],
    metrics: Sequence[Mapping[str, Any]],
) -> Chart:
    found = {(str(one["name"]), str(one["model"])): _estimate(one) for one in metrics}
    rows = [
        (figure, model, one.value, "" if one.low is None or one.high is None else Interval(one.low, one.high))
        for figure in figures
        for model in models
        if (one := found.get((figure, model)))
    ]

    def draw(drawn: Figure) -> None:
        panels = drawn.subplots(len(figures), 1, squeeze=False)[:, 0]
        for panel, figure in zip(panels, figures, strict=True):
            here = [found.get((figure, model), Estimate(model, None, None, None)) for model in models]
            panel.set_title(shortened(figure, 40), loc="left", fontsize=9, pad=2)
            if here[0].value is not None:
                panel.axvline(here[0].value, color=FAINT, linewidth=3, zorder=0.5)
            intervals(panel, here, line=None, hollow=False)
            ends = {end for one in here for end in one[1:] if end is not None}
            if len(ends) == 1 and min(ends) in (0, 1):
                panel.set_xlim(-0.05, 1.05)

    says = "; ".join(f"{figure}, {model}: {number(value)}" for figure, model, value, _ in rows)
    size = (WIDTH, 0.3 + len(figures) * (0.45 + 0.2 * len(models)))
    notes = ["Each with its own 95% interval; the broad line is where the base is."]
    table = Table(title, ("figure", "model", "value", "95% interval"), rows, notes)
    return Chart(name, table, draw, f"Dots with intervals, a panel a figure. {says}.", size)


def _estimate(metric: Mapping[str, Any]) -> Estimate:
    """Return a metric for a chart; NaN, as of a figure that nothing could be told of, is nothing."""
    value, low, high = (metric[name] for name in ("value", "low", "high"))
    is_bounded = None not in (low, high) and low == low and high == high
    return Estimate(
        str(metric["model"]),
        value if value is not None and value == value else None,
        low if is_bounded else None,
        high if is_bounded else None,
    )
