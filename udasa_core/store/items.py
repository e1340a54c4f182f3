"""What a suite's rows say of each item, and whether a figure is the mean of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

# A metric is the mean of its items where it differs from that by no more than rounding.
ROUNDING = 1e-6


def by_item(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, float]:
    """Return each item's mean value of a column by id; items without one are left out."""
    found: dict[str, list[float]] = {}
    for row in rows:
        value = row.get(column)
        if row.get("id") is not None and isinstance(value, int | float) and math.isfinite(value):
            found.setdefault(str(row["id"]), []).append(float(value))
    return {item: math.fsum(values) / len(values) for item, values in found.items()}


def is_mean(items: Mapping[str, float], metric: Mapping[str, Any]) -> bool:
    """Say whether a metric, as plain data, is the mean of these items, up to rounding."""
    if not items:
        return False
    mean = math.fsum(items.values()) / len(items)
    return abs(mean - float(metric["value"])) <= ROUNDING * max(1.0, abs(mean))
