"""Whether the disk has room for what a run writes: asked before its first sample."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from udasa_core.config.parse import RunConfig
from udasa_core.errors import ConfigError, Fault, SourceError
from udasa_core.job.job import Job
from udasa_core.models.model_size import model_size
from udasa_core.plugins.stack import Chosen, chosen_plugins, stage_names, used_of
from udasa_core.running.workload import STORED_TOKEN, Prompts, responses, stored_bytes, trained_bytes
from udasa_core.steps.read import Prompts as Split
from udasa_core.steps.read import split_prompts
from udasa_core.text.size import size

# A store holds about a quarter of what uncompressed responses of full length would take.
_PACKED = 4


def disk_faults(
    config: RunConfig, chosen: Sequence[Chosen], stages: Sequence[str] | None, prompts: Prompts | None
) -> Iterator[Fault]:
    """Yield that the disk is too small for what is written at least.

    chosen: the plugins that are used, a trainer among them where something is trained. prompts: those that
    are asked; None: none, or nobody knows.
    """
    stored = stored_bytes(config, prompts, responses(config, prompts, stages)) if prompts else 0
    yield from room_faults(config, stored / _PACKED + _left_by_training(config, chosen, stages))


def room_faults(config: RunConfig, least: float) -> Iterator[Fault]:
    """Yield that so many bytes have no room where the run's outputs go."""
    free = shutil.disk_usage(existing(config.store_dir)).free
    if free < least:
        yield Fault(
            "store.path" if config.store.path else "run.folder",
            f"{size(free)} are free there, and the run writes {size(least)} at least",
            "name a place with more room, or make room: `udasa clean` removes what no run points at",
        )


def split_with_room(job: Job) -> Split:
    """Return the job's prompts, once the disk is seen to have room for what they take: they are read once.

    Raises ConfigError where it has not, and what `split_prompts` raises. A run that was begun before has
    written some of it, and is not asked.
    """
    found = split_prompts(job)
    if not job.resumes:
        usable = found.training_size + found.held_out_size
        prompts = Prompts(usable, found.set_aside, 0, found.held_out_size)
        chosen = used_of(chosen_plugins(job.config, job.catalog), job.uses)
        _refuse(job, disk_faults(job.config, chosen, stage_names(job.config, job.catalog), prompts))
    return found


def check_room(job: Job, tokens: int) -> None:
    """Raise ConfigError where the disk has no room for so many tokens of answers to what suites ask. A run
    that was begun before is not asked."""
    if not job.resumes:
        _refuse(job, room_faults(job.config, tokens * STORED_TOKEN / _PACKED))


def _refuse(job: Job, faults: Iterable[Fault]) -> None:
    if found := list(faults):
        raise ConfigError(found, job.config.origin)


def _left_by_training(config: RunConfig, chosen: Sequence[Chosen], stages: Sequence[str] | None) -> float:
    try:
        model = model_size(config.model.source, config.root)
    except SourceError:  # told where it is loaded
        return 0
    trainers = {one.table.path: one.options for one in chosen}
    if model is None or config.trainer.path not in trainers:
        return 0
    # While a stage trains, a checkpoint and its optimizer lie beside what it leaves.
    return trained_bytes(model, trainers[config.trainer.path]) * (len(stages or ("",)) + 2)


def existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
