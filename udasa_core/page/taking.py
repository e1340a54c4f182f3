"""Which of a run's models to take, where its last one is not surely better than the base and an earlier one
is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core.page.gains import Gain, between
from udasa_core.page.parts import Prose
from udasa_core.report.table import Change, TableColumn
from udasa_core.store.runs import Run


def taking_told(
    run: Run, found: Mapping[str, Sequence[Gain]], decisions: Sequence[Mapping[str, Any]]
) -> Iterator[Prose]:
    """Yield a sentence a suite on what to do. found: what `gains` gave. decisions: of gates and guard."""
    for some in found.values():
        sure = [gain for gain in some[:-1] if gain.verdict == "surely higher"]
        if not sure or some[-1].verdict == "surely higher":
            continue
        best = max(sure, key=lambda gain: gain.metric.value)
        # Of those that are not surely apart the one whose gates say the least: what more is trained costs.
        alike = [gain for gain in sure if gain is best or not _is_surely_higher(run, best, gain)]
        taken = min(alike, key=lambda gain: (_excess(gain.model, decisions), -gain.metric.value))
        yield Prose(_told(run, some[-1], sure, taken, decisions), "doubtful")


def _is_surely_higher(run: Run, best: Gain, other: Gain) -> bool:
    apart = between(run, best.suite, best.model, other.model)
    return apart is not None and apart.verdict == "surely higher"


def _excess(model: str, decisions: Sequence[Mapping[str, Any]]) -> float:
    """Return by how much gates and guard were exceeded after a model's stage, in their bounds."""
    tripped = [one for one in decisions if one["stage"] == model and one["verdict"] == "tripped"]
    return sum(one["worse"] / one["bound"] if one["bound"] else float("inf") for one in tripped)


def _told(
    run: Run, last: Gain, sure: Sequence[Gain], taken: Gain, decisions: Sequence[Mapping[str, Any]]
) -> str:
    rounds = {stage.label: stage.round + 1 for stage in run.stages()}
    many = len(set(rounds.values())) > 1
    ends = " and ".join(
        f"{f'the end of round {rounds[gain.model]}, ' if many else ''}{gain.model} ({gain.told()})"
        for gain in sure
    )
    are = "are" if len(sure) > 1 else "is"
    told = [f"On {last.suite} {ends} {are} surely better than the base; the last, {last.model}, is not."]
    why = ""
    if len(sure) > 1:
        why = f": no other is surely better than it{_least(taken, sure, decisions)}"
    told.append(f"Take {taken.model}{why}.")
    if many:
        told.append(
            f"[rounds] count = {rounds[taken.model]} in the TOML ends the run there; what is made by then is "
            "kept."
        )
    else:
        told.append("Its adapter lies where `Run.stages()` says.")
    tripped = _tripped(taken.model, decisions)
    if tripped:
        told.append(f"Look first at what had tripped by then: {tripped}.")
    return " ".join(told)


def _least(taken: Gain, sure: Sequence[Gain], decisions: Sequence[Mapping[str, Any]]) -> str:
    excess = [_excess(gain.model, decisions) for gain in sure]
    return ", and its gates were exceeded least" if max(excess) > _excess(taken.model, decisions) else ""


def _tripped(model: str, decisions: Sequence[Mapping[str, Any]]) -> str:
    column = TableColumn("")
    return "; ".join(
        f"{one['figure']}, {column.written(Change(one['before'], one['after']))}"
        for one in decisions
        if one["stage"] == model and one["verdict"] == "tripped"
    )
