"""The premise experiment as text tables, flat rows and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from udasa_core import Table, TableColumn
from udasa_eval.experiments.arms import BASE
from udasa_eval.experiments.premise_report import Comparison, Findings, calibration
from udasa_eval.experiments.premise_untrained import Untrained, against_untrained
from udasa_eval.experiments.signal_report import Row
from udasa_eval.experiments.training_table import training_table

# The arm that the others are controls of.
_UNCERTAINTY = "uncertainty"
_P = TableColumn("p", digits=4)
_TOKENS = TableColumn("tokens", digits=1)


def tables(found: Findings) -> Iterator[Table]:
    """Yield what costs no training, what was trained, what each arm reached, and the comparisons."""
    yield _untrained(found)
    if found.trainings:
        yield training_table(found.trainings, found.arms)
        yield _reached(found)
        yield _compared(found)
        yield _outdone(found)
        yield _calibrated(found)


def rows(found: Findings) -> list[Row]:
    """Return one row a policy, seed, part and temperature with its accuracy, and one a comparison."""
    made = []
    for one in found.measured:
        responses = one.right.shape[1]
        named = (f"factual-{one.part}", one.temperature, responses, f"{one.arm} seed {one.seed}")
        for name, value in (
            ("accuracy", one.accuracy),
            ("any_of", one.any_of),
            ("majority", float(one.majority.mean())),
            ("best_by_U", float(one.best.mean())),
            ("tokens", one.tokens),
            ("truncated", one.truncated),
            ("tuned", float(one.tuned)),
        ):
            made.append(Row(*named, name, value, float("nan"), float("nan"), len(one.right)))
    for pair in _comparisons(found):
        named = (f"factual-{found.part}", float("nan"), 0, f"{pair.arm} against {pair.against}")
        for metric in (pair.difference, pair.any_of):
            made.append(Row(*named, metric.name, metric.value, metric.low, metric.high, metric.n))
        for name, value in (("p", pair.p), ("detectable", pair.detectable), ("spread", pair.spread)):
            made.append(Row(*named, name, value, float("nan"), float("nan"), pair.difference.n))
    for other in _untrained_comparisons(found):
        named = (f"factual-{found.part}", float("nan"), 0, f"{other.arm}: {other.measure}")
        lift = other.difference
        made.append(Row(*named, "accuracy", lift.value, lift.low, lift.high, lift.n))
        made.append(Row(*named, "p", other.p, float("nan"), float("nan"), lift.n))
    return made


def figure(path: Path, found: Findings) -> None:
    """Draw each arm's accuracy at its best temperature by seed, beside the base's, as SVG or PNG."""
    from matplotlib.figure import Figure

    names = [BASE, *found.arms]
    drawn = Figure(figsize=(max(6.0, 1.5 + 0.9 * len(names)), 4.4), layout="constrained")
    axes = drawn.add_subplot()
    for place, arm in enumerate(names):
        values = [one.accuracy for one in found.final(arm)]
        axes.scatter([place] * len(values), values, s=18, color="tab:blue" if arm != BASE else "tab:gray")
        axes.hlines(float(np.mean(values)), place - 0.3, place + 0.3, color="black", linewidth=1.2)
    axes.axhline(
        float(np.mean([one.accuracy for one in found.final(BASE)])), color="tab:gray", linestyle=":", zorder=0
    )
    axes.set_xticks(range(len(names)), names, rotation=25, ha="right")
    axes.set_ylabel(f"right responses on {found.part}, each at its best temperature")
    axes.set_title("A dot is a seed, a bar their mean, the dotted line the base")
    drawn.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _untrained_comparisons(found: Findings) -> list[Untrained]:
    return [one for arm in found.arms for one in against_untrained(found, arm)]


def _outdone(found: Findings) -> Table:
    cells = [(one.arm, one.measure, one.difference, one.p) for one in _untrained_comparisons(found)]
    notes = [
        "Each at its best temperature. A majority and a best of K spend K responses on an answer, one "
        "response spends one: where it still wins, training has moved into the weights what voting finds."
    ]
    return Table("Against what costs no training", ("arm", "arm − base", "accuracy", _P), cells, notes)


def _comparisons(found: Findings) -> list[Comparison]:
    compared = [found.compare(arm, BASE) for arm in found.arms]
    if _UNCERTAINTY in found.arms:
        compared += [found.compare(_UNCERTAINTY, arm) for arm in found.arms if arm != _UNCERTAINTY]
    return compared


def _untrained(found: Findings) -> Table:
    base = [one for one in found.measured if one.arm == BASE and one.part == found.part]
    temperatures = sorted({one.temperature for one in base})
    cells: list[Sequence[Any]] = []
    for temperature in temperatures:
        here = [one for one in base if one.temperature == temperature]
        cells.append(
            (
                "greedy" if temperature == 0 else f"{temperature:g}",
                _mean(one.accuracy for one in here),
                _mean(one.any_of for one in here),
                _mean(float(one.majority.mean()) for one in here),
                _mean(float(one.best.mean()) for one in here),
                _mean(one.tokens for one in here),
                _mean(one.truncated for one in here),
                sum(one.tuned for one in here),
            )
        )
    responses = base[0].right.shape[1]
    header = (
        *("temperature", "accuracy", f"any of {responses}", f"majority of {responses}"),
        *(f"best of {responses} by U", _TOKENS, "truncated", "best on dev"),
    )
    notes = [
        "Means over seeds: the first one's at every temperature, the others' at their best and greedily. "
        "Best on dev: for how many seeds this temperature was the best one there."
    ]
    return Table(f"The base on {found.part}, untrained", header, cells, notes)


def _reached(found: Findings) -> Table:
    cells: list[Sequence[Any]] = []
    for arm in (BASE, *found.arms):
        final = found.final(arm)
        responses = final[0].right.shape[1]
        cells.append(
            (
                arm,
                ", ".join(f"{one.temperature:g}" for one in final),
                _mean(one.accuracy for one in final),
                _mean(one.any_of for one in final),
                _mean(float(one.majority.mean()) for one in final),
                _mean(one.tokens for one in final),
                _mean(one.truncated for one in final),
            )
        )
    header = (
        *("arm", "best temperatures", "accuracy", f"any of {responses}", f"majority of {responses}"),
        *(_TOKENS, "truncated"),
    )
    return Table(f"Each policy on {found.part} at its best temperature (by dev)", header, cells)


def _compared(found: Findings) -> Table:
    compared = _comparisons(found)
    cells = [
        (
            f"{one.arm} − {one.against}",
            one.difference,
            one.p,
            one.detectable,
            one.spread,
            one.any_of,
            f"+{one.gained} −{one.lost}",
        )
        for one in compared
    ]
    header = ("comparison", "accuracy", _P, "detectable", "sd of seeds", "any of K", "questions")
    notes = [
        f"{compared[0].difference.n} questions, each the mean over seeds; 95% intervals by resampling "
        "questions, p by flipping signs of questions. Detectable: what four of five repetitions would find. "
        "Questions: "
        "gained and lost, by most of all responses."
    ]
    return Table("Best temperature against best temperature", header, cells, notes)


def _calibrated(found: Findings) -> Table:
    columns = [name for name in found.measured[0].scores.columns if name != "U"]
    cells: list[Sequence[Any]] = []
    for arm in (BASE, *found.arms):
        for column in columns:
            figures = calibration(found.final(arm), column)
            cells.append((arm, column, *(figures[name] for name in ("pooled_auroc", "prr", "ece"))))
    notes = ["On each policy's own responses. ECE is of 1 − u as it is."]
    header = ("arm", "dimension", "pooled AUROC", "PRR", "ECE")
    return Table("Calibration of the policies before (base) and after", header, cells, notes)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
