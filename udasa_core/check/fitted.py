"""The TOML of `udasa init --model … --prompts …`: a recipe, fitted to a model, to prompts and to a machine.

What is written is checked as `udasa check` reads it. Nothing of a model is fetched.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from udasa_core.api import Unchecked, load
from udasa_core.check.annotated import annotated, refuse_to_replace
from udasa_core.check.estimate import options_of, refuse_unusable
from udasa_core.check.fitted_told import Fitted, notes, remarks_of
from udasa_core.check.room import Room, gib, room_of
from udasa_core.check.sizing import Sizing, Work, sizings
from udasa_core.config.overrides import override
from udasa_core.config.parse import RunConfig
from udasa_core.config.recipes import LIGHT_ABOVE, Task, recipe_for, recipes
from udasa_core.config.schema import LONGEST_NAME, VOTERS_A_BLOCK
from udasa_core.config.toml_text import read_toml
from udasa_core.errors import PromptsError, UsageError
from udasa_core.files.whole import write_whole
from udasa_core.models.known_size import KnownSize, known_size
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.progress import Progress, silent
from udasa_core.prompts.read import PromptSource
from udasa_core.prompts.recognised import Recognised, recognised
from udasa_core.running.workload import Prompts, budget
from udasa_core.sources import hub
from udasa_core.sources.source import BadSourceError, names_source, parse_source
from udasa_core.text.size import size, weights

# What is taken for the task where neither that nor a recipe is named.
_TASK: Task = "facts"
# What a file's name ends in, where a name of the hub's hardly does.
_FILES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".gguf")
# The dimension of a recipe that speaks of harm, by its instance's name.
_SAFETY = "safety"
# What is sampled of a prompt where a model of more than LIGHT_ABOVE weights has no GPU: as in the quickstart.
_RESPONSES, _VOTERS = 4, VOTERS_A_BLOCK


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants a configuration for; whatever is None is as the recipe has it.

    model, prompts: sources, or paths from the working folder. gpu: GiB of the GPU that it is to fit into;
    None: this machine. task, recipe: one of them chooses the recipe; neither: the task "facts".
    """

    model: str | None = None
    prompts: str | None = None
    gpu: float | None = None
    task: Task | None = None
    recipe: str | None = None
    overrides: Sequence[str] = ()


def write_fitted(path: Path, wish: Wish, *, force: bool = False, progress: Progress = silent) -> list[str]:
    """Write an annotated configuration that fits, and return in sentences what it rests on.

    Raises UsageError where the file is there already (unless forced), the prompts cannot be read as such, or
    the model does not fit; SourceError where a source cannot be had; ConfigError for what else is wrong.
    """
    refuse_to_replace(path, force=force)
    root, catalog = path.absolute().parent, read_catalog()
    recipe, task, raw, known = _chosen(wish, root)
    raw["run"]["name"] = _run_name(path, recipe)
    room = room_of(wish.gpu)
    if wish.gpu is not None:
        raw["model"]["dtype"] = room.dtype
    lowered = {}
    if not room.is_gpu and known.size.parameters > LIGHT_ABOVE:
        sampled = raw["generator"]
        lowered = {
            key: bound
            for key, bound in (("responses", _RESPONSES), ("voters", _VOTERS))
            if sampled.get(key, 0) > bound
        }
        sampled |= lowered
    raw = override(raw, wish.overrides)
    # What the user's own keys say of it is theirs.
    lowered = {key: bound for key, bound in lowered.items() if not _is_set(wish.overrides, key)}
    config = load(Unchecked(raw, root, str(path)), catalog=catalog)
    if config.model.dtype != "auto":
        room = replace(room, dtype=config.model.dtype)
    found = _prompts(config, progress)
    sizing = _sizing(config, catalog, known, found, room)
    _write_sizing(raw, config, catalog, sizing)
    raw = override(raw, wish.overrides)
    if found is not None and found.columns:
        raw["prompts"]["columns"] = dict(found.columns)
    config = load(Unchecked(raw, root, str(path)), catalog=catalog)
    fitted = Fitted(config, recipe, task, known, found, room, sizing, lowered)
    write_whole(path, annotated(raw, catalog, said=list(remarks_of(fitted))))
    return list(notes(fitted))


def _chosen(wish: Wish, root: Path) -> tuple[str, Task | None, dict[str, Any], KnownSize]:
    """Return a recipe's name, the task that chose it (None where it was named), its plain data with the
    wish's model and prompts, and the model's size. Raises UsageError and SourceError."""
    if wish.task and wish.recipe:
        raise UsageError("--task chooses a recipe, and --recipe names one: leave out one of them")
    task = wish.task or (None if wish.recipe else _TASK)
    given = {
        table: _source(text, root)
        for table, text in (("model", wish.model), ("prompts", wish.prompts))
        if text is not None
    }

    def plain(recipe: str) -> dict[str, Any]:
        raw = read_toml(recipes()[recipe])
        for table, source in given.items():
            raw[table]["source"] = source
        return raw

    # Which recipe is the task's depends on the model, which is the recipe's where none is named.
    likely = wish.recipe or recipe_for(task or _TASK, 0)
    source = override(plain(likely), wish.overrides)["model"]["source"]
    try:
        known = known_size(source, root)
    except BadSourceError as error:
        raise UsageError(f"--model: {error}") from error
    recipe = wish.recipe or recipe_for(task or _TASK, known.size.parameters)
    raw = plain(recipe)
    raw["model"]["source"] = source
    if task == "safety":
        _by_safety_alone(raw)
    return recipe, task, raw, known


def _is_set(overrides: Sequence[str], key: str) -> bool:
    """Say whether one of KEY=VALUE sets a key of [generator], or all of that table."""
    return any(one.partition("=")[0].strip() in (f"generator.{key}", "generator") for one in overrides)


def _source(text: str, root: Path) -> str:
    """Return a source as it stands, and a path from the working folder as a source from the TOML's."""
    if names_source(text):
        return text
    try:
        path = Path(text).expanduser().absolute()
        is_path = path.exists() or "/" not in text or path.suffix in _FILES
    except (OSError, RuntimeError, ValueError):  # no path at all
        return text
    if not is_path:
        return text
    return f"file:{os.path.relpath(path, root) if path.is_relative_to(root) else path}"


def _run_name(path: Path, recipe: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).lstrip("._-")
    return plain[:LONGEST_NAME] or recipe


def _by_safety_alone(raw: dict[str, Any]) -> None:
    """Give all weight to what speaks of harm: responses may agree to do it."""
    for dimension in raw["dimension"]:
        if dimension.get("name") != _SAFETY:
            dimension["weight"] = 0.0


def _prompts(config: RunConfig, progress: Progress) -> Recognised | None:
    """Return what the prompts' source holds; None where the hub has them and gives no answer.

    Raises UsageError where a run would stop over them.
    """
    options = PromptSource.of_table(config.prompts)
    source = parse_source(options.source, config.root)
    if source.scheme == "hf":
        try:
            hub.ask_hub(source, "dataset")
        except hub.SilentHubError:
            return None
    found = recognised(options, config.root, progress=progress)
    held = Prompts(found.usable, found.reasons.total, max(found.characters, default=0), 0, found.reasons)
    try:
        refuse_unusable(config, held)
    except PromptsError as error:
        is_unknown = "[prompts] columns" in str(error)
        hint = (
            "\n    → name the field to ask: --set 'prompts.columns={ prompt = \"…\" }'" if is_unknown else ""
        )
        raise UsageError(f"{error}{hint}") from error
    return found


def _sizing(
    config: RunConfig, catalog: Catalog, known: KnownSize, found: Recognised | None, room: Room
) -> Sizing:
    """Return the plainest settings that fit. Raises UsageError, with the numbers, where none does."""
    trainer = options_of(config.trainer, config, catalog)
    work = Work(
        characters=found.characters if found is not None else (),
        budget=budget(config),
        rows=max(config.sampling.responses, VOTERS_A_BLOCK if config.voters else 0),
        together=min(_together(config, catalog), config.run.shard_size),
        batch=getattr(trainer, "batch", 1),
        pairs=getattr(trainer, "batch", 1) * getattr(trainer, "accumulation", 1),
        rank=getattr(trainer, "rank", 0),
    )
    ways = list(sizings(known.size, work, room))
    wanted = config.raw["model"].get("quantization")
    ways = [one for one in ways if wanted in (None, one.quantization)] or ways
    if fitting := next((one for one in ways if one.needed <= room.counted), None):
        return fitting
    least = ways[-1]
    bits = "4 bits" if least.quantization == "4bit" else room.dtype
    name = config.model.source
    told = (
        f"{name} does not fit into {room.told}: its {weights(known.size.parameters)} weights ({known.basis})"
    )
    training = f"training on one pair of {2 * least.length} tokens, {size(2 * least.training)}"
    sampling = f"sampling {work.rows} responses at once, {size(least.sampling)}"
    have = f"{size(room.memory)} are there, of which {size(room.counted)} are counted on"
    gpu = f"a GPU of {math.ceil(gib(least.needed))} GiB at least (--gpu), or a smaller model"
    raise UsageError(
        f"{told} take {size(least.weights)} in {bits}; beside them {sampling}, or {training}; {have}. "
        f"All of this is computed, not measured\n    → {gpu}"
    )


def _together(config: RunConfig, catalog: Catalog) -> int:
    together = getattr(options_of(config.generator, config, catalog), "prompts_per_batch", 1)
    return int(together)


def _write_sizing(raw: dict[str, Any], config: RunConfig, catalog: Catalog, sizing: Sizing) -> None:
    """Write settings into a configuration, each only where it is not as it was."""
    trainer = options_of(config.trainer, config, catalog)
    if sizing.quantization != "none":
        raw["model"]["quantization"] = sizing.quantization
    if sizing.together < _together(config, catalog):
        raw["generator"]["prompts_per_batch"] = sizing.together
    batch, passes = getattr(trainer, "batch", 1), getattr(trainer, "accumulation", 1)
    if sizing.batch != batch:
        raw["trainer"] |= {"batch": sizing.batch, "accumulation": batch * passes // sizing.batch}
    if sizing.is_recomputed:
        raw["trainer"]["gradient_checkpointing"] = True
    if sizing.is_cut:
        raw["trainer"]["max_length"] = sizing.length
