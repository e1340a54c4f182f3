"""The pipeline, from prompts to an aligned, measured model: its table of contents."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core.records import ModelRef, Report
from udasa_core.running.job import Job
from udasa_core.steps.aggregate import Calibration, aggregate, fit
from udasa_core.steps.controls import Alarm, alarm
from udasa_core.steps.evaluate import HeldOut, Results, evaluate, measured_by_suites
from udasa_core.steps.pair import pair
from udasa_core.steps.read import Prompts, intake
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage
from udasa_core.steps.train import train
from udasa_core.store.store import Shards


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished pipeline leaves behind."""

    prompts: Prompts
    groups: Shards
    scores: Shards
    alarms: tuple[Alarm, ...]
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
    alarms = alarm(job, measure(job, prompts.controls, job.base, calibration).scores)
    pairs = pair(job, groups, scores)
    stages = stage(job, pairs)
    measured_by_suites(job, {"base": job.base})
    reports = train(job, stages)
    before = measure(job, prompts.held_out, job.base, calibration)
    after = measure(job, prompts.held_out, reports[-1].policy, calibration)
    results = evaluate(job, before, after, reports)
    return Outcome(prompts, groups, scores, alarms, before, after, reports, results)


def measure(job: Job, prompts: Shards, policy: ModelRef, calibration: Calibration) -> HeldOut:
    """Sample and score prompts that are not trained on, with the run's one calibration and reader."""
    groups = sample(job, prompts, policy)
    columns = score(job, groups)
    return HeldOut(groups, aggregate(job, groups, columns, calibration))
