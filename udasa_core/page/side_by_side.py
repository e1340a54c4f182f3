"""What several runs left, on the suites that they have in common, item by item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from udasa_core.page.gains import item_change
from udasa_core.report.table import Cell, Table
from udasa_core.store.runs import Run


def side_by_side(runs: Sequence[Run]) -> Iterator[Table]:
    """Yield a table of what each run's last model scores less what the first one's does; none where no suite
    measured both."""
    first, *others = runs
    rows = [row for other in others for suite in first.suites() for row in _compared(suite, other, first)]
    if rows:
        yield Table(
            "Item by item",
            ("suite", "models", "difference", "n", ""),
            rows,
            [
                "Differences of each item's mean score, of the last model that each run has measured; 95% "
                "intervals by resampling items. `udasa eval compare` tests them, corrects for testing "
                "several, and says whether both were measured alike."
            ],
        )


def _compared(suite: str, other: Run, first: Run) -> Iterator[tuple[Cell, ...]]:
    if suite not in other.suites():
        return
    models = [list(dict.fromkeys(row["model"] for row in run.suites()[suite]))[-1] for run in (other, first)]
    ours, theirs = (
        run.suite_items(suite, model).get("score", {})
        for run, model in zip((other, first), models, strict=True)
    )
    if not ours.keys() & theirs.keys():
        return
    metric = item_change(ours, theirs)
    names = f"{other.name}:{models[0]} − {first.name}:{models[1]}"
    told = "surely higher" if metric.low > 0 else "surely lower" if metric.high < 0 else "no evidence"
    yield suite, names, metric, metric.n, told
