"""Step `evaluate`: what the held-out prompts say before and after.

A falling U is what training aims at; it is reported as that, and is no proof of alignment.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from udasa_core.job.job import Job
from udasa_core.records import Abstain, Group, Response, Scores
from udasa_core.statistics.resampling import mean_interval
from udasa_core.store.output import Output
from udasa_core.store.store import Shards
from udasa_core.store.tables import groups_from, scores_from

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One model's groups and scores on the held-out prompts."""

    groups: Shards
    scores: Shards


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


def compare(job: Job, before: HeldOut, after: HeldOut) -> tuple[Change, ...]:
    """Compare what two policies' responses to the held-out prompts say."""

    def make(key: str) -> None:
        changes = [asdict(change) for change in _changes(job, before, after)]
        job.store.write_json("evaluate", key, {"changes": changes})

    ingredients = {"before": _keys(before), "after": _keys(after), "seed": job.seed("evaluate")}
    key = job.outputs.once(Output("evaluate"), "compare held-out prompts", ingredients, make)
    return tuple(Change(**change) for change in job.store.read_json("evaluate", key)["changes"])


def _keys(held_out: HeldOut) -> list[Sequence[str]]:
    return [held_out.groups.fingerprints, held_out.scores.fingerprints]


def _changes(job: Job, before: HeldOut, after: HeldOut) -> Iterator[Change]:
    import numpy as np

    old, new = _measure(job, before), _measure(job, after)
    for name, values in old.items():
        measured = ~(np.isnan(values) | np.isnan(new[name]))
        if not measured.any():
            continue  # no prompt was scored both times; "abstained" tells
        a, b = values[measured], new[name][measured]
        low, high = mean_interval(b - a, job.seed("bootstrap", name))
        yield Change(name, float(a.mean()), float(b.mean()), low, high, len(a))


def _measure(job: Job, held_out: HeldOut) -> dict[str, NDArray[float64]]:
    """Return each figure by prompt, NaN where a prompt has none."""
    import numpy as np

    columns: dict[str, array[float]] = {}
    for group_key, score_key in zip(held_out.groups.fingerprints, held_out.scores.fingerprints, strict=True):
        groups = groups_from(job.store.read_table("sample", group_key))
        scores = scores_from(job.store.read_table("aggregate", score_key))
        for group, one in zip(groups, scores, strict=True):
            for name, value in _figures(group, one).items():
                columns.setdefault(name, array("d")).append(value)
    return {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}


def _figures(group: Group, scores: Scores) -> dict[str, float]:
    """Return one prompt's figures: uncertainties in [0, 1], entropy in nats a token, length in tokens,
    shares in [0, 1]."""
    responses = group.responses
    tokens = sum(len(one.token_ids) for one in responses)
    return {
        "U": _mean(scores.U),
        **{f"u {name}": _mean(column) for name, column in scores.calibrated.items()},
        **{f"u {name} (raw)": _mean(column) for name, column in scores.raw.items()},
        "abstained": sum(isinstance(score, Abstain) for score in scores.U) / len(scores.U),
        "entropy": _entropy(responses, tokens),
        "length": tokens / len(responses),
        "truncated": sum(one.finish_reason == "length" for one in responses) / len(responses),
        "distinct responses": len({one.text for one in responses}) / len(responses),
    }


def _entropy(responses: Sequence[Response], tokens: int) -> float:
    """Return the mean entropy of a token; NaN where a response came without."""
    known = [response.entropies for response in responses if response.entropies is not None]
    return sum(map(sum, known)) / tokens if len(known) == len(responses) else float("nan")


def _mean(scores: Sequence[float | Abstain]) -> float:
    values = [score for score in scores if not isinstance(score, Abstain)]
    return sum(values) / len(values) if values else float("nan")
