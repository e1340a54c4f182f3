"""What surely became worse after a stage: each figure once, whoever found it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from udasa_core.page.directions import end_of, is_told, is_worse
from udasa_core.page.suite_figures import differences
from udasa_core.report.show import FEW_PROMPTS
from udasa_core.store.output import BASE
from udasa_core.store.runs import Run


@dataclass(frozen=True, slots=True)
class Loss:
    """A figure that surely became worse after a stage. against: the policy beside which. worse: by how much,
    above 0, with its 95% interval. bound: what a gate or the guard allows, None where neither asked.
    is_share: `worse` is a share of what the base had."""

    figure: str
    stage: str
    against: str
    before: float
    after: float
    worse: float
    low: float
    high: float
    bound: float | None = None
    tripped: bool = False
    is_share: bool = False

    @property
    def weight(self) -> tuple[bool, float]:
        """How grave it is, beside losses of other figures: what tripped first, by how often its bound goes
        into it; the others by how sure they are."""
        if self.tripped and self.bound is not None:
            return True, self.worse / self.bound if self.bound else math.inf
        half = (self.high - self.low) / 2
        return False, self.worse / half if half else math.inf


@dataclass(frozen=True, slots=True)
class Harm:
    """One figure that surely became worse.

    worst: where it was worst beside the base; beside the stage before where nobody compared it with the base.
    left: of the model that the run left, beside the base; None where it is not surely worse. stage, round:
    the largest fall within one stage and within one round, as the matrix of transitions tells it. stages: so
    many after which it was surely worse. tripped: the stages after which a gate or the guard tripped.
    """

    figure: str
    worst: Loss
    left: Loss | None
    stage: Loss | None
    round: Loss | None
    stages: int
    tripped: tuple[str, ...]


def harms(run: Run, figures: Mapping[str, Any]) -> list[Harm]:
    """Return what surely became worse, the gravest first. figures: what `figures(run)` gave."""
    config, decisions = run.manifest.plain["config"], figures["gates"]
    left = left_by(run)
    beside_base: dict[tuple[str, str], Loss] = {}
    for loss in [*_decided(decisions, BASE), *_on_suites(run, figures), *_held_out(figures, left, config)]:
        beside_base.setdefault((loss.figure, loss.stage), loss)
    by_stage = list(_moved(figures["transitions"], config))
    by_round = list(_moved(figures["rounds"], config))
    before = {(loss.figure, loss.stage): loss for loss in [*by_stage, *_decided(decisions, "previous")]}
    found = []
    for figure in dict.fromkeys(name for name, _ in [*beside_base, *before]):
        of_base = [loss for loss in beside_base.values() if loss.figure == figure]
        of_stage = [loss for loss in before.values() if loss.figure == figure]
        tripped = [one["stage"] for one in decisions if one["figure"] == figure and _tripped(one)]
        found.append(
            Harm(
                figure,
                max((*of_base, *of_stage), key=lambda x: (x.tripped, x.against == BASE, x.worse)),
                beside_base.get((figure, left)),
                _most(by_stage, figure),
                _most(by_round, figure),
                len({loss.stage for loss in (*of_base, *of_stage)}),
                tuple(dict.fromkeys(tripped)),
            )
        )
    return sorted(found, key=lambda harm: (*harm.worst.weight, harm.left is not None), reverse=True)


def left_by(run: Run) -> str:
    """Return the label of the policy that the run left."""
    standing = [stage.label for stage in run.stages() if stage.trained and not stage.rolled_back]
    return standing[-1] if standing else BASE


def _most(losses: Sequence[Loss], figure: str) -> Loss | None:
    some = [loss for loss in losses if loss.figure == figure]
    return max(some, key=lambda loss: loss.worse, default=None)


def _tripped(decision: Mapping[str, Any]) -> bool:
    return bool(decision["verdict"] == "tripped")


def _decided(decisions: Sequence[Mapping[str, Any]], against: str) -> Iterator[Loss]:
    """Yield what gates and guard found surely worse than the base, or surely too much worse than the stage
    before; of a figure that both watch the gate's, which is in its own units."""
    gated = {one["figure"] for one in decisions if one["watch"] == "gate" and one["against"] == against}
    for one in decisions:
        if one["against"] != against or (one["watch"] == "guard" and one["figure"] in gated):
            continue
        if one["low"] is not None and one["low"] > 0 and (_tripped(one) or against == BASE):
            yield Loss(
                one["figure"],
                one["stage"],
                BASE if against == BASE else one["was"],
                one["before"],
                one["after"],
                one["worse"],
                one["low"],
                one["high"],
                one["bound"],
                tripped=_tripped(one),
                is_share=one["watch"] == "guard" and one["figure"] == "entropy",
            )


def _on_suites(run: Run, figures: Mapping[str, Any]) -> Iterator[Loss]:
    config = run.manifest.plain["config"]
    for suite, metrics in figures["suites"].items():
        for one in differences(run, suite, metrics):
            name, change = f"{suite} {one.figure}", one.change
            if is_worse(change.low, change.high, end_of(name, config)):
                yield _loss(name, one.model, BASE, one.base, one.own, change.low, change.high)


def _held_out(figures: Mapping[str, Any], left: str, config: Mapping[str, Any]) -> Iterator[Loss]:
    for one in figures["held_out"]:
        # Intervals by resampling fewer prompts are too narrow to be sure of anything.
        if one["n"] >= FEW_PROMPTS and is_worse(one["low"], one["high"], end_of(one["name"], config)):
            numbers = (one[name] for name in ("before", "after", "low", "high"))
            yield _loss(one["name"], left, BASE, *numbers)


def _moved(transitions: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> Iterator[Loss]:
    """Yield what the matrix of transitions finds surely worse than before."""
    for one in transitions:
        for move in one["moves"]:
            end = end_of(move["name"], config)
            if is_worse(move["low"], move["high"], end) and not is_told(move, one["moves"]):
                numbers = (move[name] for name in ("before", "after", "low", "high"))
                yield _loss(move["name"], one["after"], one["before"], *numbers)


def _loss(figure: str, stage: str, against: str, before: float, after: float, low: Any, high: Any) -> Loss:
    nearer, farther = sorted((abs(low), abs(high)))
    return Loss(figure, stage, against, before, after, abs(after - before), nearer, farther)
