"""The walk through rounds: what one leaves is what the next one samples from, and trains again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from udasa_core.config.transitions import better_of
from udasa_core.errors import FewPairsError, NoPairsError, NothingTrainedError
from udasa_core.job.job import Job, log
from udasa_core.running.stages import Walk
from udasa_core.running.watch import Watch
from udasa_core.steps.suites import SuiteFigures, suite_figures
from udasa_core.steps.transition import transition
from udasa_core.store.meters import Measured
from udasa_core.store.moves import Move
from udasa_core.store.output import BASE


@dataclass(frozen=True, slots=True)
class Round:
    """A finished round.

    number: from 0. start, left: the policies before and after. walk: through its stages.
    """

    number: int
    start: Measured
    left: Measured
    walk: Walk


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds that were made, and what was measured meanwhile.

    ended: why there were no more; "" where as many were made as were asked for.
    """

    made: tuple[Round, ...]
    watch: Watch
    ended: str = ""

    @property
    def skipped(self) -> dict[str, str]:
        """Why stages were skipped, by label."""
        reports = {label: report for one in self.made for label, report in one.walk.reports.items()}
        return {label: report.skipped for label, report in reports.items() if report.skipped}

    def suites(self, job: Job) -> SuiteFigures:
        """Return what suites measured of every policy; the base first, the one that is left last."""
        left = self.made[-1].left.label
        measured = self.watch.measured
        labels = [label for label in measured if label != left or left == BASE]
        labels += [left] if left != BASE else []
        return suite_figures(job, {label: measured[label].suites for label in labels})


def walk_rounds(job: Job, watch: Watch, align_once: Callable[[int, Measured], Round]) -> Rounds:
    """Make round after round, until there are as many as [rounds] asks for, or one says that it was the last.

    align_once: makes a round of this number, from 0, from the policy that it begins with. Raises what the
    first round raises; a later one that has nothing to train on ends the walk, and what was there is left.
    """
    made: list[Round] = []
    for number in range(job.config.rounds.count):
        try:
            made.append(align_once(number, made[-1].left if made else Measured(BASE, job.base)))
        except (NoPairsError, FewPairsError, NothingTrainedError) as error:
            if not made:
                raise
            # What it has below its first sentence tells what to do, and a run that was made needs nothing.
            told = str(error).splitlines()[0].partition(". ")[0].rstrip(":.")
            return _ended(made, watch, f"round {number + 1} had nothing to train on: {told}")
        why = _why_last(job, watch, made[-1])
        # After the last one that was asked for, only its stages can have been ended.
        if why and (number + 1 < job.config.rounds.count or made[-1].walk.stopped):
            return _ended(made, watch, why)
    return Rounds(tuple(made), watch)


def _ended(made: Sequence[Round], watch: Watch, why: str) -> Rounds:
    log.warning("the run ends after round %d: %s", len(made), why)
    return Rounds(tuple(made), watch, why)


def _why_last(job: Job, watch: Watch, one: Round) -> str:
    """Say why no further round follows one ("" where one may)."""
    told = f"round {one.number + 1}"
    until, moves = job.config.rounds.until, tuple[Move, ...]()
    if job.config.rounds.count > 1 and one.left.label != one.start.label:
        base, start = watch.measured[BASE], watch.measured[one.start.label]
        moves = transition(job, base, start, one.left, round=one.number, against="round")
    if one.walk.stopped:
        return f"a gate or the guard stopped it after {one.walk.stopped}"
    if one.walk.collapsed:
        return f"the guard tripped after {one.walk.collapsed}"
    if one.left.label == one.start.label:
        return f"{told} left the policy as it was: all of its stages were rolled back"
    if not until:
        return ""
    move = next((move for move in moves if move.name == until), None)
    if move is None or move.low is None or move.high is None:
        return f"whether {until} gained in {told} cannot be told: too few prompts or items"
    is_sure = move.low > 0 if better_of(until, job.config.rounds.better) == "higher" else move.high < 0
    return "" if is_sure else f"{until} no longer surely gains in {told}"
