"""What a run would take: prompts, responses, tokens, memory, disk. Nothing is run, fetched or written.

Every figure is an estimate; each says what it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from udasa_core.errors import PromptsError
from udasa_core.models.known_size import named_size
from udasa_core.models.memory import (
    BYTES,
    bytes_of_sampling,
    bytes_of_training,
    bytes_of_weights,
    dtype_of,
    prompt_tokens,
)
from udasa_core.models.model_size import ModelSize, model_size
from udasa_core.plugins.stack import importable, load_factory, stage_names, takes_any_prompt
from udasa_core.progress import Progress, silent
from udasa_core.prompts.held_out import refuse_all_held_out, refuse_unwatched
from udasa_core.prompts.reasons import no_row
from udasa_core.report.table import Table
from udasa_core.running.workload import (
    STORED_TOKEN,
    Prompts,
    budget,
    count_prompts,
    responses,
    responses_each,
    stored_bytes,
    trained_bytes,
    trains_whole,
)
from udasa_core.text.size import size

if TYPE_CHECKING:
    from pydantic import BaseModel

    from udasa_core.config.parse import PluginTable, RunConfig
    from udasa_core.plugins.catalog import Catalog

# AdamW's two moments in float32.
_MOMENTS = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """One estimated figure, and what it rests on."""

    name: str
    value: str
    basis: str


def estimate(
    config: RunConfig,
    catalog: Catalog,
    progress: Progress = silent,
    refused: Mapping[int, str] | None = None,
) -> list[Figure]:
    """Return the estimate of a checked configuration, a figure each.

    refused: the lines whose prompts the generator does not take, and why. Of the trainer's options `rank`,
    `batch`, `max_length`, `gradient_checkpointing`, `peft` and `keep_optimizer` are used, where it has them,
    and of the pairing's `asks`. Raises SourceError where the prompts, or the model's files, are there and
    cannot be read, and PromptsError where a run would stop over the prompts that it cannot use.
    """
    trainer, pairing = (options_of(table, config, catalog) for table in (config.trainer, config.pairing))
    prompts = count_prompts(config, progress, refused)
    if prompts is not None:
        refuse_unusable(config, prompts)
        refuse_all_held_out(prompts.usable - prompts.held_out, prompts.usable)
        refuse_unwatched(config, prompts.held_out, prompts.usable)
    found = model_size(config.model.source, config.root)
    model = found or named_size(config.model.source, config.root)
    stages = stage_names(config, catalog)
    count = responses(config, prompts, stages) if prompts is not None else 0
    return [
        *_work(config, prompts, count, stages, takes_any_prompt(config, catalog)),
        *_asked_by_pairing(config, prompts, getattr(pairing, "asks", ())),
        *_memory(config, prompts, model, trainer, is_named=found is None),
        *_disk(config, prompts, count, model, trainer),
        *_kept_optimizers(config, model, catalog, stages),
    ]


def options_of(table: PluginTable, config: RunConfig, catalog: Catalog) -> BaseModel:
    """Return the options of a plugin's table, its defaults among them."""
    with importable(config.root):
        factory = load_factory(catalog.find(table.kind, table.use))
    options: BaseModel = factory.Options.model_validate(dict(table.options))
    return options


def refuse_unusable(config: RunConfig, prompts: Prompts) -> None:
    """Stop where a run would: too many rows are set aside, or no prompt is left."""
    table, aside = config.prompts, prompts.set_aside
    rows = prompts.usable + aside
    if not rows:
        raise PromptsError(no_row(table.source))
    if prompts.usable and aside / rows <= table.max_set_aside:
        return
    told = prompts.reasons
    head = f"{aside} of {rows} rows of {table.source} cannot be used"
    if not prompts.usable:
        raise PromptsError(f"{head}; no prompt is left:\n{told}\nMend them, or name other prompts")
    raise PromptsError(
        f"{head}:\n{told}\nMend them, or allow them: --set prompts.max_set_aside={aside / rows + 0.0005:.3f}"
    )


def estimate_table(figures: list[Figure]) -> Table:
    """Return the figures as a table."""
    rows = [(figure.name, figure.value, figure.basis) for figure in figures]
    return Table("Estimate (nothing was run, fetched or written)", ("what", "about", "from"), rows)


def _work(
    config: RunConfig, prompts: Prompts | None, count: int, stages: Sequence[str] | None, anew: bool
) -> Iterator[Figure]:
    """anew: whether responses are sampled, and not recorded."""
    if prompts is None:
        limit = config.prompts.limit
        told = f"at most {limit}" if limit else "unknown"
        yield Figure("prompts", told, f"{config.prompts.source} is counted when it is read")
        return
    aside = f", {prompts.set_aside} more set aside" if prompts.set_aside else ""
    yield Figure("prompts", f"{prompts.usable:,}", f"the rows of {config.prompts.source}{aside}")
    share = config.run.held_out
    each = (
        f"({config.sampling.responses} + {config.voters} voters)"
        if config.voters
        else str(responses_each(config))
    )
    rounds = config.rounds.count
    again = f"; all of them anew in each of {rounds} rounds" if rounds > 1 else ""
    after = f", and the {prompts.held_out} held out once more after training{again}" if share else again
    after += "; control prompts come on top" if config.controls.source and anew else ""
    if config.watches_prompts:
        known = f"; those held out after each of {len(stages or ())} stages"
        unknown = f", and {prompts.held_out * responses_each(config):,} for each stage but the last"
        after += unknown if stages is None else known
    if not anew:
        yield Figure("responses", f"≤ {count:,}", f"recorded ones, prompts × {each}{after}")
        told = "responses are recorded: nothing is sampled; each is read, before and after training"
        yield Figure("tokens sampled", "0", told)
        return
    yield Figure("responses", f"{count:,}", f"prompts × {each}{after}")
    answer, thinking = config.sampling.max_new_tokens, config.sampling.thinking_tokens
    told = f"max_new_tokens ({answer})" if thinking is None else f"(max_new_tokens, {answer}, and "
    told += "" if thinking is None else f"thinking_tokens, {thinking})"
    yield Figure("tokens sampled", f"≤ {count * budget(config):,}", f"responses × {told}")


def _asked_by_pairing(config: RunConfig, prompts: Prompts | None, asks: Sequence[int]) -> Iterator[Figure]:
    """Yield what a pairing that asks questions of its own takes."""
    if prompts is None or not asks:
        return
    count = config.rounds.count * (prompts.usable - prompts.held_out)
    basis = f"{count:,} prompts × {len(asks)}, what {config.pairing.name} asks of the prompts trained on"
    again = f" in {config.rounds.count} rounds" if config.rounds.count > 1 else ""
    yield Figure("questions of the pairing", f"{count * len(asks):,}", f"{basis}{again}")
    if any(asks):
        told = "those questions × their own budgets; they come on top of the responses above"
        yield Figure("tokens sampled for pairs", f"≤ {count * sum(asks):,}", told)


def _memory(
    config: RunConfig,
    prompts: Prompts | None,
    model: ModelSize | None,
    trainer: BaseModel,
    *,
    is_named: bool,
) -> Iterator[Figure]:
    """Yield what the model takes. is_named: its size is known by its name alone."""
    if model is None:
        yield Figure("memory", "unknown", f"{config.model.source} is not on this machine yet")
        return
    dtype = dtype_of(config.model.dtype, config.model.device)
    width = BYTES[dtype]
    weights = bytes_of_weights(model, config.model.dtype, config.model.device, config.model.quantization)
    told = "4 bits" if config.model.quantization == "4bit" else dtype
    by_name = ", by its name: it is not here yet" if is_named else ""
    yield Figure("memory: model", size(weights), f"{model.parameters:,} weights in {told}{by_name}")
    length = _length(config, prompts)
    k = config.sampling.responses
    cache = bytes_of_sampling(model, width, length, k)
    basis = f"keys and values of {k} responses to one prompt, {length} tokens each"
    yield Figure("memory: sampling", f"+ {size(cache)} a prompt", basis)
    batch = _option(trainer, "batch", 1)
    again = getattr(trainer, "gradient_checkpointing", False) is True
    trained = _trained_weights(trainer, model)
    # A longer pair is set aside.
    longest = min(length, _option(trainer, "max_length", length))
    needed = bytes_of_training(model, width, longest, batch, trained, is_recomputed=again)
    whose = "the model's own weights, gradients and" if trains_whole(trainer) else "an adapter's"
    basis = f"activations of {batch} pairs ({2 * batch * longest:,} tokens), {whose} optimizer"
    yield Figure("memory: training", f"+ {size(needed)}", f"{basis}; it may be twice that")


def _length(config: RunConfig, prompts: Prompts | None) -> int:
    """Return the tokens of the longest prompt, as far as they are known, and a whole response."""
    return (prompt_tokens(prompts.longest) if prompts else 0) + budget(config)


def _trained_weights(trainer: BaseModel, model: ModelSize) -> int:
    return model.parameters if trains_whole(trainer) else _option(trainer, "rank", 0) * model.linear_sides


def _option(trainer: BaseModel, name: str, default: int) -> int:
    value = getattr(trainer, name, default)
    return value if isinstance(value, int) else default


def _disk(
    config: RunConfig, prompts: Prompts | None, count: int, model: ModelSize | None, trainer: BaseModel
) -> Iterator[Figure]:
    if prompts is not None:
        basis = f"{STORED_TOKEN} bytes a token of responses and pairs, before compression; scores"
        yield Figure("disk: store", f"≤ {size(stored_bytes(config, prompts, count))}", basis)
    left = trained_bytes(model, trainer) if model is not None else 0
    if left and trains_whole(trainer):
        basis = "a whole model in float32 a stage; seven times that while it trains"
        yield Figure("disk: models", f"{size(left)} a stage", basis)
    elif left:
        rank = _option(trainer, "rank", 0)
        basis = f"an adapter a stage, rank {rank} on all linear maps; thrice that while it trains"
        yield Figure("disk: adapters", f"{size(left)} a stage", basis)


def _kept_optimizers(
    config: RunConfig, model: ModelSize | None, catalog: Catalog, stages: Sequence[str] | None
) -> Iterator[Figure]:
    """Yield what optimizers take that stages leave for the next one."""
    own = {name: options_of(table, config, catalog) for name, table in config.stage_trainers.items()}
    default = options_of(config.trainer, config, catalog)
    trainers = [own.get(name, default) for name in stages] if stages else [default, *own.values()]
    keeping = [one for one in trainers if getattr(one, "keep_optimizer", False)]
    if model is None or not keeping:
        return
    some = (
        f"in {len(keeping)} of {len(stages)} stages" if stages and len(keeping) < len(stages) else "a stage"
    )
    kept = max(_trained_weights(one, model) for one in keeping) * _MOMENTS
    yield Figure("disk: optimizer", f"{size(kept)} {some}", "keep_optimizer: AdamW's two moments in float32")
