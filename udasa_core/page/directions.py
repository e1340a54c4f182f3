"""Which end of a figure is better: one rule for all that a page says of better and worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from udasa_core.config.transitions import OF_PAIRS, OF_PROMPTS, Better, better_end

# What suites call figures that say themselves which end is better. Of what they call otherwise, as of the
# figures in OF_PROMPTS without an end, nobody can say.
_OF_SUITES: Mapping[str, Better] = {
    "score": "higher",
    "accuracy": "higher",
    "any_of_k": "higher",
    "majority": "higher",
}


def end_of(figure: str, config: Mapping[str, Any]) -> Better | None:
    """Return which end of a figure is better; None where nobody can say, as of U and of length.

    figure: "SUITE FIGURE", or one of the held-out prompts or of pairs, of an earlier stage's as of all.
    config: the run's, as plain data: what it says of a figure counts first.
    """
    said = better_end(figure, config)
    if said is not None:
        return said
    for name, better in OF_PAIRS.items():
        if figure.startswith(f"{name} of "):
            return better
    suites = [str(one.get("name", one["use"])) for one in config.get("suite", ())]
    for suite in suites:
        if figure.startswith(f"{suite} "):
            own = figure.removeprefix(f"{suite} ")
            # A suite's share that was cut off is one, as that of the held-out prompts is.
            return _OF_SUITES.get(own) or OF_PROMPTS.get(own.replace("_", " "))
    return None


def is_worse(low: float | None, high: float | None, better: Better | None) -> bool:
    """Say whether a change with this interval is one to the worse, surely."""
    if low is None or high is None or better is None:
        return False
    return high < 0 if better == "higher" else low > 0


def is_told(move: Mapping[str, Any], moves: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a move says nothing of its own: a raw dimension, a figure of all earlier stages' pairs
    together, or a suite's bare score that a metric of the same suite is the mean of."""
    if move["name"].endswith("(raw)") or move["name"] in OF_PAIRS:
        return True
    suite = move["name"].removesuffix(" score")
    values = ("before", "after", "low", "high", "n")
    return suite != move["name"] and any(
        other["name"].startswith(f"{suite} ")
        and other is not move
        and all(other[name] == move[name] for name in values)
        for other in moves
    )
