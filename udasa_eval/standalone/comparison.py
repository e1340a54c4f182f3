"""Several models on the same items: paired differences, tested, and corrected for testing several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy import float64

from udasa_core import Metric, Resamples, Run, Table, TableColumn, UdasaError, find_run
from udasa_eval.standalone.alike import doubts, unlikeness
from udasa_eval.statistics.paired import holm, sign_flip

_SEED = 20260101
# Of fewer items, what is drawn again and again is too much alike.
_FEW = 20
# The metrics by which a suite tells how far its overall figure differs between repeats of the same judge.
SPREADS = ("score_spread", "win_rate_spread", "both_spread")


@dataclass(frozen=True, slots=True)
class Contender:
    """One model's results: a run, and the label under which it stands there."""

    run: Run
    model: str

    @property
    def name(self) -> str:
        """What it is called in a table."""
        return f"{self.run.name}:{self.model}"

    def scores(self, suite: str) -> dict[str, float]:
        """Return each item's mean score by id; items without a score are left out."""
        found: dict[str, list[float]] = {}
        for row in self.run.suite_rows(suite, self.model):
            if row.get("score") is not None and row.get("id") is not None:
                found.setdefault(str(row["id"]), []).append(float(row["score"]))
        return {item: sum(scores) / len(scores) for item, scores in found.items()}

    def spread(self, suite: str) -> float:
        """Return how far the suite's figure differed between repeats of the judge; 0 where it does not
        tell."""
        for row in self.run.suites().get(suite, ()):
            if row["model"] == self.model and row["name"] in SPREADS:
                return float(row["value"])
        return 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """What one model scores on a suite less what the first one does, over the items that both have.

    p: two-sided, of flipping the differences' signs item by item. corrected: by Holm over all differences of
    the comparison. only_one: items that only one of the two has a score for. noise: the judge's spread; a
    smaller difference is within it.
    """

    suite: str
    model: str
    against: str
    difference: Metric
    p: float
    corrected: float
    only_one: int
    noise: float

    @property
    def verdict(self) -> str:
        """What may be said of it."""
        if abs(self.difference.value) < self.noise:
            return "within judge noise"
        if self.corrected >= 0.05:
            return "no evidence of a difference"
        return "higher" if self.difference.value > 0 else "lower"


def contender(name: str, folders: Sequence[Path] = (Path("runs"), Path("runs/eval"))) -> Contender:
    """Return who is meant by RUN or RUN:MODEL; RUN is a run's name or folder, MODEL its last one by default.

    Raises UdasaError where the run measured no such model.
    """
    given, _, label = name.partition(":")
    run = _found(given, folders)
    labels = list(dict.fromkeys(row["model"] for rows in run.suites().values() for row in rows))
    if not labels:
        raise UdasaError(_unmeasured(run))
    if label and label not in labels:
        raise UdasaError(f"run {run.name} has measured no {label!r}; it has {', '.join(labels)}")
    return Contender(run, label or labels[-1])


def _unmeasured(run: Run) -> str:
    """Say that a run has measured no suite, and what to type."""
    if "evaluated" in run.manifest.plain:
        return f"evaluation {run.name} has measured no suite yet: type its `udasa eval` again"
    return (
        f"run {run.name} has measured no suite. Add one to its TOML, and type `udasa run` again: nothing is "
        "trained anew, and base and stages are measured. Without a file of your own:\n    → udasa run "
        """--set 'suite=[{ use = "short-answers", limit = 20 }]' (`udasa plugins` lists suites)"""
    )


def _found(name: str, folders: Sequence[Path]) -> Run:
    for folder in folders:
        if (folder / name / "manifest.json").exists():
            return Run(folder / name)
    try:
        return find_run(name, folders[0])
    except UdasaError as error:
        # Runs are named there; what was evaluated without a run lies in the other folders.
        there = [path.parent.name for place in folders[1:] for path in sorted(place.glob("*/manifest.json"))]
        told = f"; evaluations in {folders[1]}: {', '.join(there)}" if there else ""
        raise UdasaError(f"{error}{told}") from error


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, and in `notes` what was not, or what makes a difference doubtful."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def compare(contenders: Sequence[Contender], suites: Sequence[str] = ()) -> Comparison:
    """Compare each model with the first, item by item, on the suites named: by default on all that both have.

    Raises UdasaError where there is nothing to compare, saying why.
    """
    first, others = contenders[0], contenders[1:]
    measured = dict.fromkeys(name for one in contenders for name in one.run.suites())
    unknown = [name for name in suites if name not in measured]
    if unknown:
        raise UdasaError(f"no suite {', '.join(unknown)} was measured; there are {', '.join(measured)}")
    found: list[Difference] = []
    notes: list[str] = []
    for other in others:
        for suite in dict.fromkeys(suites) or measured:
            one = _compared(suite, other, first)
            if isinstance(one, Difference):
                found.append(one)
                sides = f"{suite}, {other.name} and {first.name}"
                notes += [f"{sides}: {told}." for told in _doubts(one, other, first)]
            else:
                notes.append(one)
    if not found:
        raise UdasaError(f"nothing can be compared: {'; '.join(note.rstrip('.') for note in notes)}")
    corrected = holm([one.p for one in found])
    differences = (replace(one, corrected=p) for one, p in zip(found, corrected, strict=True))
    return Comparison(tuple(differences), tuple(notes))


def comparison_table(comparison: Comparison) -> Table:
    """Return the comparison as a table."""
    differences = comparison.differences
    cells = [
        (
            one.suite,
            f"{one.model} − {one.against}",
            one.difference,
            one.difference.n,
            one.p,
            one.corrected,
            one.verdict,
        )
        for one in differences
    ]
    notes = [
        "Differences of each item's mean score; 95% intervals by resampling items, p by flipping their "
        f"signs, corrected by Holm over {len(differences)}. Which figure is an item's score, "
        "docs/evaluation.md lists (truthfulqa.mc: mc2).",
        *comparison.notes,
    ]
    p, corrected = TableColumn("p", digits=4), TableColumn("Holm", digits=4)
    columns = ("suite", "models", "difference", "n", p, corrected, "verdict")
    return Table("Item by item", columns, cells, notes)


def _doubts(one: Difference, other: Contender, first: Contender) -> Iterator[str]:
    """Yield what to know beside a difference."""
    yield from doubts(one.suite, other.run, first.run)
    if one.difference.n < _FEW:
        yield f"{one.difference.n} items are few: intervals are too narrow, and the verdict goes by p"
    if one.only_one:
        yield f"{one.only_one} items have a score for only one of them"


def _compared(suite: str, other: Contender, first: Contender) -> Difference | str:
    """Return the difference on one suite, or a sentence why there is none."""
    for side in (first, other):
        if suite not in side.run.suites():
            return f"{suite} is left out: {side.name} was not measured by it."
    unlike = unlikeness(suite, other.run, first.run)
    if unlike:
        return f"{suite} is left out, {other.name} and {first.name}: {unlike}; measure both alike."
    ours, theirs = other.scores(suite), first.scores(suite)
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        return f"{suite} is left out: {other.name} and {first.name} have no item that both have a score for."
    values = np.array([ours[item] - theirs[item] for item in common], dtype=float64)
    metric = Resamples.draw(len(values), _SEED).mean("difference", values)
    p = sign_flip(values, _SEED)
    only_one = len(ours.keys() ^ theirs.keys())
    noise = max(other.spread(suite), first.spread(suite))
    return Difference(suite, other.name, first.name, metric, p, p, only_one, noise)
