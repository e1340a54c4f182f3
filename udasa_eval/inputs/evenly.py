"""A few of many, so that all parts of what is ordered by kind have some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def evenly(items: Sequence[Item], limit: int | None) -> tuple[Item, ...]:
    """Return `limit` of the items, at equal distances and in order; all of them where they are no more, or
    there is no limit."""
    count = min(limit or len(items), len(items))
    return tuple(items[number * len(items) // count] for number in range(count))
