"""Step `evaluate`: what the held-out prompts say before and after.

A falling U is what training aims at; it is reported as that, and is no proof of alignment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from udasa_core.job.job import Job
from udasa_core.records import Event
from udasa_core.statistics.resampling import mean_interval
from udasa_core.store.meters import AGREEMENT, HALVES_DIFFER, SINGLE, figures_from
from udasa_core.store.output import Output

# Figures that policies are watched by, and that this comparison leaves out.
_WATCHED = (AGREEMENT, SINGLE, HALVES_DIFFER)


@dataclass(frozen=True, slots=True)
class Change:
    """A figure on the held-out prompts before and after training.

    Means over n prompts of the mean over a prompt's responses; low and high bound the 95% bootstrap
    interval of the paired difference after − before, resampled by prompt.
    """

    name: str
    before: float
    after: float
    low: float
    high: float
    n: int


def compare(job: Job, before: str, after: str, *, round: int = 0) -> tuple[Change, ...]:
    """Compare what two policies' responses to the held-out prompts say, by their meters.

    round: at the end of which `after` was left, from 0.
    """

    def make(key: str) -> None:
        changes = [asdict(change) for change in _changes(job, before, after)]
        job.store.write_json("evaluate", key, {"changes": changes})

    ingredients = {"before": before, "after": after, "seed": job.seed("evaluate")}
    output = Output("evaluate", round=round)
    label = f"compare held-out prompts{f', round {round + 1}' if round else ''}"
    key = job.outputs.once(output, label, ingredients, make)
    changes = job.store.read_json("evaluate", key)["changes"]
    detail = {"round": round + 1, "changes": changes}
    job.observe(Event("finished", "held-out", f"held-out prompts, round {round + 1}", 1, 1, detail))
    return tuple(Change(**change) for change in changes)


def _changes(job: Job, before: str, after: str) -> Iterator[Change]:
    import numpy as np

    old, new = (figures_from(job.store.read_table("meters", key)) for key in (before, after))
    for name, values in old.items():
        measured = ~(np.isnan(values) | np.isnan(new[name]))
        if name in _WATCHED or not measured.any():
            continue  # no prompt was scored both times; "abstained" tells
        a, b = values[measured], new[name][measured]
        low, high = mean_interval(b - a, job.seed("bootstrap", name))
        yield Change(name, float(a.mean()), float(b.mean()), low, high, len(a))
