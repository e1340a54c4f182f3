"""The walk through a round's stages: each is trained, and the next one goes on from what it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from udasa_core.errors import NothingTrainedError
from udasa_core.job.job import Job
from udasa_core.records import Report
from udasa_core.running.watch import Watch
from udasa_core.steps.train import train_stage
from udasa_core.store.decisions import Decision
from udasa_core.store.meters import Measured
from udasa_core.store.output import BASE
from udasa_core.store.store import StagedPairs


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk through stages leaves.

    reports: of each stage that it came to, by the stage's label. left: the policy of the last one that
    stands. stopped: the stage after which a gate, or the guard, ended the run; "" where none did. collapsed:
    the last one after which the guard tripped, and was to do more than warn.
    """

    reports: Mapping[str, Report]
    left: Measured
    stopped: str = ""
    collapsed: str = ""


def walk_stages(
    job: Job, stages: Sequence[StagedPairs], start: Measured | None = None, watch: Watch | None = None
) -> Walk:
    """Train stage after stage, each from what the one before it left.

    start: what the first one goes on from; by default the base. watch: measures each policy as soon as it is
    there, and judges it: a stage that is rolled back leaves its report, and the next one goes on from before
    it. Without a watch nothing is measured. Raises NothingTrainedError where every stage was skipped.
    """
    here = start or Measured(BASE, job.base)
    anchor = here.policy if job.config.rounds.reference == "rolled" else job.base
    reports: dict[str, Report] = {}
    earlier: list[StagedPairs] = []
    stopped = collapsed = ""
    for staged in stages:
        # A stage that was skipped, or rolled back, taught nothing that could be replayed.
        report = reports[staged.label] = train_stage(job, staged, here.policy, anchor, earlier)
        if report.skipped:
            continue
        after, tripped = Measured(staged.label, report.policy), list[Decision]()
        if watch is not None:
            after = watch.stage(staged, report.policy, earlier)
            tripped = [one for one in watch.judge(staged, here, after) if one.tripped]
        due = {one.action for one in tripped}
        if any(one.watch == "guard" and one.action != "warn" for one in tripped):
            collapsed = staged.label
        if "rollback" not in due:
            earlier.append(staged)
            here = after
        if "stop" in due:
            stopped = staged.label
            break
    if all(report.skipped for report in reports.values()):
        told = "\n".join(f"  {label}: {report.skipped}" for label, report in reports.items())
        raise NothingTrainedError(
            f"every stage was skipped, so nothing was trained:\n{told}\n"
            "Give more prompts, or lower [trainer] min_pairs."
        )
    return Walk(reports, here, stopped, collapsed)
