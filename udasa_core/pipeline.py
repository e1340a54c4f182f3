"""The pipeline, from prompts to an aligned, measured model: its table of contents."""

from __future__ import annotations

from dataclasses import dataclass, replace

from udasa_core.job.job import Job
from udasa_core.running.budgets import refuse_budgets
from udasa_core.running.cut_off import warn_of_cut_off
from udasa_core.running.few import warn_of_few
from udasa_core.running.room import split_with_room
from udasa_core.running.rounds import Round, Rounds, walk_rounds
from udasa_core.running.stages import walk_stages
from udasa_core.running.watch import Watch
from udasa_core.steps.aggregate import aggregate, fit
from udasa_core.steps.agree import agree
from udasa_core.steps.controls import check_controls
from udasa_core.steps.evaluate import compare
from udasa_core.steps.pair import pair
from udasa_core.steps.read import Prompts
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage
from udasa_core.store.meters import Measured


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished pipeline leaves behind."""

    prompts: Prompts
    rounds: Rounds


def align(job: Job) -> Outcome:
    """Run one round after the other, each from the policy that the one before it left."""
    prompts = split_with_room(job)
    refuse_budgets(job)
    warn_of_few(job, prompts)
    watch = Watch(job, prompts.held_out)
    rounds = walk_rounds(job, watch, lambda number, start: align_once(job, prompts, watch, number, start))
    return Outcome(prompts, rounds)


def align_once(job: Job, prompts: Prompts, watch: Watch, number: int, start: Measured) -> Round:
    """Run the steps of one round in order. Each takes from the store what is there, and makes what is not.

    number: from 0. start: the policy that the round begins with. What the first round fits and measures of
    the base, the others take over.
    """
    groups = sample(job, replace(prompts.training, round=number), start.policy)
    warn_of_cut_off(job, groups)
    agreed = agree(job, groups)
    columns = score(job, groups)
    calibration = watch.calibrated(lambda: fit(job, columns, agreed))
    scores = aggregate(job, groups, columns, calibration, agreed)
    watch.once(lambda: check_controls(job, watch.scores(prompts.controls, job.base)))
    pairs = pair(job, groups, scores, start.policy)
    stages = stage(job, pairs)
    before = watch.base()
    walk = walk_stages(job, stages, watch.measured[start.label], watch)
    left = watch.end(start, walk.left, number)
    compare(job, before.meters, left.meters, round=number)
    return Round(number, start, left, walk)
