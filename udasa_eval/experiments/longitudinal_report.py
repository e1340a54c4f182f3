"""What rounds did to a policy, as tables and as flat rows."""

from __future__ import annotations

from collections.abc import Iterator

from udasa_core import Interval, Metric, Table, rounds_table
from udasa_eval.experiments.longitudinal_runs import FIGURES, Asked, LongRun
from udasa_eval.experiments.move_rows import move_rows
from udasa_eval.experiments.signal_report import Row

# What tells that a policy gives up answers: the figure, the end that it moves to, and in words.
_COLLAPSE = (
    ("any of K", "lower", "questions that it could answer are lost to it"),
    ("single cluster", "higher", "it says one thing only where it said several"),
)


def tables(found: LongRun) -> Iterator[Table]:
    """Yield what each round left on labelled questions, and the run's own table of rounds."""
    yield _questions(found)
    transitions = list(found.run.transitions("round"))
    if transitions:
        yield rounds_table(transitions, found.run.manifest.plain.get("rounds", {}).get("ended", ""))


def rows(found: LongRun) -> list[Row]:
    """Return a row a policy and figure, FIGURE.change being the change from the base; and under the set name
    "rounds" those of the run's own prompts, pairs and suites, FIGURE.change from the round before."""
    where = found.condition
    made = []
    for one in found.asked:
        changes = [(f"{name}.change", metric) for name, metric in one.changes.items()]
        for name, metric in (*one.metrics.items(), *changes):
            if metric.n:
                made.append(
                    Row(
                        *(where.set_name, where.temperature, where.responses, one.name, name),
                        *(metric.value, metric.low, metric.high, metric.n, where.voters),
                    )
                )
    for transition in found.run.transitions("round"):
        made += move_rows("rounds", f"round {transition['round'] + 1}", transition)
    return made


def _questions(found: LongRun) -> Table:
    cells: list[tuple[str | float | int | Interval | None, ...]] = []
    for name in FIGURES:
        metrics = [one.metrics[name] for one in found.asked]
        cells.append((name, *(metric.value for metric in metrics), metrics[0].n))
        changes = [one.changes[name] for one in found.asked[1:]]
        if any(change.n for change in changes):
            cells.append(("", "", *(_interval(change) for change in changes), ""))
    notes = [
        "Means over questions. Below each value, in brackets, the 95% interval of its change from the base, "
        "question by question: one that holds 0 is no evidence of a change. AUROC: of U for being wrong, "
        "within the questions that have right and wrong responses, n of the base's; its change is of the "
        "questions that have both times. Entropy in nats a token, length in tokens.",
        *(_sure(one) for one in found.asked[1:]),
        *(warning for one in found.asked[1:] for warning in _warnings(one)),
    ]
    columns = ("figure", *(one.name for one in found.asked), "n")
    return Table(f"Rounds on labelled questions: {found.condition}", columns, cells, notes)


def _interval(change: Metric) -> Interval | str:
    return Interval(change.low, change.high) if change.n > 1 else ""


def end_of(change: Metric) -> str:
    """Return to which end a figure surely moved: "higher", "lower", or "" where that is not sure."""
    return "higher" if change.low > 0 else "lower" if change.high < 0 else ""


def _sure(one: Asked) -> str:
    moved = []
    for name, change in one.changes.items():
        if end := end_of(change):
            known = FIGURES[name]
            moved.append(f"{name} {('better' if end == known else 'worse') if known else end}")
    return f"{one.name}, surely against the base: {', '.join(moved) or 'nothing'}."


def _warnings(one: Asked) -> Iterator[str]:
    for name, end, told in _COLLAPSE:
        if end_of(one.changes[name]) == end:
            yield f"WARNING: {name} is surely {end} after {one.name}: {told}."
