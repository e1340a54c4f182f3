"""What a run would take: prompts, responses, tokens, memory, disk. Nothing is run, fetched or written.

Every figure is an estimate; each says what it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from udasa_core.check.model_size import ModelSize, local_path, model_size
from udasa_core.errors import PromptsError
from udasa_core.models.hardware import best_dtype
from udasa_core.plugins.stack import importable, load_factory, stage_names
from udasa_core.progress import Progress, silent
from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_core.prompts.reasons import Reasons
from udasa_core.report.table import Table
from udasa_core.text.size import size

if TYPE_CHECKING:
    from pydantic import BaseModel

    from udasa_core.config.parse import RunConfig
    from udasa_core.plugins.catalog import Catalog

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# English takes about four characters a token; three stays on the safe side.
_CHARACTERS_A_TOKEN = 3
# A stored token: its id, three figures of 4 bytes, and its text.
_STORED_TOKEN = 16 + 4
# Activations of one token in one layer, in numbers of the hidden size: 34 bytes in 16 bits (Korthikanti
# et al. 2022, arXiv 2205.05198, equation 2, without the attention maps).
_ACTIVATIONS = 17
# LoRA weights are trained in float32: weight, gradient, and AdamW's two moments.
_TRAINED_WEIGHT = 16


@dataclass(frozen=True, slots=True)
class Prompts:
    """How many rows a source has, how many cannot be used and why, and the longest prompt's characters."""

    usable: int
    set_aside: int
    longest: int
    reasons: Reasons = field(default_factory=Reasons)


@dataclass(frozen=True, slots=True)
class Figure:
    """One estimated figure, and what it rests on."""

    name: str
    value: str
    basis: str


def count_prompts(config: RunConfig, progress: Progress = silent) -> Prompts | None:
    """Count a source's rows by reading its file; None where that is not on this machine yet, and for data
    sets (on the hub, or laid out as there), whose reading writes to a cache."""
    table = config.prompts
    path = None if table.source.startswith("hf:") else local_path(table.source, config.root)
    if path is None or path.is_dir():
        return None
    source = PromptSource.of_table(table)
    usable = longest = 0
    reasons = Reasons()
    with progress(f"reading {table.source}", None):
        for row in read_prompts(source, config.root):
            if isinstance(row, ReadPrompt):
                usable += 1
                longest = max(longest, sum(len(message.content) for message in row.prompt.messages))
            else:
                reasons.add(row.reason, row.line)
    return Prompts(usable, reasons.total, longest, reasons)


def estimate(config: RunConfig, catalog: Catalog, progress: Progress = silent) -> list[Figure]:
    """Return the estimate of a checked configuration, a figure each.

    Of the trainer's options `rank` and `batch` are used, where it has them. Raises SourceError where the
    prompts, or the model's files, are there and cannot be read, and PromptsError where a run would stop over
    the prompts that it cannot use.
    """
    with importable(config.root):
        factory = load_factory(catalog.find("trainer", config.trainer.use))
    trainer = factory.Options.model_validate(dict(config.trainer.options))
    prompts = count_prompts(config, progress)
    if prompts is not None:
        _refuse_unusable(config, prompts)
    model = model_size(config.model.source, config.root)
    stages = stage_names(config, catalog)
    responses = _responses(config, prompts, stages) if prompts is not None else 0
    return [
        *_work(config, prompts, responses, stages),
        *_memory(config, prompts, model, trainer),
        *_disk(config, prompts, responses, model, trainer),
    ]


def _refuse_unusable(config: RunConfig, prompts: Prompts) -> None:
    """Stop where a run would: too many rows are set aside, or no prompt is left."""
    table, aside = config.prompts, prompts.set_aside
    rows = prompts.usable + aside
    if not rows:
        raise PromptsError(f"{table.source} holds no prompt")
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
    config: RunConfig, prompts: Prompts | None, count: int, stages: Sequence[str] | None
) -> Iterator[Figure]:
    if prompts is None:
        limit = config.prompts.limit
        told = f"at most {limit}" if limit else "unknown"
        yield Figure("prompts", told, f"{config.prompts.source} is counted when it is read")
        return
    aside = f", {prompts.set_aside} more set aside" if prompts.set_aside else ""
    yield Figure("prompts", f"{prompts.usable:,}", f"the rows of {config.prompts.source}{aside}")
    share = config.run.held_out
    each = f"({config.sampling.responses} + {config.voters} voters)" if config.voters else str(_each(config))
    rounds = config.rounds.count
    again = f"; all of them anew in each of {rounds} rounds" if rounds > 1 else ""
    after = f", and the {share:.0%} held out once more after training{again}" if share else again
    after += "; control prompts come on top" if config.controls.source else ""
    if config.watches_prompts:
        known = f"; those held out after each of {len(stages or ())} stages"
        unknown = f", and {_held_out(config, prompts) * _each(config):,} for each stage but the last"
        after += unknown if stages is None else known
    yield Figure("responses", f"{count:,}", f"prompts × {each}{after}")
    answer, thinking = config.sampling.max_new_tokens, config.sampling.thinking_tokens
    told = f"max_new_tokens ({answer})" if thinking is None else f"(max_new_tokens, {answer}, and "
    told += "" if thinking is None else f"thinking_tokens, {thinking})"
    yield Figure("tokens sampled", f"≤ {count * _budget(config):,}", f"responses × {told}")


def _responses(config: RunConfig, prompts: Prompts, stages: Sequence[str] | None) -> int:
    """Return how many responses are sampled in all rounds; where nobody knows the stages beforehand, but for
    those that watching each of them takes."""
    training = prompts.usable - _held_out(config, prompts)
    rounds = config.rounds.count
    # What the last stage leaves is what the round leaves.
    policies = len(stages) if config.watches_prompts and stages else 1
    return (rounds * training + (rounds * policies + 1) * _held_out(config, prompts)) * _each(config)


def _held_out(config: RunConfig, prompts: Prompts) -> int:
    return round(prompts.usable * config.run.held_out)


def _each(config: RunConfig) -> int:
    """Return how many responses a prompt gets, voters among them."""
    return config.sampling.responses + config.voters


def _memory(
    config: RunConfig, prompts: Prompts | None, model: ModelSize | None, trainer: BaseModel
) -> Iterator[Figure]:
    if model is None:
        yield Figure("memory", "unknown", f"{config.model.source} is not on this machine yet")
        return
    dtype = (
        config.model.dtype
        if config.model.dtype != "auto"
        else best_dtype(config.model.device.replace("auto", "cpu"))
    )
    width = _BYTES[dtype]
    weights = _weights(config, model, width)
    told = "4 bits" if config.model.quantization == "4bit" else dtype
    yield Figure("memory: model", size(weights), f"{model.parameters:,} weights in {told}")
    length = _length(config, prompts)
    k = config.sampling.responses
    cache = 2 * model.layers * model.key_width * width * length * k
    basis = f"keys and values of {k} responses to one prompt, {length} tokens each"
    yield Figure("memory: sampling", f"+ {size(cache)} a prompt", basis)
    batch = _option(trainer, "batch", 1)
    tokens = 2 * batch * length
    activations = tokens * (model.layers * model.hidden * _ACTIVATIONS * width + 2 * model.vocabulary * 4)
    whole = _trains_whole(trainer)
    trained = model.parameters if whole else _option(trainer, "rank", 0) * model.linear_sides
    whose = "the model's own weights, gradients and" if whole else "an adapter's"
    basis = f"activations of {batch} pairs ({tokens:,} tokens), {whose} optimizer; it may be twice that"
    yield Figure("memory: training", f"+ {size(activations + trained * _TRAINED_WEIGHT)}", basis)


def _weights(config: RunConfig, model: ModelSize, width: int) -> float:
    if config.model.quantization == "none":
        return model.parameters * width
    # NF4 with its constants quantised again takes 4.13 bits; embeddings and norms stay as they are.
    kept = model.vocabulary * model.hidden
    return kept * width + (model.parameters - kept) * 4.13 / 8


def _length(config: RunConfig, prompts: Prompts | None) -> int:
    """Return the tokens of the longest prompt, as far as they are known, and a whole response."""
    prompt = -(-prompts.longest // _CHARACTERS_A_TOKEN) if prompts else 0
    return prompt + _budget(config)


def _budget(config: RunConfig) -> int:
    """Return the tokens of the longest response."""
    return config.sampling.max_new_tokens + (config.sampling.thinking_tokens or 0)


def _trains_whole(trainer: BaseModel) -> bool:
    """Say whether the model's own weights are trained, and not an adapter."""
    return bool(getattr(trainer, "peft", "") == "none")


def _option(trainer: BaseModel, name: str, default: int) -> int:
    value = getattr(trainer, name, default)
    return value if isinstance(value, int) else default


def _disk(
    config: RunConfig, prompts: Prompts | None, count: int, model: ModelSize | None, trainer: BaseModel
) -> Iterator[Figure]:
    if prompts is not None:
        dimensions = len(config.dimensions)
        # Two columns a dimension and U, in three steps; pairs repeat two responses a prompt, in two steps.
        scores = count * 8 * (3 * dimensions + 1)
        tokens = (count + 4 * config.rounds.count * prompts.usable) * _budget(config)
        basis = f"{_STORED_TOKEN} bytes a token of responses and pairs, before compression; scores"
        yield Figure("disk: store", f"≤ {size(tokens * _STORED_TOKEN + scores)}", basis)
    rank = _option(trainer, "rank", 0)
    if model is not None and _trains_whole(trainer):
        basis = "a whole model in float32 a stage; seven times that while it trains"
        yield Figure("disk: models", f"{size(model.parameters * 4)} a stage", basis)
    elif model is not None and rank:
        adapter = rank * model.linear_sides * 4
        basis = f"an adapter a stage, rank {rank} on all linear maps; thrice that while it trains"
        yield Figure("disk: adapters", f"{size(adapter)} a stage", basis)
