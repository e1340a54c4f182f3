"""What comes of few prompts: stages without enough pairs, a scale that is fitted to little."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from udasa_core.config.parse import RunConfig
from udasa_core.job.job import Job
from udasa_core.plugins.stack import stage_names
from udasa_core.steps.read import Prompts

log = logging.getLogger("udasa")

# Training prompts from which on nothing is said of calibration.
_FEW = 8


def few_notes(config: RunConfig, stages: Sequence[str] | None, training: int) -> Iterator[str]:
    """Yield, a sentence each, what comes of so few prompts to train on.

    stages: their names, in the order of training; None where nobody knows them.
    """
    few = f"{training} prompt{'s' if training > 1 else ''} to train on"
    if training < _FEW:
        yield (
            f"there {'are' if training > 1 else 'is'} {few}: what is fitted to the responses to them, as "
            f"calibration 'cdf' is, goes by {training * config.sampling.responses}, and means little"
        )
    # Where nobody knows the stages, there is one at least.
    leave = "leave" if training > 1 else "leaves"
    least = [config.training_of(stage).min_pairs for stage in stages or ("",)]
    remedy = "give more prompts, or lower [trainer] min_pairs"
    if training < min(least):
        yield (
            f"where a prompt gives one pair, {few} {leave} every stage with fewer than min_pairs = "
            f"{min(least)}: all are skipped, and nothing is trained; {remedy}"
        )
    elif training < sum(least):
        yield (
            f"where a prompt gives one pair, {few} cannot fill {len(least)} stages of min_pairs = "
            f"{min(least)} or more: some are skipped, or all; {remedy}, or name fewer stages"
        )


def warn_of_few(job: Job, prompts: Prompts) -> None:
    """Say, before anything is sampled, what comes of few prompts; nothing where the run was begun before."""
    if job.resumes:
        return
    for told in few_notes(job.config, stage_names(job.config, job.catalog), prompts.training_size):
        log.warning("%s", told)
