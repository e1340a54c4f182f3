"""What several runs left, on the suites that they have in common, item by item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from udasa_core.page.gains import Gain, gain_told, item_change
from udasa_core.page.parts import Prose
from udasa_core.report.table import Table
from udasa_core.store.runs import Run


def side_by_side(runs: Sequence[Run]) -> Iterator[Prose | Table]:
    """Yield what each run's last model scores beside the first one's, in sentences and as a table, or that no
    suite measured both."""
    first, *others = runs
    found = [gain for other in others for suite in first.suites() for gain in _compared(suite, other, first)]
    if not found:
        yield Prose(
            "Which of them is better is not known: no suite scored the same items of both.", "doubtful"
        )
        return
    yield from map(gain_told, found)
    yield Table(
        "Item by item",
        ("suite", "model", "beside", "difference", "items", ""),
        [(gain.suite, gain.model, gain.than, gain.told(), gain.metric.n, gain.verdict) for gain in found],
        [
            "Differences of each item's mean score, of the last model that each run has measured; 95% "
            "intervals paired by item. `udasa eval compare` tests them, corrects for testing several, "
            "and says whether both were measured alike."
        ],
    )


def _compared(suite: str, other: Run, first: Run) -> Iterator[Gain]:
    if suite not in other.suites():
        return
    models = [list(dict.fromkeys(row["model"] for row in run.suites()[suite]))[-1] for run in (other, first)]
    ours, theirs = (
        run.suite_items(suite, model).get("score", {})
        for run, model in zip((other, first), models, strict=True)
    )
    if ours.keys() & theirs.keys():
        model, than = f"{other.name}:{models[0]}", f"{first.name}:{models[1]}"
        yield Gain(suite, model, than, item_change(ours, theirs))
