"""A signal report as text tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from udasa_core import Metric, Table, TableColumn
from udasa_eval.experiments.discrimination import Discrimination
from udasa_eval.experiments.pairs import PairCounts
from udasa_eval.experiments.redundancy import Redundancy
from udasa_eval.experiments.signal_report import SignalReport

_RELATIONS = ("spearman_tokens", "spearman_truncated", "spearman_refusal")


def tables(report: SignalReport) -> list[Table]:
    """Return all tables of one report, each under its condition."""
    made = [ranking(report), together(report), pairs(report), confounding(report)]
    if report.redundancy is not None:
        made += [adding(report.redundancy), alike(report.redundancy)]
    if report.directions:
        made.append(direction(report))
    if report.costs:
        made.append(costs(report))
    return [replace(table, title=f"{report.condition}: {table.title}") for table in made]


def ranking(report: SignalReport) -> Table:
    """How well each column ranks within the question, best first."""
    return Table(
        "ranking within the question",
        (
            *("column", "within-question AUROC", "n", "pair accuracy", "n"),
            TableColumn("scored", unit="%"),
        ),
        [
            (
                one.column,
                one.metric("within_auroc"),
                one.metric("within_auroc").n,
                one.metric("pair_accuracy"),
                one.metric("pair_accuracy").n,
                one.metric("coverage").value,
            )
            for one in _best_first(report)
        ],
        [
            f"{report.questions} questions, {report.responses} responses, {_percent(report.right)} right; "
            f"majority answer right: {_percent(report.majority_right)} of the questions.",
            "AUROC: 1 best, .5 chance; n: questions with right and wrong responses. Pair accuracy: right "
            "over wrong among pairs that differ; n: such pairs. In brackets 95% intervals, clustered by "
            "question.",
        ],
    )


def together(report: SignalReport) -> Table:
    """How well each column ranks the responses of all questions, and how far it is a probability."""
    return Table(
        "all questions pooled",
        ("column", "AUROC", "PRR", "ECE"),
        [
            (one.column, *(one.metric(name) for name in ("pooled_auroc", "prr", "ece")))
            for one in _best_first(report)
        ],
        ["PRR, prediction-rejection ratio: 1 best, 0 chance. ECE, calibration error of 1 − u: 0 best."],
    )


def pairs(report: SignalReport) -> Table:
    """What the pairs are, least over most uncertain response, in all and by whether the majority is right."""
    shown: list[Sequence[Any]] = []
    for one in report.discrimination:
        parts = (
            ("all", "", one.pairs),
            ("majority right", "_majority_right", one.pairs_majority_right),
            ("majority wrong", "_majority_wrong", one.pairs_majority_wrong),
        )
        for name, split, counts in parts:
            shown.append(
                (
                    one.column if name == "all" else "",
                    name,
                    *_counts(counts),
                    one.metric(f"pair_accuracy{split}").value,
                    one.metric(f"within_auroc{split}").value,
                )
            )
    return Table(
        "pairs",
        ("column", "questions", "right/wrong", "both right", "both wrong", "inverted", "accuracy", "AUROC"),
        shown,
        ["Chosen: a question's least uncertain response; rejected: its most uncertain one."],
    )


def confounding(report: SignalReport) -> Table:
    """What each column has to do with length, truncation and refusal."""
    return Table(
        "length, truncation, refusal",
        (
            "column",
            *(TableColumn(name, digits=2) for name in ("tokens", "cut off", "refusal")),
            *("held-equal AUROC", "n", "verdict"),
        ),
        [
            (
                one.column,
                *(one.metric(name).value for name in _RELATIONS),
                one.metric("auroc_held_equal"),
                one.metric("auroc_held_equal").n,
                one.verdict or "–",
            )
            for one in report.confounds
        ],
        [
            "ρ within the question; negative: the column prefers responses that are long, cut off, refusing.",
            "Held equal: right and wrong responses alike in truncation and refusal, lengths within 20%.",
        ],
    )


def adding(redundancy: Redundancy) -> Table:
    """What each dimension adds to the mean of all dimensions' ranks."""
    return Table(
        "incremental AUROC",
        ("column", "adds"),
        [(column, metric) for column, metric in zip(redundancy.columns, redundancy.incremental, strict=True)],
        [f"AUROC of the mean of all ranks, {_told(redundancy.together)}, minus the same without the column."],
    )


def alike(redundancy: Redundancy) -> Table:
    """The matrix of rank correlations; columns by number, to fit the width."""
    numbers = [TableColumn(str(at + 1), digits=2) for at in range(len(redundancy.columns))]
    return Table(
        "redundancy",
        ("column", *numbers),
        [
            (f"{number.name} {column}", *map(float, row))
            for number, column, row in zip(numbers, redundancy.columns, redundancy.spearman, strict=True)
        ],
        ["Mean ρ within the question."],
    )


def direction(report: SignalReport) -> Table:
    """Which of two written answers each column prefers."""
    return Table(
        "direction",
        ("set", "column", "share", "items", "verdict"),
        [(one.contrast, one.column, one.share, one.share.n, one.verdict) for one in report.directions],
        ["Share of items whose better answer is less uncertain."],
    )


def costs(report: SignalReport) -> Table:
    """What a response's score costs."""
    return Table(
        "cost a response",
        ("column", TableColumn("model calls", digits=2), TableColumn("seconds", digits=4)),
        [(column, cost.calls, cost.seconds) for column, cost in report.costs.items()],
    )


def _told(metric: Metric) -> str:
    """Return a figure with its interval as a cell has it."""
    return TableColumn("").written(metric)


def _counts(counts: PairCounts) -> Sequence[int]:
    return (counts.right_over_wrong, counts.both_right, counts.both_wrong, counts.inverted)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share == share else "–"


def _best_first(report: SignalReport) -> list[Discrimination]:
    """Return the columns by their AUROC; those without one come last."""
    values = {one.column: one.metric("within_auroc").value for one in report.discrimination}
    return sorted(
        report.discrimination, key=lambda one: -values[one.column] if values[one.column] >= 0 else 1.0
    )
