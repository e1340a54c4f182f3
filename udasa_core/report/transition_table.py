"""What each stage did to what the earlier ones taught: figures down, policies across."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from udasa_core.config.transitions import CHOSEN_LOGP, PAIR_ACCURACY
from udasa_core.report.table import Cell, Interval, Table

# Of all earlier stages together: what gates go by. The matrix has each stage's own.
_POOLED = (CHOSEN_LOGP, PAIR_ACCURACY)
_NOTES = (
    "Below each value, in brackets, the 95% interval of its change from the policy before, paired by prompt "
    "or item (by both standard errors where a suite's rows do not hold the figure): one that holds 0 is no "
    "evidence of a change. Of fewer than six there is none.",
    "chosen logp: nats of a whole response; pair accuracy: share of pairs whose chosen response gained on "
    "the rejected one, against the base, where it is ½ by construction. Both of an earlier stage's pairs.",
)


def transition_tables(transitions: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """Yield the matrix of each round."""
    rounds = [(number, list(some)) for number, some in groupby(transitions, key=lambda one: one["round"])]
    for number, some in rounds:
        of = f", round {number + 1}" if len(rounds) > 1 else ""
        # What is to be said of all is said once.
        notes = _NOTES if number == rounds[-1][0] else ()
        yield _matrix(f"What each stage did to what was there before{of}", some, notes=notes)


def rounds_table(rounds: Sequence[Mapping[str, Any]], ended: str) -> Table:
    """Return the matrix of what each round did. ended: why there are no more, "" where none is missing."""
    names = ["base", *(f"round {one['round'] + 1}" for one in rounds)]
    notes = [f"There was no further round: {ended}."] if ended else []
    if not rounds:  # the first one left the policy as it was
        return Table("Rounds", ("figure", *names, "n"), [], notes)
    return _matrix("Rounds", rounds, names, [_NOTES[0], *notes])


def _matrix(
    title: str,
    transitions: Sequence[Mapping[str, Any]],
    names: Sequence[str] = (),
    notes: Sequence[str] = _NOTES,
) -> Table:
    """A policy's value stands in its own column, whichever transition tells it. names: of the columns, where
    not by the policies' labels."""
    labels = [transitions[0]["before"], *(one["after"] for one in transitions)]
    values: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, Interval]] = {}
    counts: dict[str, int] = {}
    for one in transitions:
        for move in one["moves"]:
            name = move["name"]
            if name in _POOLED or name.endswith("(raw)"):
                continue
            values.setdefault(name, {}).update({one["before"]: move["before"], one["after"]: move["after"]})
            counts[name] = max(move["n"], counts.get(name, 0))
            if move["low"] is not None:
                intervals.setdefault(name, {})[one["after"]] = Interval(move["low"], move["high"])
    rows: list[tuple[Cell, ...]] = []
    for name, own in values.items():
        rows.append((name, *(own.get(label) for label in labels), counts[name]))
        if name in intervals:
            rows.append(("", *(intervals[name].get(label, "") for label in labels), ""))
    return Table(title, ("figure", *(names or labels), "n"), rows, notes)
