"""What a run's models score on its suites less what earlier ones do, item by item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from udasa_core.page.parts import Prose, Tone
from udasa_core.records import Metric
from udasa_core.report.table import Cell, Table
from udasa_core.report.written import number
from udasa_core.statistics.student import change_interval
from udasa_core.store.moves import FEWEST
from udasa_core.store.output import BASE
from udasa_core.store.runs import Run


def item_change(own: Mapping[str, float], base: Mapping[str, float]) -> Metric:
    """Return the mean difference by item over the items that both have, at least one, with its 95% interval
    paired by item: the one that gates and rounds go by; from −∞ to ∞ of fewer than six items. One home: a
    difference has the same interval wherever a page tells it."""
    import numpy as np

    common = sorted(own.keys() & base.keys())
    old, new = (np.array([side[item] for item in common], dtype=np.float64) for side in (base, own))
    low, high = change_interval(old, new, FEWEST)
    return Metric("difference", float((new - old).mean()), low, high, len(common))


@dataclass(frozen=True, slots=True)
class Gain:
    """A model's mean score on a suite less another one's, over the items that both have a score for."""

    suite: str
    model: str
    than: str
    metric: Metric

    @property
    def verdict(self) -> str:
        """What can be said of it."""
        if self.metric.n < FEWEST:
            return "too few items to tell"
        if self.metric.low > 0:
            return "surely higher"
        return "surely lower" if self.metric.high < 0 else "no evidence of a change"

    def told(self) -> str:
        """Return the difference with its interval, of six items and more."""
        value, low, high = (number(one) for one in (self.metric.value, self.metric.low, self.metric.high))
        change = f"+{value}" if self.metric.value > 0 else value
        return change if self.metric.n < FEWEST else f"{change} [{low}, {high}]"


def gains(run: Run) -> dict[str, list[Gain]]:
    """Return by suite the gain over the base at the end of each round, or of each stage where there is one
    round: what the run left is the last. A suite that did not measure it is left out."""
    standing = [stage for stage in run.stages() if stage.trained and not stage.rolled_back]
    ends = list({stage.round: stage.label for stage in standing}.values())
    models = ends if len(ends) > 1 else [stage.label for stage in standing]
    found = {suite: _on(run, suite, models) for suite in run.suites()}
    return {suite: some for suite, some in found.items() if some and some[-1].model == models[-1]}


def _on(run: Run, suite: str, models: Sequence[str]) -> list[Gain]:
    measured = {row["model"] for row in run.suites()[suite]}
    found = [between(run, suite, model, BASE) for model in models if {model, BASE} <= measured]
    return [gain for gain in found if gain is not None]


def between(run: Run, suite: str, model: str, than: str) -> Gain | None:
    """Return what one model scores on a suite less another; None where they have no item in common."""
    own, base = (run.suite_items(suite, one).get("score", {}) for one in (model, than))
    return Gain(suite, model, than, item_change(own, base)) if own.keys() & base.keys() else None


def gains_told(run: Run, found: Mapping[str, Sequence[Gain]]) -> Iterator[Prose]:
    """Yield what the run left gained, and whether more had been gained before."""
    for some in found.values():
        yield gain_told(some[-1])
        best = max(some, key=lambda gain: gain.metric.value)
        if best.metric.value > some[-1].metric.value:
            since = between(run, best.suite, some[-1].model, best.model)
            # Without evidence of either, the highest of several is luck; where the last one alone is not
            # surely better than the base, `taking_told` says what to do.
            are_sure = best.verdict == some[-1].verdict == "surely higher"
            if since is not None and (since.verdict == "surely lower" or are_sure):
                yield _before_told(run, best, since)


def gains_table(run: Run, found: Mapping[str, Sequence[Gain]]) -> Iterator[Table]:
    """Yield all of it as a table, where it is more than `gains_told` says."""
    rows: list[tuple[Cell, ...]] = [
        (gain.suite, gain.model, gain.told(), gain.metric.n, gain.verdict)
        for some in found.values()
        for gain in some
    ]
    if len(rows) > len(found):
        notes = [
            "Mean score less the base's, item by item, with 95% intervals paired by item. The highest of "
            "several is partly luck."
        ]
        where = "rounds" if len(run.rounds()) > 1 else "stages"
        columns = ("suite", "after", "beside the base", "items", "")
        yield Table(f"What was gained at the end of {where}", columns, rows, notes)


_TONES: Mapping[str, Tone] = {"surely higher": "good", "surely lower": "bad"}


def gain_told(gain: Gain) -> Prose:
    """Say what a difference is, and what can be said of it."""
    than = f"the {gain.than}" if gain.than == BASE else gain.than
    return Prose(
        f"On {gain.suite}, {gain.model} differs from {than} by {gain.told()}: {gain.verdict} (mean "
        f"score over {gain.metric.n} items, with its 95% interval, paired by item).",
        _TONES.get(gain.verdict, ""),
    )


def _before_told(run: Run, best: Gain, since: Gain) -> Prose:
    """Say that an earlier state was higher, and whether what came since surely lost it."""
    rounds = len(run.rounds())
    number = next(stage.round + 1 for stage in run.stages() if stage.label == best.model)
    where = f"The end of round {number} ({best.model})" if rounds > 1 else f"The end of {best.model}"
    return Prose(
        f"{where} was higher on {best.suite}: {best.told()} over the base. What was trained since: "
        f"{since.model} differs from {since.than} by {since.told()}, {since.verdict}.",
        "bad" if since.verdict == "surely lower" else "doubtful",
    )
