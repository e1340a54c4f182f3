"""From rows to what is trained on, round by round: how many are left at each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from udasa_core.page.chart import Chart
from udasa_core.page.drawing import WIDTH, bars, height
from udasa_core.report.table import Table
from udasa_core.report.written import share
from udasa_core.store.output import TRAINING, Output
from udasa_core.store.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Left:
    """How many are left at a step. round: from 1, 0 of what is before all rounds. of: "rows", "prompts" or
    "pairs"."""

    round: int
    step: str
    count: int
    of: str


def funnel(run: Run, figures: Mapping[str, Any]) -> list[Left]:
    """Return what is left at each step that the run has come to."""
    prompts = figures["prompts"]
    if prompts is None:
        return []
    found = [
        Left(0, "rows read", sum(prompts.values()), "rows"),
        Left(0, "training prompts", prompts["training"], "prompts"),
    ]
    for round in range(max(figures["sampled_in"]["of"], 1)):
        found += _of_round(run, round)
    return found


def _of_round(run: Run, round: int) -> Iterator[Left]:
    asked = sum(len(table) for table in _tables(run, "sample", round, "prompt_id"))
    if not asked:
        return
    yield Left(round + 1, "asked", asked, "prompts")
    pairs = 0
    if run.keys(Output("aggregate", TRAINING, round)):
        yield Left(round + 1, "with a score", _scored(run, round), "prompts")
    if run.keys(Output("pair", TRAINING, round)):
        paired = [table["prompt_id"].to_pylist() for table in _tables(run, "pair", round, "prompt_id")]
        yield Left(round + 1, "with a pair", sum(len(set(ids)) for ids in paired), "prompts")
        pairs = sum(map(len, paired))
        yield Left(round + 1, "pairs", pairs, "pairs")
    stages = [stage for stage in run.stages() if stage.round == round]
    if stages:
        done = [stage for stage in stages if stage.trained]
        staged, trained = (sum(stage.size for stage in some) for some in (stages, done))
        # What leaves nothing out is no step of its own.
        if staged != pairs:
            yield Left(round + 1, "in a stage", staged, "pairs")
        yield Left(round + 1, "trained on", trained, "pairs")
        if any(stage.rolled_back for stage in done):
            kept = sum(stage.size for stage in done if not stage.rolled_back)
            yield Left(round + 1, "not rolled back", kept, "pairs")


def _tables(run: Run, step: str, round: int, *columns: str) -> Iterator[Any]:
    for key in run.keys(Output(step, TRAINING, round)):
        if run.store.has(step, key):
            yield run.store.read_table(step, key, columns)


def _scored(run: Run, round: int) -> int:
    """Return how many prompts have a response with a U."""
    import pyarrow.compute as pc

    found = 0
    for table in _tables(run, "aggregate", round, "U"):
        values = pc.struct_field(pc.list_flatten(table["U"]), "value")
        parents = pc.list_parent_indices(table["U"].combine_chunks())
        found += len(pc.unique(parents.filter(pc.is_valid(values.combine_chunks()))))
    return found


def funnel_chart(steps: list[Left]) -> Chart:
    """Return the chart. steps: at least one."""
    rounds = max(one.round for one in steps)
    rows: list[tuple[str, float | None, str]] = []
    last = 0
    for one in steps:
        if one.round != last and rounds > 1:
            rows.append((f"round {one.round}", None, ""))
        last = one.round
        rows.append((one.step, one.count, f"{one.count:,} {one.of}"))
    table = Table(
        "From rows to training",
        ("round", "step", "count", "of"),
        [(one.round or "", one.step, one.count, one.of) for one in steps],
        [
            "A row is left out where it gives no prompt, or is held out. With a score: at least one response "
            "has a U. Which prompts gave no pair, and why, is told under Pairs."
        ],
    )

    def draw(figure: Figure) -> None:
        labels, values, told = zip(*rows, strict=True)
        bars(figure.subplots(), labels, values, told)

    says = "; ".join(f"{_where(one, rounds)}{one.step}: {one.count}" for one in steps)
    first, end = steps[1], steps[-1]
    if first.count and end.of == "pairs":
        says += f". At the end there are {share(end.count / first.count)} as many pairs as training prompts"
    return Chart("funnel", table, draw, f"Bars, one a step. {says}.", (WIDTH, height(len(rows), 0)))


def _where(one: Left, rounds: int) -> str:
    return f"round {one.round}, " if one.round and rounds > 1 else ""
