"""A run's own comparisons of policies as flat rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from udasa_eval.experiments.signal_report import Row


def move_rows(set_name: str, column: str, transition: Mapping[str, Any]) -> Iterator[Row]:
    """Yield, for each figure of a transition as `Run.transitions` gives it, its value after, and the change
    with its interval as FIGURE.change."""
    for move in transition["moves"]:
        named = (set_name, math.nan, 0, column)
        low, high = (math.nan if bound is None else bound for bound in (move["low"], move["high"]))
        yield Row(*named, move["name"], move["after"], math.nan, math.nan, move["n"])
        change = move["after"] - move["before"]
        yield Row(*named, f"{move['name']}.change", change, low, high, move["n"])
