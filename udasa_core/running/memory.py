"""Whether memory has room for what a run holds at once, and its context for what it samples: asked before the
first sample.

A fault is what surely cannot be; a note, what likely cannot: how long responses become, nobody knows before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault, SourceError
from udasa_core.models.hardware import Memory, best_device, device_fault, memory_on
from udasa_core.models.memory import (
    BYTES,
    bytes_of_sampling,
    bytes_of_training,
    bytes_of_weights,
    dtype_of,
    prompt_tokens,
)
from udasa_core.models.model_size import ModelSize, model_size
from udasa_core.plugins.stack import Chosen
from udasa_core.records import SamplingOptions
from udasa_core.running.workload import Prompts, responses_each, trains_whole
from udasa_core.text.size import size

# A trained weight and its gradient in float32; AdamW's moments come on top.
_SURELY_TRAINED = 8
# A matrix of what is compared, in float64, and the two that it is made of.
_COMPARED = 3 * 8


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a generator is asked at once: by which table, how, and for how many prompts, surely and at most."""

    place: str
    sampling: SamplingOptions
    prompts: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Here:
    """The policy and the memory that it goes into. weights: bytes, as a configuration has them."""

    model: ModelSize
    memory: Memory
    width: int
    weights: float

    @property
    def token(self) -> int:
        """The bytes of one token's keys and values."""
        return bytes_of_sampling(self.model, self.width, 1, 1)

    @property
    def left(self) -> float:
        """The bytes that are free beside the weights."""
        return max(0.0, self.memory.free - self.weights)

    @property
    def told(self) -> str:
        if self.memory.is_gpu:
            return f"the GPU has {size(self.memory.free)}"
        return f"there are {size(self.memory.most)}, swap space included"


def context_faults(config: RunConfig, chosen: Sequence[Chosen]) -> Iterator[Fault]:
    """Yield that not even a prompt of one token leaves room in the policy's context for a whole response."""
    model = _policy(config)
    generator = _generator(chosen)
    if model is None or generator is None or not getattr(generator.options, "is_in_context", False):
        return
    contexts = [model.context, getattr(generator.options, "context_length", 0)]
    context = min((one for one in contexts if one), default=0)
    sampling = config.sampling
    thinking = sampling.thinking_tokens or 0
    if not context or 1 + thinking + sampling.max_new_tokens <= context:
        return
    is_thought = thinking > sampling.max_new_tokens
    name = "thinking_tokens" if is_thought else "max_new_tokens"
    beside = sampling.max_new_tokens if is_thought else thinking
    also = f", beside {'max_new_tokens' if is_thought else 'thinking_tokens'} = {beside:,}" if beside else ""
    yield Fault(
        f"generator.{name}",
        f"{getattr(sampling, name):,} tokens do not fit in the model's context of {context:,}, which the "
        f"prompt shares with the response{also}",
        f"leave room for the prompt: {max(1, context // 2 - beside):,}, say",
    )


def memory_faults(
    config: RunConfig,
    chosen: Sequence[Chosen],
    prompts: Prompts | None,
    *,
    asks: bool = True,
    questions: Mapping[str, int] | None = None,
) -> Iterator[Fault]:
    """Yield what surely does not go into the memory of the policy's device.

    chosen: the plugins that are used. prompts: those that are asked; None: nobody knows how many. asks:
    whether they are asked at all. questions: of each suite, by its name, where that is known.
    """
    here = _here(config)
    if here is None:
        return
    if here.memory.is_gpu and here.weights > here.memory.most:
        yield Fault(
            "model.source",
            f"its weights take {size(here.weights)}, and {here.told}",
            'name a smaller model, or write quantization = "4bit"',
        )
        return
    beside = here.weights if here.memory.is_gpu and config.model.quantization == "none" else 0
    generator = _generator(chosen)
    for one in _asked(config, chosen, prompts, asks, questions or {}):
        least, _ = _held(generator, one.sampling, one.prompts[0], here)
        if least + beside > here.memory.most:
            yield Fault(
                _blamed(one),
                f"{_told(one, one.prompts[0])}, and what is kept of them takes {size(least)} at least: "
                f"{here.told}",
                _fitting(generator, one, here) or "name a smaller model",
            )
    for trainer in chosen:
        trained = _surely_trained(trainer, here.model)
        if trained * _SURELY_TRAINED + beside > here.memory.most:
            yield _trained_fault(trainer, here, trained)


def memory_notes(
    config: RunConfig,
    chosen: Sequence[Chosen],
    prompts: Prompts | None,
    *,
    asks: bool = True,
    questions: Mapping[str, int] | None = None,
) -> Iterator[str]:
    """Yield, a sentence each, what may need more memory than is free now, where `memory_faults` stops
    nothing. Its arguments are the same."""
    here = _here(config)
    if here is None:
        return
    if here.weights > here.memory.free:
        yield f"memory: the model's weights take {size(here.weights)}, and {_free(here.memory.free)}"
        return
    generator = _generator(chosen)
    for one in _asked(config, chosen, prompts, asks, questions or {}):
        _, most = _held(generator, one.sampling, one.prompts[1], here)
        if most > here.left:
            fits = _fitting(generator, one, here)
            yield (
                f"memory: {_blamed(one)}: {_told(one, one.prompts[1])}, which may take {size(most)} beside the "
                f"model, and {_free(here.left)}: the system may end the run without a word"
                f"{f'; {fits}' if fits else ''}"
            )
    compared = responses_each(config)
    if asks and compared**2 * _COMPARED > here.memory.free:
        yield (
            f"memory: {'generator.voters' if config.voters else 'generator.responses'}: the {compared:,} "
            f"responses to a prompt, voters among them, are compared two by two, which may take "
            f"{size(compared**2 * _COMPARED)}, and {_free(here.memory.free)}"
        )
    for trainer in chosen:
        if trainer.table.kind == "trainer":
            yield from _training_notes(config, trainer, prompts, here)


def _free(free: float) -> str:
    return f"{size(free)} are free now"


def _policy(config: RunConfig) -> ModelSize | None:
    try:
        return model_size(config.model.source, config.root)
    except SourceError:  # told where it is loaded
        return None


def _here(config: RunConfig) -> _Here | None:
    model, table = _policy(config), config.model
    if model is None or device_fault(table.device):
        return None
    device = best_device() if table.device == "auto" else table.device
    weights = bytes_of_weights(model, table.dtype, device, table.quantization)
    return _Here(model, memory_on(device), BYTES[dtype_of(table.dtype, device)], weights)


def _generator(chosen: Sequence[Chosen]) -> Chosen | None:
    return next((one for one in chosen if one.table.kind == "generator"), None)


def _asked(
    config: RunConfig,
    chosen: Sequence[Chosen],
    prompts: Prompts | None,
    asks: bool,
    questions: Mapping[str, int],
) -> Iterator[_Asked]:
    most = config.run.shard_size
    if asks:
        count = 1 if prompts is None else max(prompts.usable - prompts.held_out, prompts.held_out, 1)
        together = min(most, count)
        yield _Asked("generator", config.sampling, (together, most if prompts is None else together))
    for one in chosen:
        if one.table.kind == "suite" and "generator" in one.needs and hasattr(one.options, "max_new_tokens"):
            known = questions.get(one.table.name)
            sampling = replace(
                config.sampling,
                responses=int(getattr(one.options, "responses", 1)),
                max_new_tokens=int(one.options.max_new_tokens),
            )
            together = min(most, known or 1)
            yield _Asked(one.table.path, sampling, (together, most if known is None else together))


def _held(
    generator: Chosen | None, sampling: SamplingOptions, prompts: int, here: _Here, **others: Any
) -> tuple[int, int]:
    """others: options of the generator that are tried in place of what it has."""
    options = generator.options if generator is not None else None
    look = getattr(options.model_copy(update=others) if options and others else options, "held", None)
    if look is None:
        return (0, 0)
    least, most = look(prompts, sampling, here.token, is_gpu=here.memory.is_gpu)
    return int(least), int(most)


def _blamed(one: _Asked) -> str:
    """Return the setting that is farthest above what it usually is."""
    usual = SamplingOptions()
    named = ("responses", "max_new_tokens")
    return f"{one.place}.{max(named, key=lambda name: getattr(one.sampling, name) / getattr(usual, name))}"


def _told(one: _Asked, prompts: int) -> str:
    to = "one prompt" if prompts == 1 else f"each of {prompts} prompts"
    longest = one.sampling.max_new_tokens + (one.sampling.thinking_tokens or 0)
    return f"{one.sampling.responses:,} responses of up to {longest:,} tokens to {to} are sampled at once"


def _fitting(generator: Chosen | None, one: _Asked, here: _Here) -> str:
    """Say which values, each by itself, surely have room in what is free; "" where none has."""
    sampling, prompts = one.sampling, one.prompts[1]
    ways: list[tuple[str, int, int, Callable[[int], float]]] = [
        (
            "responses",
            sampling.responses,
            2 if one.place == "generator" else 1,
            lambda value: _held(generator, replace(sampling, responses=value), prompts, here)[1],
        ),
        (
            "max_new_tokens",
            sampling.max_new_tokens,
            1,
            lambda value: _held(generator, replace(sampling, max_new_tokens=value), prompts, here)[1],
        ),
    ]
    together = getattr(generator.options, "prompts_per_batch", 0) if generator is not None else 0
    if min(together, prompts) > 1:
        ways.append(
            (
                "[generator] prompts_per_batch",
                min(together, prompts),
                1,
                lambda value: _held(generator, sampling, prompts, here, prompts_per_batch=value)[1],
            )
        )
    fitting = []
    for name, value, least, need in ways:
        most = bisect_right(range(1, value + 1), here.left, key=need)
        if least <= most < value:
            fitting.append(f"{name} = {most}")
    return f"what fits: {', or '.join(fitting)}" if fitting else ""


def _surely_trained(trainer: Chosen, model: ModelSize) -> int:
    """Return how many weights a trainer surely trains. Of an adapter on named modules nobody knows it here."""
    if trainer.table.kind != "trainer":
        return 0
    if trains_whole(trainer.options):
        return model.parameters
    on_all = getattr(trainer.options, "targets", "all-linear") == "all-linear"
    return _rank(trainer) * model.linear_sides if on_all else 0


def _rank(trainer: Chosen) -> int:
    rank = getattr(trainer.options, "rank", 0)
    return rank if isinstance(rank, int) else 0


def _trained_fault(trainer: Chosen, here: _Here, trained: int) -> Fault:
    needed = f"{size(trained * _SURELY_TRAINED)} at least while they are trained, and {here.told}"
    if trains_whole(trainer.options):
        return Fault(
            f"{trainer.table.path}.peft",
            f'peft = "none" trains the model\'s own {trained:,} weights, which take {needed}',
            'write peft = "lora"',
        )
    fits = int(here.memory.most / _SURELY_TRAINED / 2 / here.model.linear_sides)
    return Fault(
        f"{trainer.table.path}.rank",
        f"an adapter of rank {_rank(trainer):,} has {trained:,} weights here, which take {needed}",
        f"rank = {max(1, min(fits, here.model.hidden or fits))} at most; 8 to 64 is usual",
    )


def _training_notes(
    config: RunConfig, trainer: Chosen, prompts: Prompts | None, here: _Here
) -> Iterator[str]:
    options = trainer.options

    def needed(batch: int) -> float:
        return bytes_of_training(
            here.model,
            here.width,
            length,
            batch,
            _surely_trained(trainer, here.model),
            is_recomputed=getattr(options, "gradient_checkpointing", False) is True,
        )

    longest = prompt_tokens(prompts.longest) if prompts is not None else 0
    bounds = (
        longest + config.sampling.max_new_tokens + (config.sampling.thinking_tokens or 0),
        getattr(options, "max_length", None),
        here.model.context or None,
    )
    length = min(bound for bound in bounds if isinstance(bound, int))
    asked = getattr(options, "batch", 0)
    if not isinstance(asked, int) or asked < 1:
        return
    # A stage has no more pairs than there are prompts, as most pairings pair.
    batch = min(asked, max(1, prompts.usable - prompts.held_out)) if prompts is not None else asked
    if needed(batch) <= here.left:
        return
    most = bisect_right(range(1, batch + 1), here.left, key=needed)
    fits = (
        f"; batch = {most} fits" if most else "; a smaller rank, or gradient_checkpointing = true, takes less"
    )
    yield (
        f"memory: {trainer.table.path}.batch: training on {batch:,} pairs of up to {length:,} tokens a response "
        f"at once may take {size(needed(batch))} beside the model, and {_free(here.left)}: the system may end "
        f"the run without a word{fits}"
    )
