"""The pipeline, from prompts to an aligned, measured model: its table of contents."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core.job import Job
from udasa_core.records import ModelRef, Report
from udasa_core.steps.aggregate import Calibration, aggregate, fit
from udasa_core.steps.evaluate import HeldOut, Results, evaluate
from udasa_core.steps.intake import Prompts, intake
from udasa_core.steps.pair import pair
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage
from udasa_core.steps.train import train
from udasa_core.store import Shards


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished pipeline leaves behind."""

    prompts: Prompts
    groups: Shards
    scores: Shards
    before: HeldOut
    after: HeldOut
    reports: tuple[Report, ...]
    results: Results


def align(job: Job) -> Outcome:
    """Run the steps in order. Each takes from the store what is there, and makes what is not."""
    prompts = intake(job)
    groups = sample(job, prompts.training, job.base)
    columns = score(job, groups)
    calibration = fit(job, columns)
    scores = aggregate(job, groups, columns, calibration)
    pairs = pair(job, groups, scores)
    stages = stage(job, pairs)
    reports = train(job, stages)
    before = measure(job, prompts.held_out, job.base, calibration)
    after = measure(job, prompts.held_out, reports[-1].policy, calibration)
    results = evaluate(job, before, after, reports)
    return Outcome(prompts, groups, scores, before, after, reports, results)


def measure(job: Job, prompts: Shards, policy: ModelRef, calibration: Calibration) -> HeldOut:
    """Sample and score held-out prompts, with the calibration and the reader frozen at the run's start."""
    groups = sample(job, prompts, policy)
    columns = score(job, groups)
    return HeldOut(groups, aggregate(job, groups, columns, calibration))
