"""The pipeline, from prompts to an aligned, measured model: its table of contents."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core.job.job import Job
from udasa_core.records import ModelRef, Report
from udasa_core.running.stages import trained_policies, walk_stages
from udasa_core.steps.aggregate import Calibration, aggregate, fit
from udasa_core.steps.agree import agree
from udasa_core.steps.controls import ControlFigures, check_controls
from udasa_core.steps.evaluate import Change, HeldOut, compare
from udasa_core.steps.pair import pair
from udasa_core.steps.read import Prompts, split_prompts
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage
from udasa_core.steps.suites import SuiteFigures, joined, run_suites
from udasa_core.store.output import BASE
from udasa_core.store.store import Shards


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished pipeline leaves behind."""

    prompts: Prompts
    groups: Shards
    scores: Shards
    controls: tuple[ControlFigures, ...]
    before: HeldOut
    after: HeldOut
    reports: tuple[Report, ...]
    changes: tuple[Change, ...]
    suites: SuiteFigures


def align(job: Job) -> Outcome:
    """Run the steps of one round in order. Each takes from the store what is there, and makes what is not."""
    prompts = split_prompts(job)
    groups = sample(job, prompts.training, job.base)
    agreed = agree(job, groups)
    columns = score(job, groups)
    calibration = fit(job, columns, agreed)
    scores = aggregate(job, groups, columns, calibration, agreed)
    controls = check_controls(job, measure(job, prompts.controls, job.base, calibration).scores)
    pairs = pair(job, groups, scores)
    stages = stage(job, pairs)
    before = measure(job, prompts.held_out, job.base, calibration)
    base_figures = run_suites(job, {BASE: job.base})
    reports = walk_stages(job, stages)
    after = measure(job, prompts.held_out, reports[-1].policy, calibration)
    changes = compare(job, before, after)
    suites = joined(base_figures, run_suites(job, trained_policies(reports)))
    return Outcome(prompts, groups, scores, controls, before, after, reports, changes, suites)


def measure(job: Job, prompts: Shards, policy: ModelRef, calibration: Calibration) -> HeldOut:
    """Sample and score prompts that are not trained on, with the run's one calibration and reader."""
    groups = sample(job, prompts, policy)
    agreed = agree(job, groups)
    columns = score(job, groups)
    return HeldOut(groups, aggregate(job, groups, columns, calibration, agreed))
