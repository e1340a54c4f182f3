"""The pipeline, from prompts to an aligned, measured model: its table of contents."""

from __future__ import annotations

from dataclasses import dataclass, replace

from udasa_core.job.job import Job
from udasa_core.running.rounds import Round, Rounds, walk_rounds
from udasa_core.running.stages import walk_stages
from udasa_core.running.watch import Watch
from udasa_core.steps.aggregate import aggregate, fit
from udasa_core.steps.agree import agree
from udasa_core.steps.controls import check_controls
from udasa_core.steps.evaluate import compare
from udasa_core.steps.pair import pair
from udasa_core.steps.read import Prompts, split_prompts
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished pipeline leaves behind."""

    prompts: Prompts
    rounds: Rounds


def align(job: Job) -> Outcome:
    """Run the pipeline: one round below after the other, each from the policy that the one before it left."""
    prompts = split_prompts(job)
    return Outcome(prompts, walk_rounds(job, lambda number, last: align_once(job, prompts, number, last)))


def align_once(job: Job, prompts: Prompts, number: int, last: Round | None) -> Round:
    """Run the steps of one round in order. Each takes from the store what is there, and makes what is not.

    number: from 0. last: the round before; the first one fits the calibration, and measures the base.
    """
    policy = last.left.policy if last else job.base
    groups = sample(job, replace(prompts.training, round=number), policy)
    agreed = agree(job, groups)
    columns = score(job, groups)
    watch = last.watch if last else Watch(job, prompts.held_out, fit(job, columns, agreed))
    scores = aggregate(job, groups, columns, watch.calibration, agreed)
    if last is None:
        check_controls(job, watch.scores(prompts.controls, job.base))
    pairs = pair(job, groups, scores)
    stages = stage(job, pairs)
    start = last.left if last else watch.base()
    walk = walk_stages(job, stages, start, watch)
    left = watch.end(start, walk.left, number)
    compare(job, watch.base().meters, left.meters, round=number)
    return Round(number, watch, start, left, walk)
