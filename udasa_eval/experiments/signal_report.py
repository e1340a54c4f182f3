"""Everything that is measured of the uncertainty signal under one condition, and its flat rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Cost, Metric, Resamples, Table, without_places, write_whole
from udasa_eval.experiments.confounds import Confounds, confounds
from udasa_eval.experiments.direction import Direction
from udasa_eval.experiments.discrimination import Discrimination, discrimination
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.redundancy import Redundancy, redundancy


@dataclass(frozen=True, slots=True)
class Condition:
    """Where figures come from: the labelled set, the sampling temperature, K responses a prompt, and how many
    voters they are compared with besides.

    temperature: NaN where the responses were given, not sampled.
    """

    set_name: str
    temperature: float
    responses: int
    voters: int = 0

    def __str__(self) -> str:
        return f"{self.set_name}, {self.sampling}, {self.size}"

    @property
    def size(self) -> str:
        """K, and the voters where there are any, in words."""
        return f"K = {self.responses}" + (f", {self.voters} voters" if self.voters else "")

    @property
    def sampling(self) -> str:
        """Where the responses come from, in words."""
        return "given responses" if math.isnan(self.temperature) else f"temperature {self.temperature:g}"


@dataclass(frozen=True, slots=True)
class SignalReport:
    """One condition's figures: by column discrimination and confounds, between dimensions redundancy (None
    where there are fewer than two), on the contrast sets directions, and costs by column where they are
    known. by_question: each column's mean over a question's responses, and "right", their share of right
    ones; of `semantic.cluster` this times ln K is the question's discrete semantic entropy.

    questions, responses, right, majority_right: counts of the labelled set and its shares of right responses
    and of questions whose majority is right.
    """

    condition: Condition
    questions: int
    responses: int
    right: float
    majority_right: float
    discrimination: tuple[Discrimination, ...]
    confounds: tuple[Confounds, ...]
    redundancy: Redundancy | None
    directions: tuple[Direction, ...] = ()
    costs: Mapping[str, Cost] = field(default_factory=dict)
    by_question: Mapping[str, NDArray[float64]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns, in their order."""
        return tuple(one.column for one in self.discrimination)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: condition, column, measure, and the value with its 95% interval and what it rests on.

    low, high: NaN where the figure has no interval.
    """

    set_name: str
    temperature: float
    K: int
    column: str
    measure: str
    value: float
    low: float
    high: float
    n: int
    voters: int = 0


def measure(
    scores: LabelledScores,
    condition: Condition,
    *,
    dimensions: Sequence[str],
    directions: Sequence[Direction] = (),
    costs: Mapping[str, Cost] | None = None,
    seed: int,
) -> SignalReport:
    """Measure every column of the scores under one condition.

    dimensions: the columns to compare with one another (not the aggregates that are made of them); KeyError
    for a name that is no column. All intervals rest on one draw of questions, so that figures of one report
    compare.
    """
    resamples = Resamples.draw(len(scores.by_question()), seed)
    return SignalReport(
        condition,
        len(scores.by_question()),
        len(scores),
        float(scores.right.mean()) if len(scores) else math.nan,
        float(scores.majority_right().mean()) if len(scores) else math.nan,
        discrimination(scores, resamples),
        confounds(scores, resamples),
        redundancy(scores, dimensions, resamples) if len(dimensions) > 1 else None,
        tuple(directions),
        dict(costs or {}),
        _by_question(scores),
    )


def _by_question(scores: LabelledScores) -> dict[str, NDArray[float64]]:
    """Return each column's mean over a question's scored responses, (questions,), NaN where none is."""
    index = scores.question_index
    columns = {"right": scores.right.astype(float64), **scores.columns}
    means = {}
    for name, values in columns.items():
        told = ~np.isnan(values)
        sums = np.bincount(index[told], weights=values[told], minlength=len(scores.by_question()))
        counts = np.bincount(index[told], minlength=len(sums))
        with np.errstate(invalid="ignore"):
            means[name] = sums / counts
    return means


def question_rows(reports: Sequence[SignalReport]) -> list[Row]:
    """Return one row a condition, column and question, numbered from 0 as "question 0" in the set's order."""
    return [
        Row(
            report.condition.set_name,
            report.condition.temperature,
            report.condition.responses,
            column,
            f"question {number}",
            float(value),
            math.nan,
            math.nan,
            report.condition.responses,
            report.condition.voters,
        )
        for report in reports
        for column, values in report.by_question.items()
        for number, value in enumerate(values)
    ]


def rows(reports: Sequence[SignalReport]) -> list[Row]:
    """Return every figure of the reports, one row a condition, column and measure.

    Measures are the metrics' names (`discrimination`, `confounds`, `redundancy`), and pairs.<kind>,
    pairs_majority_right.<kind>, pairs_majority_wrong.<kind>: counts of pairs; follows_<attribute>: 1 where
    the column is named so, else 0; spearman_with.<column>; direction.<contrast set>; calls and seconds.
    """
    return [row for report in reports for row in _rows(report)]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as a CSV with a header; figures in full precision, nothing where there is none."""
    table = Table("", [field.name for field in fields(Row)], [astuple(row) for row in rows])
    write_whole(path, without_places(table.csv()))


def _rows(report: SignalReport) -> Iterator[Row]:
    for column, metric in _metrics(report):
        value, low, high = (float(figure) for figure in (metric.value, metric.low, metric.high))
        where = report.condition
        yield Row(
            where.set_name,
            where.temperature,
            where.responses,
            column,
            metric.name,
            value,
            low,
            high,
            metric.n,
            where.voters,
        )


def _metrics(report: SignalReport) -> Iterator[tuple[str, Metric]]:
    for told in report.discrimination:
        yield from ((told.column, metric) for metric in told.metrics)
        for name in ("pairs", "pairs_majority_right", "pairs_majority_wrong"):
            counts = getattr(told, name)
            for kind in fields(counts):
                yield told.column, _plain(f"{name}.{kind.name}", getattr(counts, kind.name), counts.total)
    for found in report.confounds:
        yield from ((found.column, metric) for metric in found.metrics)
        for attribute in ("length", "truncation", "refusal"):
            yield found.column, _plain(f"follows_{attribute}", attribute in found.follows, report.responses)
    if report.redundancy is not None:
        yield "", report.redundancy.together
        for at, column in enumerate(report.redundancy.columns):
            yield column, report.redundancy.incremental[at]
            for other, rho in zip(report.redundancy.columns, report.redundancy.spearman[at], strict=True):
                if other != column:
                    yield column, _plain(f"spearman_with.{other}", rho, report.questions)
    for seen in report.directions:
        share = seen.share
        yield seen.column, Metric(f"direction.{seen.contrast}", share.value, share.low, share.high, share.n)
    for column, cost in report.costs.items():
        yield column, _plain("calls", cost.calls, report.responses)
        yield column, _plain("seconds", cost.seconds, report.responses)


def _plain(name: str, value: float, n: int) -> Metric:
    return Metric(name, float(value), np.nan, np.nan, n)
