"""Whether memory has room for what a run holds at once, and the policy's context for what it samples: asked
before the first sample.

A fault is what surely has none; a note, what may have none: how long responses become, nobody knows before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault
from udasa_core.plugins.stack import Chosen
from udasa_core.running.policy_memory import policy_memory, policy_size
from udasa_core.running.sampled_memory import sampled
from udasa_core.running.trained_memory import training_faults, training_notes
from udasa_core.running.workload import Prompts, responses_each
from udasa_core.text.size import size

# A matrix of what is compared, in float64, and the two that it is made of.
_COMPARED = 3 * 8


def context_faults(config: RunConfig, chosen: Sequence[Chosen]) -> Iterator[Fault]:
    """Yield that not even a prompt of one token leaves room in the policy's context for a whole response."""
    model = policy_size(config)
    options = next((one.options for one in chosen if one.table.kind == "generator"), None)
    if model is None or not getattr(options, "is_in_context", False):
        return
    # A server may take less than the model can.
    context = min((one for one in (model.context, getattr(options, "context_length", 0)) if one), default=0)
    tokens = {
        "max_new_tokens": config.sampling.max_new_tokens,
        "thinking_tokens": config.sampling.thinking_tokens or 0,
    }
    if not context or 1 + sum(tokens.values()) <= context:
        return
    name = max(tokens, key=lambda one: tokens[one])
    ((other, beside),) = [(key, value) for key, value in tokens.items() if key != name]
    also = f" and with {other} = {beside}" if beside else ""
    yield Fault(
        f"generator.{name}",
        f"{tokens[name]} tokens do not fit in the model's context of {context}, which they share with the "
        f"prompt{also}",
        f"leave room for the prompt: {name} = {max(1, context // 2 - beside)}, say",
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
    here = policy_memory(config)
    if here is None:
        return
    if here.most_left < 0:
        less = 'name a smaller model, or write quantization = "4bit"'
        yield Fault("model.source", f"its weights take {size(here.weights)}, and {here.told}", less)
        return
    for one in sampled(config, chosen, prompts, questions or {}, asks=asks):
        if fault := one.fault(here):
            yield fault
    for trainer in chosen:
        if trainer.table.kind == "trainer":
            yield from training_faults(trainer, here)


def memory_notes(
    config: RunConfig,
    chosen: Sequence[Chosen],
    prompts: Prompts | None,
    *,
    asks: bool = True,
    questions: Mapping[str, int] | None = None,
) -> Iterator[str]:
    """Yield, a sentence each, what may need more memory than is free now. Its arguments are those of
    `memory_faults`, and what that tells is not told apart."""
    here = policy_memory(config)
    if here is None:
        return
    if here.weights > here.memory.free:
        free = here.told_free(here.memory.free)
        yield f"memory: model.source: the model's weights take {size(here.weights)}, and {free}"
        return
    for one in sampled(config, chosen, prompts, questions or {}, asks=asks):
        if note := one.note(here):
            yield note
    heard = responses_each(config)
    if asks and not here.memory.is_gpu and heard**2 * _COMPARED > here.memory.free:
        yield (
            f"memory: generator.{'voters' if config.voters > config.sampling.responses else 'responses'}: "
            f"the {heard:,} responses to a prompt, voters among them, are compared two by two, which may "
            f"take {size(heard**2 * _COMPARED)}, and {here.told_free(here.memory.free)}"
        )
    for trainer in chosen:
        if trainer.table.kind == "trainer":
            yield from training_notes(config, trainer, prompts, here)
