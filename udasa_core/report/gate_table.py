"""What gates and guard decided, and on what evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from udasa_core.report.advice import READ_PAIRS
from udasa_core.report.table import Change, Interval, Table, TableColumn

# The table's title.
GATES = "Gates and the guard"
_ENDS = {
    "warn": "TRIPPED",
    "stop": "TRIPPED: the run ended with this policy, after {was}",
    "rollback": "TRIPPED: rolled back to {was}",
}


def gate_table(decisions: Sequence[Mapping[str, Any]]) -> Table:
    """Return one line a decision, in the order in which they were made."""
    after = [one["stage"] for one in decisions]
    rows = [
        (
            "" if number and after[number - 1] == one["stage"] else one["stage"],
            gate_name(one),
            Change(one["before"], one["after"]),
            one["worse"],
            "" if one["low"] is None else Interval(one["low"], one["high"]),
            one["bound"],
            one["n"],
            _verdict(one),
        )
        for number, one in enumerate(decisions)
    ]
    notes = [
        "worse: by how much the figure became worse than before the stage, or than the base's where it says "
        "so, with its 95% interval. It trips where all of that is above the bound, and is certified where "
        "all of it is within; not certified: the data could not tell, as more prompts or items would.",
    ]
    if any(one["watch"] == "guard" for one in decisions):
        notes.append(
            "guard: beside the base. majority flips: before is the share of prompts in which two halves of "
            "the base's own responses differ, which is chance; worse is what goes beyond. The guard's worse "
            "entropy is a share of the base's."
        )
    if any(one["verdict"] == "not measured" for one in decisions):
        notes.append(
            "not measured: there is nothing to compare, as of earlier pairs after a round's first stage."
        )
    if any(one["verdict"] == "tripped" for one in decisions):
        tripped = [one for one in decisions if one["verdict"] == "tripped"]
        told = "; ".join(f"{gate_name(one)} after {one['stage']}" for one in tripped)
        notes.append(f"WARNING: {told}{READ_PAIRS}.")
    columns = (
        *("after", "figure", "before → after", "worse", "95% interval"),
        *(TableColumn("bound", digits="short"), "n", "verdict"),
    )
    return Table(GATES, columns, rows, notes)


def gate_name(one: Mapping[str, Any]) -> str:
    """Return what a decision's figure is called: who asks, and against what, where that is not the usual."""
    if one["watch"] == "guard":
        return f"guard: {one['figure']}"
    return f"{one['figure']}{'' if one['against'] == 'previous' else ' (base)'}"


def _verdict(one: Mapping[str, Any]) -> str:
    verdict = str(one["verdict"])
    return _ENDS[one["action"]].format(was=one["was"]) if verdict == "tripped" else verdict
