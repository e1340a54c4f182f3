"""Whether disk and memory have room for what a run writes and holds: asked before its first sample."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from udasa_core.config.parse import RunConfig
from udasa_core.errors import ConfigError, Fault, SourceError
from udasa_core.job.job import Job
from udasa_core.models.model_size import model_size
from udasa_core.plugins.stack import Chosen, chosen_plugins, stage_names, used_of
from udasa_core.running.memory import memory_faults, memory_notes
from udasa_core.running.suite_work import SuiteWork
from udasa_core.running.trained_memory import USUAL_RANK
from udasa_core.running.workload import (
    STORED_TOKEN,
    Prompts,
    responses,
    stored_bytes,
    trained_bytes,
    trains_whole,
)
from udasa_core.steps.read import Prompts as Split
from udasa_core.steps.read import split_prompts
from udasa_core.text.size import size

log = logging.getLogger("udasa")

# A store holds about a quarter of what uncompressed responses of full length would take.
_PACKED = 4


def disk_faults(
    config: RunConfig, chosen: Sequence[Chosen], stages: Sequence[str] | None, prompts: Prompts | None
) -> Iterator[Fault]:
    """Yield that the disk is too small for what is written at least.

    chosen: the plugins that are used, a trainer among them where something is trained. prompts: those that
    are asked; None: none, or nobody knows.
    """
    stored = stored_bytes(config, prompts, responses(config, prompts, stages)) / _PACKED if prompts else 0
    left = _left_by_training(config, chosen, stages)
    found = list(room_faults(config, stored + left))
    if found and (told := _too_large(config, chosen, left)):
        found = [told]
    yield from found


def room_faults(config: RunConfig, least: float) -> Iterator[Fault]:
    """Yield that so many bytes have no room where the run's outputs go."""
    free = _free(config)
    if free < least:
        yield Fault(
            "store.path" if config.store.path else "run.folder",
            f"{size(free)} are free there, and the run writes {size(least)} at least",
            "name a place with more room, or make room: `udasa clean` removes what no run points at; or ask "
            "for less: fewer prompts, responses or voters, or shorter ones",
        )


def _free(config: RunConfig) -> int:
    return shutil.disk_usage(existing(config.store_dir)).free


def _too_large(config: RunConfig, chosen: Sequence[Chosen], left: float) -> Fault | None:
    """Return the fault of an adapter's rank, where what training leaves has no room by itself."""
    options = next((one.options for one in chosen if one.table.path == config.trainer.path), None)
    rank, free = getattr(options, "rank", 0), _free(config)
    if options is None or trains_whole(options) or not isinstance(rank, int) or left <= free:
        return None
    return Fault(
        f"{config.trainer.path}.rank",
        f"adapters of rank {rank:,} take {size(left)} on disk at least, and {size(free)} are free in "
        f"{existing(config.store_dir)}",
        f"rank = {max(1, int(rank * free / left))} has room there, {USUAL_RANK}; or name another place "
        f"under {'[store] path' if config.store.path else '[run] folder'}",
    )


def split_with_room(job: Job) -> Split:
    """Return the job's prompts, once the disk is seen to have room for what they take: they are read once.

    Raises ConfigError where it has not, and what `split_prompts` raises. A run that was begun before has
    written some of it, and is not asked.
    """
    found = split_prompts(job)
    usable = found.training_size + found.held_out_size
    prompts = Prompts(usable, found.set_aside, 0, found.held_out_size)
    chosen = used_of(chosen_plugins(job.config, job.catalog), job.uses)
    if not job.resumes:
        _refuse(job, disk_faults(job.config, chosen, stage_names(job.config, job.catalog), prompts))
    _check_memory(job, chosen, prompts)
    return found


def _check_memory(
    job: Job,
    chosen: Sequence[Chosen],
    prompts: Prompts | None,
    questions: Mapping[str, int] | None = None,
) -> None:
    """Raise ConfigError where memory surely has no room for what is held at once; warn where it likely has
    none. A run that was begun before may have its samples, and is warned alone; of a finished one nothing is
    told.

    prompts: those of the run that are asked; None: none are. questions: of each suite, by its name.
    """
    manifest = job.outputs.manifest
    if manifest is not None and manifest.plain.get("status") == "finished":  # nothing is left to sample
        return
    asked = partial(memory_faults, job.config, chosen, prompts, asks=prompts is not None)
    found = list(asked(questions=questions))
    if not job.resumes:
        _refuse(job, found)
    notes = memory_notes(job.config, chosen, prompts, asks=prompts is not None, questions=questions)
    for told in map(str, found) if found else notes:
        log.warning("%s", told)


def check_room(job: Job, work: Sequence[SuiteWork]) -> None:
    """Raise ConfigError where the disk has no room for the answers to what suites ask, or memory none for
    those that are sampled at once. A run that was begun before is not asked."""
    if not job.resumes:
        tokens = sum(one.tokens or 0 for one in work)
        _refuse(job, room_faults(job.config, tokens * STORED_TOKEN / _PACKED))
    chosen = used_of(chosen_plugins(job.config, job.catalog), job.uses)
    _check_memory(job, chosen, None, {one.suite: one.questions for one in work if one.questions})


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
