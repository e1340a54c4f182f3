"""The walk through a round's stages: each is trained, and the next one goes on from what it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from udasa_core.errors import UdasaError
from udasa_core.job.job import Job
from udasa_core.records import Report
from udasa_core.running.watch import Watch
from udasa_core.steps.train import train_stage
from udasa_core.store.meters import Measured
from udasa_core.store.output import BASE
from udasa_core.store.store import StagedPairs


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk through stages leaves: a report of each stage, and the policy that the last one that stands
    left."""

    reports: tuple[Report, ...]
    left: Measured


def walk_stages(
    job: Job, stages: Sequence[StagedPairs], start: Measured | None = None, watch: Watch | None = None
) -> Walk:
    """Train stage after stage, each from what the one before it left.

    start: what the first one goes on from; by default the base. watch: measures each policy as soon as it is
    there; without one nothing is measured. Raises UdasaError where every stage was skipped: there is no
    aligned model then.
    """
    here = start or Measured(BASE, job.base)
    reports: list[Report] = []
    earlier: list[StagedPairs] = []
    for staged in stages:
        reports.append(report := train_stage(job, staged, here.policy))
        if report.skipped:
            continue
        after = Measured(staged.label, report.policy)
        if watch is not None:
            after = watch.stage(staged, report.policy, earlier)
            watch.compare(here, after, staged.round)
        earlier.append(staged)
        here = after
    if all(report.skipped for report in reports):
        told = "\n".join(f"  {report.stage}: {report.skipped}" for report in reports)
        raise UdasaError(
            f"every stage was skipped, so nothing was trained:\n{told}\n"
            "Give more prompts, or lower [trainer] min_pairs."
        )
    return Walk(tuple(reports), here)
