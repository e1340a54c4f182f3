"""Judgements, repeated: a judge asked n times about the same items, its spread, and what it did not say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Grade, Judge, Metric, Prompt, Resamples, UdasaError

log = logging.getLogger("udasa")

_SHOWN = 200
_SEEDS = 2**32


@dataclass(frozen=True, slots=True)
class Judgements:
    """What a judge said of n items, R times each.

    values: float64 (n, R), what each text says; NaN where it could not be parsed.
    raws: n × R texts. seeds: the R seeds that the judge was given.
    """

    values: NDArray[float64]
    raws: tuple[tuple[str, ...], ...]
    seeds: tuple[int, ...]

    @property
    def medians(self) -> NDArray[float64]:
        """The median of each item's parsed values, (n,); NaN where none was parsed."""
        return np.array([_median(row[np.isfinite(row)]) for row in self.values], dtype=float64)

    @property
    def unparsed(self) -> int:
        """How many of the n × R texts could not be parsed."""
        return int(np.isnan(self.values).sum())


def judged(
    judge: Judge,
    prompts: Sequence[Prompt],
    seed: int,
    repeats: int,
    parse: Callable[[Grade], float | None],
) -> Judgements:
    """Ask a judge about every prompt, `repeats` times with seeds seed, seed + 1, …; more repeats later ask
    only for those that are new.

    parse: a grade → what it says, None where it does not.
    """
    seeds = tuple((seed + repeat) % _SEEDS for repeat in range(repeats))
    rounds = [list(judge(prompts, seed)) for seed in seeds] if prompts else [[] for _ in seeds]
    values = np.full((len(prompts), repeats), np.nan)
    for repeat, grades in enumerate(rounds):
        for item, grade in enumerate(grades):
            value = parse(grade) if grade.answered else None
            if value is not None:
                values[item, repeat] = value
    raws = tuple(tuple(grades[item].raw for grades in rounds) for item in range(len(prompts)))
    return Judgements(values, raws, seeds)


def own_grade(grade: Grade) -> float | None:
    """Return the rating that the judge's own reading found, from 1 to 10."""
    return grade.grade


def check_unparsed(suite: str, judgements: Judgements, allowed: float, form: str) -> None:
    """Raise UdasaError where more than the share `allowed` of the judgements could not be parsed.

    form: what the judge was asked to write. The error tells the count and the first text.
    """
    lost, asked = judgements.unparsed, judgements.values.size
    if not lost:
        return
    first = next(
        raw
        for values, raws in zip(judgements.values, judgements.raws, strict=True)
        for value, raw in zip(values, raws, strict=True)
        if np.isnan(value)
    )
    told = (
        f"suite {suite!r}: {lost} of {asked} judgements contain no {form}; the first says {first[:_SHOWN]!r}"
    )
    if lost > allowed * asked:
        raise UdasaError(
            f"{told}\n    → max_unparsed = {allowed:g} allows {int(allowed * asked)}: use a judge that "
            "follows the form, give it more tokens, or raise max_unparsed"
        )
    log.warning("%s", told)


def unparsed_metric(judgements: Judgements, clusters: NDArray[np.int64], resamples: Resamples) -> Metric:
    """Return `unparsed`, the share of judgements that could not be parsed.

    clusters: (n,), each item's cluster in `resamples`. n counts judgements.
    """
    asked = np.isnan(judgements.values)
    repeats = np.full(len(asked), float(asked.shape[1]))
    over, under = _summed(asked.sum(axis=1), clusters, resamples), _summed(repeats, clusters, resamples)
    return resamples.ratio("unparsed", over, under, asked.size)


def spread_metrics(
    values: NDArray[float64], clusters: NDArray[np.int64], resamples: Resamples, name: str
) -> list[Metric]:
    """Return what repeats tell of the judge, from values (n, R); nothing where R is 1.

    judge_spread: the mean over items of the standard deviation over repeats, in the values' unit.
    {name}_spread: the standard deviation over repeats of the mean over items: what the mean moves by when
    the same judge reads the same answers again. A smaller difference between two models is judge noise.
    clusters: (n,), each item's cluster in `resamples`.
    """
    repeats = values.shape[1]
    if repeats < 2:
        return []
    spreads = np.array([_deviation(row[np.isfinite(row)]) for row in values], dtype=float64)
    there = np.isfinite(spreads)
    within = _summed(np.where(there, spreads, 0.0), clusters, resamples)
    metrics = [resamples.ratio("judge_spread", within, _summed(there, clusters, resamples), int(there.sum()))]
    known = np.isfinite(values)
    over = np.stack(
        [_summed(repeat, clusters, resamples) for repeat in np.where(known, values, 0.0).T], axis=1
    )
    under = np.stack([_summed(repeat, clusters, resamples) for repeat in known.T], axis=1)
    if (under.sum(axis=0) > 0).all():
        value = float((over.sum(axis=0) / under.sum(axis=0)).std(ddof=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = ((resamples.counts @ over) / (resamples.counts @ under)).std(axis=1, ddof=1)
        metrics.append(around(resamples.metric(f"{name}_spread", value, drawn, repeats)))
    return metrics


def around(metric: Metric) -> Metric:
    """Return a metric whose interval holds its value: a figure that is not linear may lie outside the
    percentiles of its resampled values."""
    low, high = min(metric.low, metric.value), max(metric.high, metric.value)
    return Metric(metric.name, metric.value, low, high, metric.n, metric.error)


def _median(values: NDArray[float64]) -> float:
    return float(np.median(values)) if len(values) else np.nan


def _deviation(values: NDArray[float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan


def _summed(values: NDArray[Any], clusters: NDArray[np.int64], resamples: Resamples) -> NDArray[float64]:
    """Return the sum of the items' values in each cluster, (Q,)."""
    result = np.zeros(resamples.counts.shape[1])
    np.add.at(result, clusters, values.astype(float64))
    return result
