"""Several models on the same items: paired differences, tested, and corrected for testing several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float64

from udasa_core import Metric, Run, UdasaError
from udasa_core.runs import find_run
from udasa_core.text_table import TextTable, figure
from udasa_eval.statistics.paired import holm, sign_flip
from udasa_eval.statistics.resampling import Resamples

_SEED = 20260101
# The metrics by which a suite tells how far its overall figure differs between repeats of the same judge.
SPREADS = ("score_spread", "win_rate_spread", "both_spread")


# What may differ between two measurements that are compared: the items that both have count.
_MAY_DIFFER = ("limit", "texts_limit", "prompts_limit", "per_category", "repeats", "max_unparsed")


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
        raise UdasaError(f"run {run.name} has measured no suite: `udasa eval MODEL --suite NAME` does")
    if label and label not in labels:
        raise UdasaError(f"run {run.name} has measured no {label!r}; it has {', '.join(labels)}")
    return Contender(run, label or labels[-1])


def _found(name: str, folders: Sequence[Path]) -> Run:
    for folder in folders:
        if (folder / name / "manifest.json").exists():
            return Run(folder / name)
    return find_run(name, folders[0])


def compare(contenders: Sequence[Contender]) -> list[Difference]:
    """Compare each model with the first, on every suite that both have, item by item."""
    first, others = contenders[0], contenders[1:]
    found = [
        one
        for other in others
        for suite in first.run.suites()
        if suite in other.run.suites() and (one := _difference(suite, other, first)) is not None
    ]
    if not found:
        raise UdasaError("no suite has items that two of these models were both scored on")
    corrected = holm([one.p for one in found])
    return [replace(one, corrected=p) for one, p in zip(found, corrected, strict=True)]


def comparison_table(differences: Sequence[Difference]) -> TextTable:
    """Return the comparison as a table."""
    cells = [
        (
            one.suite,
            f"{one.model} − {one.against}",
            f"{figure(one.difference.value)} [{figure(one.difference.low)}, {figure(one.difference.high)}]",
            str(one.difference.n),
            f"{one.p:.4f}",
            f"{one.corrected:.4f}",
            one.verdict,
        )
        for one in differences
    ]
    notes = [
        "Differences of each item's mean score; 95% intervals by resampling items, p by flipping their "
        f"signs, corrected by Holm over {len(differences)}. What a higher score means each suite says.",
        *_left_out(differences),
    ]
    header = ("suite", "models", "difference", "n", "p", "Holm", "verdict")
    return TextTable("Item by item", header, cells, notes)


def _left_out(differences: Sequence[Difference]) -> Iterator[str]:
    for one in differences:
        if one.only_one:
            sides = f"{one.model} and {one.against}"
            yield f"{one.suite}: {one.only_one} items have a score for only one of {sides}."


def _check_alike(suite: str, other: Contender, first: Contender) -> None:
    """Raise UdasaError where the two were measured with other options, or by another judge."""
    kinds = ["suite", "judge"] if _is_judged(first, suite) or _is_judged(other, suite) else ["suite"]
    for kind in kinds:
        ours, theirs = _plugin(other.run, kind, suite), _plugin(first.run, kind, suite)
        unlike = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
        if unlike:
            told = ", ".join(f"{key} ({ours.get(key)!r} and {theirs.get(key)!r})" for key in unlike)
            raise UdasaError(
                f"{other.name} and {first.name} cannot be compared on {suite}: the {kind}'s {told} differ; "
                "measure both alike"
            )


def _is_judged(one: Contender, suite: str) -> bool:
    return any(row["name"] == "unparsed" for row in one.run.suites().get(suite, ()))


def _plugin(run: Run, kind: str, suite: str) -> dict[str, Any]:
    """Return what a suite, or the run's judge, was and was told, but for how many items and repeats."""
    for one in run.manifest.plain["plugins"]:
        if one["kind"] == kind and (kind != "suite" or one["name"] == suite):
            options = {key: value for key, value in one["options"].items() if key not in _MAY_DIFFER}
            return {"plugin": one["plugin"], "distribution": one["distribution"], **options}
    return {}


def _difference(suite: str, other: Contender, first: Contender) -> Difference | None:
    _check_alike(suite, other, first)
    ours, theirs = other.scores(suite), first.scores(suite)
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        return None
    values = np.array([ours[item] - theirs[item] for item in common], dtype=float64)
    metric = Resamples.draw(len(values), _SEED).mean("difference", values)
    p = sign_flip(values, _SEED)
    only_one = len(ours.keys() ^ theirs.keys())
    noise = max(other.spread(suite), first.spread(suite))
    return Difference(suite, other.name, first.name, metric, p, p, only_one, noise)
