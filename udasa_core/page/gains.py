"""What a run's last model scores on its suites less what the base does, item by item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from udasa_core.records import Metric
from udasa_core.statistics.resampling import Resamples
from udasa_core.store.output import BASE
from udasa_core.store.runs import Run

_SEED = 20260101


@dataclass(frozen=True, slots=True)
class Gain:
    """A model's mean score on a suite less the base's, over the items that both have a score for; its
    interval is at 95%, by resampling items."""

    suite: str
    model: str
    metric: Metric


def gains(run: Run) -> tuple[Gain, ...]:
    """Return the gain of what the run left, suite by suite; none where the suites did not measure both."""
    standing = [stage.label for stage in run.stages() if stage.trained and not stage.rolled_back]
    return tuple(gain for suite in run.suites() for gain in gains_on(run, suite, standing[-1:]))


def gains_on(run: Run, suite: str, models: list[str]) -> Iterator[Gain]:
    """Yield the gain of each of some models on one suite; those that it did not measure are left out."""
    import numpy as np

    measured = {row["model"] for row in run.suites()[suite]}
    for model in models if BASE in measured else ():
        if model not in measured:
            continue
        ours, theirs = (run.suite_items(suite, one).get("score", {}) for one in (model, BASE))
        values = np.array([ours[item] - theirs[item] for item in sorted(ours.keys() & theirs.keys())])
        if len(values):
            yield Gain(suite, model, Resamples.draw(len(values), _SEED).mean("difference", values))
