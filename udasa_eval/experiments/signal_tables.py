"""A signal report as text tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import Metric
from udasa_core.report.table import Table, figure
from udasa_eval.experiments.discrimination import Discrimination
from udasa_eval.experiments.pairs import PairCounts
from udasa_eval.experiments.redundancy import Redundancy
from udasa_eval.experiments.signal_report import SignalReport

_RELATIONS = ("spearman_tokens", "spearman_truncated", "spearman_refusal")


def table(report: SignalReport) -> str:
    """Return all tables of one report, a blank line between them."""
    tables = [ranking(report), together(report), pairs(report), confounding(report)]
    if report.redundancy is not None:
        tables += [adding(report.redundancy), alike(report.redundancy)]
    if report.directions:
        tables.append(direction(report))
    if report.costs:
        tables.append(costs(report))
    return "\n\n".join(str(one) for one in tables)


def ranking(report: SignalReport) -> Table:
    """How well each column ranks within the question, best first."""
    return Table(
        str(report.condition),
        ("column", "within-question AUROC", "n", "pair accuracy", "n", "scored"),
        [
            (
                one.column,
                interval(one.metric("within_auroc")),
                str(one.metric("within_auroc").n),
                interval(one.metric("pair_accuracy")),
                str(one.metric("pair_accuracy").n),
                _percent(one.metric("coverage").value),
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
        "All questions pooled",
        ("column", "AUROC", "PRR", "ECE"),
        [
            (one.column, *(interval(one.metric(name)) for name in ("pooled_auroc", "prr", "ece")))
            for one in _best_first(report)
        ],
        ["PRR, prediction-rejection ratio: 1 best, 0 chance. ECE, calibration error of 1 − u: 0 best."],
    )


def pairs(report: SignalReport) -> Table:
    """What the pairs are, least over most uncertain response, in all and by whether the majority is right."""
    shown = []
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
                    figure(one.metric(f"pair_accuracy{split}").value),
                    figure(one.metric(f"within_auroc{split}").value),
                )
            )
    return Table(
        "Pairs (chosen = least, rejected = most uncertain)",
        ("column", "questions", "right/wrong", "both right", "both wrong", "inverted", "accuracy", "AUROC"),
        shown,
    )


def confounding(report: SignalReport) -> Table:
    """What each column has to do with length, truncation and refusal."""
    return Table(
        "Length, truncation, refusal (ρ within the question; negative: prefers long, cut off, refusing)",
        ("column", "tokens", "cut off", "refusal", "held-equal AUROC", "n", "verdict"),
        [
            (
                one.column,
                *(figure(one.metric(name).value, 2) for name in _RELATIONS),
                interval(one.metric("auroc_held_equal")),
                str(one.metric("auroc_held_equal").n),
                one.verdict or "–",
            )
            for one in report.confounds
        ],
        ["Held equal: right and wrong responses alike in truncation and refusal, lengths within 20%."],
    )


def adding(redundancy: Redundancy) -> Table:
    """What each dimension adds to the mean of all dimensions' ranks."""
    return Table(
        f"Incremental AUROC: mean of all ranks, {interval(redundancy.together)}, minus it without the column",
        ("column", "adds"),
        [
            (column, interval(metric))
            for column, metric in zip(redundancy.columns, redundancy.incremental, strict=True)
        ],
    )


def alike(redundancy: Redundancy) -> Table:
    """The matrix of rank correlations; columns by number, to fit the width."""
    numbers = [str(at + 1) for at in range(len(redundancy.columns))]
    return Table(
        "Redundancy (mean ρ within the question)",
        ("column", *numbers),
        [
            (f"{number} {column}", *(figure(value, 2) for value in row))
            for number, column, row in zip(numbers, redundancy.columns, redundancy.spearman, strict=True)
        ],
    )


def direction(report: SignalReport) -> Table:
    """Which of two written answers each column prefers."""
    return Table(
        "Direction (share of items whose better answer is less uncertain)",
        ("set", "column", "share", "items", "verdict"),
        [
            (one.contrast, one.column, interval(one.share), str(one.share.n), one.verdict)
            for one in report.directions
        ],
    )


def costs(report: SignalReport) -> Table:
    """What a response's score costs."""
    return Table(
        "Cost a response",
        ("column", "model calls", "seconds"),
        [(column, figure(cost.calls, 2), figure(cost.seconds, 4)) for column, cost in report.costs.items()],
    )


def interval(metric: Metric) -> str:
    """Return a figure with its interval: 0.842 [0.801, 0.880]; a dash where there is none."""
    if metric.value != metric.value:
        return "–"
    return f"{figure(metric.value)} [{figure(metric.low)}, {figure(metric.high)}]"


def _counts(counts: PairCounts) -> Sequence[str]:
    return [str(n) for n in (counts.right_over_wrong, counts.both_right, counts.both_wrong, counts.inverted)]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share == share else "–"


def _best_first(report: SignalReport) -> list[Discrimination]:
    """Return the columns by their AUROC; those without one come last."""
    values = {one.column: one.metric("within_auroc").value for one in report.discrimination}
    return sorted(
        report.discrimination, key=lambda one: -values[one.column] if values[one.column] >= 0 else 1.0
    )
