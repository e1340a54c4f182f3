"""The stages experiment as text tables, and what it rests on as flat rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from udasa_core import Table, TableColumn
from udasa_eval.experiments.arms import BASE
from udasa_eval.experiments.premise_report import SEED
from udasa_eval.experiments.stages_report import (
    ACCURACY,
    ANY_OF_K,
    GREEDILY,
    MAJORITY,
    RETAINED,
    Asked,
    Contrast,
    Findings,
    trainings,
)
from udasa_eval.experiments.training_table import training_table
from udasa_eval.statistics.two_way import EQUIVALENT, two_way

# The front page's columns beside accuracy: its name there, and the figure or number that it shows.
_REACHED = (
    ("retained", RETAINED),
    ("any of 8", ANY_OF_K),
    ("majority", MAJORITY),
    ("instructions", "instructions prompt_strict"),
    ("refuses harm", "over-refusal refusal_of_unsafe"),
    ("over-refuses", "over-refusal over_refusal"),
    ("mc2", "truthfulqa.mc mc2"),
)
_DRIFT = (
    ("KL from base", "retention kl_policy_base"),
    ("KL of base", "retention kl_base_policy"),
    ("perplexity", "retention perplexity"),
    ("AUROC of U", "U pooled_auroc"),
    ("ECE of U", "U ece"),
    ("tokens", "tokens"),
    ("truncated", "truncated"),
)
_P = TableColumn("p", digits=4)


def tables(found: Findings, asked: Asked) -> Iterator[Table]:
    """Yield what each policy reached, the contrasts, how far it drifted, and what was trained."""
    contrasts = found.contrasts(asked)
    yield _reached(found)
    primary = [one for one in contrasts if one.holm is None]
    if primary:
        yield _primary(primary)
    yield _others([one for one in contrasts if one.holm is not None])
    yield _drifted(found)
    if found.arms:
        yield training_table(list(trainings(found)), found.arms)
        yield _tuned(found)


def rows(found: Findings) -> Iterator[dict[str, Any]]:
    """Yield every item's value in every figure of every policy, and every number: what all tables are made
    of."""
    for one in found.measured:
        named = {"arm": one.arm, "seed": one.seed, "part": found.part, "temperature": one.best}
        for figure, values in one.figures.items():
            for item, value in values.items():
                yield {**named, "figure": figure, "item": item, "value": value}
        for name, value in one.numbers.items():
            yield {**named, "figure": name, "item": "", "value": value}


def _reached(found: Findings) -> Table:
    """Return the front page's table."""
    columns = [(name, figure) for name, figure in _REACHED if figure in found.figures()]
    greedy = found.values(BASE, GREEDILY)
    cells: list[Sequence[Any]] = [
        ("base, greedy", float(greedy.mean()), None, *(None for _ in columns), 0, None),
        _line(found, BASE, "base, at its best", columns),
        *(_line(found, arm, arm, columns) for arm in found.arms),
    ]
    header: tuple[str | TableColumn, ...] = (
        *("policy", "accuracy", "− greedy base", *(name for name, _ in columns)),
        *(TableColumn("tokens sampled", digits=0), TableColumn("minutes trained", digits=1)),
    )
    seeds, questions = greedy.shape
    notes = [
        f"{seeds} seeds, {questions} questions; each policy at its own best temperature on dev. Any of 8 and "
        "majority of 8 are of responses at 0.7. Retained: accuracy on the questions that the base answers "
        "rightly in half of its responses or more. Tokens: sampled to make the pairs."
    ]
    return Table(f"What each policy reached, on {found.part}", header, cells, notes)


def _line(found: Findings, arm: str, label: str, columns: Sequence[tuple[str, str]]) -> tuple[Any, ...]:
    lift = two_way(ACCURACY, found.values(arm, ACCURACY) - found.values(BASE, GREEDILY), SEED).metric
    told = [one.training for one in found.of(arm) if one.training]
    return (
        label,
        float(found.values(arm, ACCURACY).mean()),
        lift,
        *(float(found.values(arm, figure).mean()) for _, figure in columns),
        _mean(one.tokens for one in told) if told else 0,
        _mean(one.seconds / 60 for one in told) if told else None,
    )


def _primary(contrasts: Sequence[Contrast]) -> Table:
    cells = [
        (
            f"{one.arm} − {one.against}",
            one.figure,
            one.found.metric,
            one.found.p,
            one.detectable,
            one.found.spread,
            one.found.verdict,
        )
        for one in contrasts
    ]
    header = ("contrast", "figure", "difference", _P, "detectable", "sd of seeds", "verdict")
    notes = [
        "95% intervals by resampling seeds and questions. helps: the lower end is above 0; harms: the upper "
        f"end is below; equivalent: both lie within ±{EQUIVALENT:g}; else undecided. Detectable: what four "
        "of five repetitions would find."
    ]
    return Table("The primary contrasts", header, cells, notes)


def _others(contrasts: Sequence[Contrast]) -> Table:
    cells = [
        (f"{one.arm} − {one.against}", one.figure, one.found.metric, one.found.p, one.holm, one.detectable)
        for one in contrasts
    ]
    header = ("contrast", "figure", "difference", _P, TableColumn("p (Holm)", digits=4), "detectable")
    notes = [f"Holm's correction is for all {len(contrasts)} of them."]
    return Table("Everything else that was compared", header, cells, notes)


def _drifted(found: Findings) -> Table:
    columns = [
        (name, figure) for name, figure in _DRIFT if any(figure in one.numbers for one in found.measured)
    ]
    cells: list[Sequence[Any]] = [
        (arm, *(float(np.nanmean(found.number(arm, figure))) for _, figure in columns))
        for arm in (BASE, *found.arms)
    ]
    notes = ["Means over seeds. Divergences in nats a token, at temperature 1; U's of responses at 0.7."]
    header = ("policy", *(name for name, _ in columns))
    return Table("How far each policy went, and how well its uncertainty tells", header, cells, notes)


def _tuned(found: Findings) -> Table:
    temperatures = sorted({one for policy in found.measured for one in policy.tuning})
    cells: list[Sequence[Any]] = []
    for arm in (BASE, *found.arms):
        ours = found.of(arm)
        climbed = (
            _mean(one.tuning[at] for one in ours) if all(at in one.tuning for one in ours) else None
            for at in temperatures
        )
        cells.append((arm, *climbed, ", ".join(f"{one.best:g}" for one in ours)))
    header = ("policy", *(f"{one:g}" for one in temperatures), "best, by seed")
    return Table("Accuracy on dev by temperature (0.01: greedy)", header, cells)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
