"""The walk through a round's stages: each is trained, and the next one goes on from what it left."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core.errors import UdasaError
from udasa_core.job.job import Job
from udasa_core.records import ModelRef, Report
from udasa_core.steps.train import train_stage
from udasa_core.store.store import StagedPairs


def walk_stages(job: Job, stages: Sequence[StagedPairs]) -> tuple[Report, ...]:
    """Train stage after stage, and return a report each; the last one's policy is the aligned model.

    Raises UdasaError where every stage was skipped: there is no aligned model then.
    """
    reports: list[Report] = []
    policy = job.base
    for staged in stages:
        # A stage that was skipped taught nothing that could be replayed.
        earlier = [one for one, report in zip(stages, reports, strict=False) if not report.skipped]
        reports.append(train_stage(job, staged, policy, earlier))
        policy = reports[-1].policy
    if all(report.skipped for report in reports):
        told = "\n".join(f"  {report.stage}: {report.skipped}" for report in reports)
        raise UdasaError(
            f"every stage was skipped, so nothing was trained:\n{told}\n"
            "Give more prompts, or lower [trainer] min_pairs."
        )
    return tuple(reports)


def trained_policies(reports: Sequence[Report]) -> dict[str, ModelRef]:
    """Return the policy that each trained stage left, by the stage's name; skipped ones are left out."""
    return {report.stage: report.policy for report in reports if not report.skipped}
