"""The arms of an ablation as tables, and as flat rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields

from udasa_core import Metric, Table, TableColumn
from udasa_eval.experiments.ablation_runs import Arm
from udasa_eval.experiments.pairs import PairCounts
from udasa_eval.experiments.signal_report import Row

_DOSES = ("noise", "flips")


def tables(arms: Sequence[Arm]) -> tuple[Table, Table]:
    """Return what each part of U adds, and how errors in U spread; both begin with the run as configured."""
    where = arms[0].condition
    notes = [
        f"{where}. AUROC of U within the question: 1 best, .5 chance. Pairs by the labels of chosen and "
        "rejected; accuracy: right over wrong among those that differ. In brackets 95% intervals, clustered "
        "by question.",
        "Moved: pairs of the run as configured that lie in another stage, or in none; two of three would, "
        "were three equal stages dealt at random.",
    ]
    planted = [
        "Noise: so much (standard deviation) is added to each response's U, which lies in [0, 1]. Flips: in "
        "this share of the prompts the order by U is turned round.",
    ]
    parts = [arm for arm in arms if arm.group not in _DOSES]
    doses = [arms[0], *(arm for arm in arms if arm.group in _DOSES)]
    return _table("Ablation", parts, notes), _table("Errors planted in U", doses, planted)


def rows(arms: Sequence[Arm]) -> list[Row]:
    """Return one row an arm and measure: within_auroc, pair_accuracy, moved, pairs.<kind>, and the dose."""
    return [
        Row(
            arm.condition.set_name,
            arm.condition.temperature,
            arm.condition.responses,
            arm.name,
            metric.name,
            metric.value,
            metric.low,
            metric.high,
            metric.n,
            arm.condition.voters,
        )
        for arm in arms
        for metric in _metrics(arm)
    ]


def _metrics(arm: Arm) -> Iterator[Metric]:
    yield from (arm.auroc, arm.accuracy, arm.moved)
    for kind in fields(PairCounts):
        count = getattr(arm.pairs, kind.name)
        yield Metric(f"pairs.{kind.name}", float(count), math.nan, math.nan, arm.pairs.total)
    if arm.dose:
        yield Metric("dose", arm.dose, math.nan, math.nan, arm.pairs.total)


def _table(title: str, arms: Sequence[Arm], notes: Sequence[str]) -> Table:
    columns = (
        *("arm", "AUROC", "right/wrong", "both right", "both wrong", "inverted", "accuracy"),
        TableColumn("moved", unit="%"),
    )
    cells = [
        (
            arm.name,
            arm.auroc,
            arm.pairs.right_over_wrong,
            arm.pairs.both_right,
            arm.pairs.both_wrong,
            arm.pairs.inverted,
            arm.accuracy,
            arm.moved.value,
        )
        for arm in arms
    ]
    return Table(title, columns, cells, notes)
