"""The pipeline, from prompts to an aligned, measured model: its table of contents."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core.job.job import Job
from udasa_core.records import Report
from udasa_core.running.stages import walk_stages
from udasa_core.running.watch import Watch
from udasa_core.steps.aggregate import aggregate, fit
from udasa_core.steps.agree import agree
from udasa_core.steps.controls import ControlFigures, check_controls
from udasa_core.steps.evaluate import Change, compare
from udasa_core.steps.pair import pair
from udasa_core.steps.read import Prompts, split_prompts
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage
from udasa_core.steps.suites import SuiteFigures, suite_figures


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished pipeline leaves behind."""

    prompts: Prompts
    controls: tuple[ControlFigures, ...]
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
    watch = Watch(job, prompts.held_out, calibration)
    controls = check_controls(job, watch.scores(prompts.controls, job.base))
    pairs = pair(job, groups, scores)
    stages = stage(job, pairs)
    before = watch.base()
    walk = walk_stages(job, stages, before, watch)
    after = watch.end(walk.left, 1)
    changes = compare(job, before.meters, after.meters)
    suites = suite_figures(job, {label: one.suites for label, one in watch.measured.items()})
    return Outcome(prompts, controls, walk.reports, changes, suites)
