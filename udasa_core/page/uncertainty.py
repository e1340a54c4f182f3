"""The page's section "Uncertainty"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from udasa_core.config.schema import ControlsTable
from udasa_core.page.parts import Part, Prose, Section
from udasa_core.page.relation_charts import (
    correlation_chart,
    relation_chart,
    relation_table,
)
from udasa_core.page.scored import Related, Scored, scored
from udasa_core.page.uncertainty_charts import (
    abstention_chart,
    abstention_table,
    control_chart,
    distribution_chart,
    sides_chart,
)
from udasa_core.report.figures import uncertainty_of
from udasa_core.report.show import agreement_table, controls_table, in_round, uncertainty_table
from udasa_core.report.table import Cell, Interval, Table, TableColumn
from udasa_core.report.written import number, share
from udasa_core.store.runs import Run


def section(run: Run, figures: Mapping[str, Any]) -> Section | None:
    """Return the section; None where the run has nothing of it yet. figures: what `figures(run)` gave."""
    parts = list(_parts(run, figures))
    return Section("uncertainty", "Uncertainty", parts) if parts else None


def _parts(run: Run, figures: Mapping[str, Any]) -> Iterator[Part]:
    where = in_round(figures)
    if where:
        yield Prose(
            f"What is below was sampled{where}, but for control prompts. Earlier rounds have other "
            f"responses, of an earlier model{_earlier(run, figures)}."
        )
    if figures["uncertainty"]:
        found = scored(run, figures["sampled_in"]["round"] - 1)
        if found is not None:
            yield _length_told(found.length[0])
            yield _cut_off_told(found.cut_off[0])
        yield _weighted(run, uncertainty_table(figures["uncertainty"], where))
        if found is not None:
            yield from _charts(found, where)
        yield from _abstentions(run, figures, where)
    if figures["agreement"]:
        yield _single_told(figures["agreement"])
        yield agreement_table(figures["agreement"], where)
    if figures["controls"]:
        yield controls_table(figures["controls"])
        table = ControlsTable.model_validate(run.manifest.plain["config"].get("controls", {}))
        yield control_chart(figures["controls"], table.bound)


def _earlier(run: Run, figures: Mapping[str, Any]) -> str:
    """Say that pairs of the rounds before are in the model, and nothing of them is below."""
    last = figures["sampled_in"]["round"] - 1
    pairs = sum(one.size for one in run.stages() if one.trained and not one.rolled_back and one.round < last)
    return f": nothing here is of the {pairs:,} pairs of theirs that were trained on, too" if pairs else ""


def _weighted(run: Run, table: Table) -> Table:
    """Return the table with each dimension's weight in U, where they are not the same."""
    config = run.manifest.plain["config"]
    weights = [float(one.get("weight", 1.0)) for one in config["dimension"]]
    if len(set(weights)) < 2 or len(table.rows) != len(weights) + 1:
        return table
    told: list[Cell] = [*weights, ""]
    rows: list[list[Cell]] = [
        [row[0], weight, *row[1:]] for row, weight in zip(table.rows, told, strict=True)
    ]
    first, *others = table.columns
    note = "weight: of a dimension in U; where one outweighs the others, U is nearly that one alone."
    columns = (first, TableColumn("weight", digits="short"), *others)
    return replace(table, columns=columns, rows=rows, notes=[*table.notes, note])


def _charts(found: Scored, where: str) -> Iterator[Part]:
    yield distribution_chart(found, where)
    if found.calibrated[found.names[0]].sum():
        yield sides_chart(found, where)
    if found.defined.any() and len(found.names) > 1:
        yield correlation_chart(found, where)
    relations = relation_chart(found, where)
    if relations is not None:
        yield relations
        yield relation_table(found, where)


def _length_told(length: Related) -> Prose:
    """Say whether U follows length."""
    one = length.estimate
    if one.value is None:
        return Prose(
            "Whether U follows length cannot be told: no prompt has responses of different lengths and "
            "different U."
        )
    if one.low is None or one.high is None:
        return Prose(
            f"Whether U follows length cannot be told of {_prompts(length.n)} (rank correlation "
            f"{number(one.value, 2)})."
        )
    told = f"{number(one.value, 2)} {_interval(one.low, one.high)}, mean of {_prompts(length.n)}"
    if not one.is_sure:
        return Prose(
            "No evidence that U follows length: within prompts, the rank correlation of U with the number of "
            f"tokens is {told}."
        )
    more = "more" if one.value > 0 else "less"
    return Prose(
        f"U follows length here: within a prompt, longer responses are {more} uncertain (rank correlation "
        f"{told}).",
        "doubtful",
    )


def _cut_off_told(cut: Related) -> Prose:
    """Say whether responses that were cut off have another U."""
    one = cut.estimate
    if one.value is None:
        return Prose(
            "Whether being cut off goes with U cannot be told: no prompt has both a response that was cut "
            "off and a whole one, each with a U."
        )
    told = f"by {number(abs(one.value), 2)}"
    if one.low is None or one.high is None:
        return Prose(
            f"Whether being cut off goes with U cannot be told of {_prompts(cut.n)} with both (there, "
            f"responses that were cut off have a {_higher(one.value)} U {told})."
        )
    told += f" {_interval(one.low, one.high)}, mean of {_prompts(cut.n)} with both"
    if not one.is_sure:
        return Prose(
            f"No evidence that responses which were cut off have another U: {_higher(one.value)} {told}."
        )
    return Prose(
        f"Responses that were cut off have a {_higher(one.value)} U than whole ones, {told}.", "doubtful"
    )


def _prompts(count: int) -> str:
    return f"{count:,} prompt{'' if count == 1 else 's'}"


def _higher(value: float) -> str:
    return "higher" if value > 0 else "lower"


def _interval(low: float, high: float) -> str:
    return TableColumn("", digits=2).written(Interval(low, high))


def _single_told(agreement: Mapping[str, Any]) -> Prose:
    """Say how often all of a prompt's responses give one answer."""
    if agreement["rate"] is None:
        return Prose("Single-cluster rate: none, for no prompt has short answers that could be compared.")
    told = (
        f"Single-cluster rate: in {share(agreement['rate'])} of {_prompts(agreement['compared'])} with "
        "answers to compare, all responses give one."
    )
    return Prose(told, "doubtful" if agreement["above"] else "")


def _abstentions(run: Run, figures: Mapping[str, Any], where: str) -> Iterator[Part]:
    dimensions = figures["uncertainty"]
    if any(one["abstained"] for one in dimensions):
        yield abstention_chart(dimensions, where)
        yield abstention_table(dimensions, where)
    else:
        yield Prose(f"No dimension abstained{where}.")
    if where:
        yield Prose(f"Abstentions in all rounds: {_abstained_by_round(run, figures)}.")


def _abstained_by_round(run: Run, figures: Mapping[str, Any]) -> str:
    last = figures["sampled_in"]["round"]
    of_rounds = [*(uncertainty_of(run, round) for round in range(last - 1)), figures["uncertainty"]]
    told = []
    for place, dimensions in enumerate(of_rounds, 1):
        counts = [(one["dimension"], sum(one["abstained"].values())) for one in dimensions]
        some = ", ".join(f"{name} {count:,}" for name, count in counts if count)
        told.append(f"round {place} {some or 'none'}")
    return "; ".join(told)
