"""Which stage and round did harm, in sentences and as a table: each figure once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core.page.losses import Harm, Loss, left_by
from udasa_core.page.parts import Prose
from udasa_core.report.table import Cell, Change, Interval, Table, TableColumn
from udasa_core.report.written import counted
from udasa_core.store.output import BASE
from udasa_core.store.runs import Run

# More figures would be read by nobody in one sentence: the table has all.
_SAID = 6
# More stages are counted.
_NAMED = 2
_COLUMN = TableColumn("")


def harm_told(run: Run, found: Sequence[Harm]) -> Iterator[Prose]:
    """Yield the worst harm with the stage and the round that did most of it, and what the model that the run
    left has of it, a sentence each; nothing where nothing surely became worse."""
    if not found:
        return
    worst = found[0]
    rounds = {stage.label: stage.round + 1 for stage in run.stages()}
    loss = worst.worst
    told = f"Worst harm: {worst.figure} after {_where(loss.stage, rounds)}, {_numbers(loss)}"
    parts = [f"{told}, beside {_policy(loss.against)}{_allowed(loss)}{_undone(run, loss.stage)}."]
    if worst.stage is not None and worst.stage.stage != loss.stage:
        where = _where(worst.stage.stage, rounds)
        parts.append(f"The stage that cost most of it is {where}: {_numbers(worst.stage)}.")
    elif worst.stage is not None and loss.against == BASE:
        parts.append(f"It is the stage that cost most of it, too: {_numbers(worst.stage)}.")
    if worst.round is not None and len(set(rounds.values())) > 1:
        number = rounds.get(worst.round.stage, 1)
        parts.append(f"The round that cost most of it is round {number}: {_numbers(worst.round)}.")
    yield Prose(" ".join(parts), "bad")
    left, label = [harm for harm in found if harm.left], left_by(run)
    if left:
        some = "; ".join(f"{harm.figure}, {_numbers(harm.left)}" for harm in left[:_SAID] if harm.left)
        more = f"; and {len(left) - _SAID} more" if len(left) > _SAID else ""
        in_all = f" in {counted(len(left), 'figure')}" if len(left) > 1 else ""
        text = f"The model that the run left, {label}, is surely worse than the base{in_all}: {some}{more}."
        yield Prose(text, "bad")
    elif label != BASE:
        yield Prose(f"Of the model that the run left, {label}, nothing is surely worse than of the base.")


def harm_count(found: Sequence[Harm]) -> str:
    """Say how many figures became worse."""
    return f"{counted(len(found), 'figure')} surely became worse after some stage"


def _where(stage: str, rounds: Mapping[str, int]) -> str:
    return f"{stage} (round {rounds[stage]})" if len(set(rounds.values())) > 1 and stage in rounds else stage


def _policy(label: str) -> str:
    return "the base" if label == BASE else label


def _numbers(loss: Loss) -> str:
    interval = _COLUMN.written(Interval(loss.low, loss.high))
    share = "a share of " if loss.is_share else ""
    moved = _COLUMN.written(Change(loss.before, loss.after))
    return f"{moved}, worse by {share}{_COLUMN.written(loss.worse)} {interval}"


def _allowed(loss: Loss) -> str:
    return f", where {loss.bound:g} was allowed" if loss.tripped and loss.bound is not None else ""


def _undone(run: Run, label: str) -> str:
    is_undone = any(stage.label == label and stage.rolled_back for stage in run.stages())
    return "; that stage was rolled back" if is_undone else ""


def harm_table(run: Run, found: Sequence[Harm]) -> Table:
    """Return a row a figure, the gravest first. found: at least one."""
    rows: list[tuple[Cell, ...]] = []
    for harm in found:
        worst, most, left = harm.worst, harm.stage, harm.left
        rows.append(
            (
                harm.figure,
                worst.stage,
                _policy(worst.against),
                Change(worst.before, worst.after),
                worst.worse,
                Interval(worst.low, worst.high),
                "not surely worse" if left is None else _COLUMN.written(Change(left.before, left.after)),
                "" if most is None else f"{most.stage}, by {_COLUMN.written(most.worse)}",
                harm.stages,
                _briefly(harm.tripped),
            )
        )
    columns = (
        *("figure", "worst after", "beside", "before → after", "worse by", "95% interval"),
        *(f"{left_by(run)}, beside the base", "most in one stage", "stages", "tripped after"),
    )
    notes = [
        "A figure a row, whoever found it: a gate, the guard, a suite item by item, or the matrix of what "
        "each stage did. Surely worse: the whole interval is on that side. stages: so many after which it "
        "was, beside the base or the stage before. By chance alone one in forty intervals lies there.",
    ]
    if any(harm.worst.is_share for harm in found):
        notes.append("The guard's worse entropy is a share of the base's.")
    return Table(f"Harm: {harm_count(found)}", columns, rows, notes)


def _briefly(stages: Sequence[str]) -> str:
    if len(stages) <= _NAMED:
        return ", ".join(stages)
    return f"{len(stages)} stages, {stages[0]} first, {stages[-1]} last"


def no_harm_told(figures: Mapping[str, Any], *, is_watched: bool, is_measured: bool) -> Iterator[Prose]:
    """Yield what it means that nothing surely became worse. is_watched: by gates, guard or matrix;
    is_measured: by the matrix."""
    if not any(stage["trained"] for stage in figures["training"]):
        return
    if is_watched:
        yield Prose(
            "No gate tripped and no figure whose better end is known became surely worse after a stage. With "
            "few prompts or items that is no proof that no harm was done."
        )
    if not is_measured:
        yield _unmeasured(bool(figures["suites"]))


def _unmeasured(suites: bool) -> Prose:
    also = " Suites were run on every stage's model: Suites compares each with the base." if suites else ""
    return Prose(
        "What each stage did to the figures of the one before was not measured by itself; [transitions] "
        f"measure = true does so.{also}"
    )
