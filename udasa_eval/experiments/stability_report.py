"""How stable pairs are, as tables and as flat rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from udasa_core import Metric, Table
from udasa_eval.experiments.signal_report import Row
from udasa_eval.experiments.stability_figures import ColumnStability, Stability
from udasa_eval.experiments.stability_runs import AS_CONFIGURED

_NOTES = (
    "The base's own responses, read again: log-probabilities are the reader's, and so are the voters. "
    "Chosen, rejected, stage: the share of prompts, paired both times, where they stay the same; gaps: "
    "Spearman's ρ. In brackets 95% intervals, by prompt.",
    "Against itself: the chosen that stay, less those that stay with other voters of the base. Surely below "
    "0, the pairs depend on the checkpoint that reads them: the third way in which the method fails.",
)


def tables(found: Sequence[Stability]) -> tuple[Table, Table]:
    """Return the pairs and stages as configured, a line a reader; and each column's own pairs."""
    pairs = Table(
        "Stability of the pairs as configured",
        ("reader", "chosen", "rejected", "gaps", "stage", "paired again", "against itself", "n", "verdict"),
        [
            (
                one.reader,
                column.chosen,
                column.rejected,
                column.gap_rank,
                column.stage,
                column.paired.value,
                _change(one, found[0], column),
                column.chosen.n,
                column.verdict,
            )
            for one in found
            for column in one.columns
            if column.column == AS_CONFIGURED
        ],
        _NOTES,
    )
    columns = Table(
        "Stability by column",
        ("column", "reader", "chosen", "rejected", "gaps", "against itself", "n", "verdict"),
        [
            (
                column.column,
                one.reader,
                column.chosen,
                column.rejected,
                column.gap_rank,
                _change(one, found[0], column),
                column.chosen.n,
                column.verdict,
            )
            for name in (column.column for column in found[0].columns)
            for one in found
            for column in one.columns
            if column.column == name != AS_CONFIGURED
        ],
        ["Each column's least over its most uncertain response, whatever [pairing] says."],
    )
    return pairs, columns


def rows(found: Sequence[Stability]) -> list[Row]:
    """Return one row a reader, column and measure; measures are named <reader>.chosen and so on."""
    return [
        Row(
            "training", math.nan, 0, column.column, f"{one.reader}.{name}",
            metric.value, metric.low, metric.high, metric.n,
        )
        for one in found
        for column in one.columns
        for name, metric in _metrics(column)
    ]  # fmt: skip


def _metrics(column: ColumnStability) -> Iterator[tuple[str, Metric]]:
    for name in ("chosen", "rejected", "gap_rank", "stage", "paired", "change"):
        metric: Metric = getattr(column, name)
        if not math.isnan(metric.value):
            yield name, metric


def _change(one: Stability, itself: Stability, column: ColumnStability) -> Metric | None:
    return None if one is itself else column.change
