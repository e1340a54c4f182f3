"""A checkpoint's agreement with itself as a text table and as flat rows."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import Table
from udasa_eval.experiments.agreement import Agreement
from udasa_eval.experiments.signal_report import Condition, Row

_MEASURES = ("icc", "rank", "chosen_flips", "rejected_flips")


def table(condition: Condition, agreements: Sequence[Agreement]) -> Table:
    """Return one line a column and kind of repeat: the same responses scored again, or fresh ones."""
    return Table(
        str(condition),
        ("column", "responses", "repeats", "ICC(2,1)", "rank ρ", "chosen flips", "rejected flips", "n"),
        [
            (
                one.column,
                one.kind,
                one.repeats,
                *(one.metric(name) for name in _MEASURES),
                one.metric("chosen_flips").n,
            )
            for one in agreements
        ],
        [
            "Same: the same responses scored repeatedly, ρ within the question; a flip is another "
            "response. Fresh: new responses, means of questions compared; a flip is another answer. "
            "n: questions with a pair.",
        ],
    )


def rows(condition: Condition, agreements: Sequence[Agreement]) -> list[Row]:
    """Return one row a column and measure, measures named same.icc, fresh.icc and so on."""
    where = (condition.set_name, condition.temperature, condition.responses)
    return [
        Row(*where, one.column, f"{one.kind}.{metric.name}", metric.value, metric.low, metric.high, metric.n)
        for one in agreements
        for metric in one.metrics
    ]
