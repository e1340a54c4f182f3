"""Items' values as columns, with NaN where there is none, and back to plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric


def column(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[float64]:
    """Return a column of Q rows, (Q,), NaN where a row has None."""
    return np.array([np.nan if row[name] is None else float(row[name]) for row in rows], dtype=float64)


def placed(values: NDArray[float64], places: Sequence[int], size: int) -> NDArray[float64]:
    """Return (size,) values at their places, NaN elsewhere."""
    result = np.full(size, np.nan)
    result[list(places)] = values
    return result


def known_mean(parts: Sequence[NDArray[float64]]) -> NDArray[float64]:
    """Return the mean over parts of one shape, NaN left out, NaN where all are."""
    stacked = np.stack(parts)
    there = np.isfinite(stacked)
    count = there.sum(axis=0)
    mean: NDArray[float64] = np.where(
        count > 0, np.where(there, stacked, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan
    )
    return mean


def number_or_none(value: float) -> float | None:
    """Return a figure as plain data: None in place of NaN."""
    return float(value) if np.isfinite(value) else None


def measured(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """Return the metrics that have a value; one that has none rests on no item."""
    return tuple(metric for metric in metrics if np.isfinite(metric.value))
