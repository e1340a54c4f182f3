"""What training holds at once: weights with their gradients and moments, and a batch's activations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from pydantic import BaseModel

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault
from udasa_core.models.memory import bytes_of_training, prompt_tokens
from udasa_core.models.model_size import ModelSize
from udasa_core.plugins.stack import Chosen
from udasa_core.running.policy_memory import KILLED, PolicyMemory
from udasa_core.running.workload import Prompts, budget, trains_whole
from udasa_core.text.size import size

# A trained weight and its gradient in float32. AdamW's moments come on top, where it is AdamW.
_SURELY = 8
USUAL_RANK = "8 to 64 is usual"


def training_faults(trainer: Chosen, here: PolicyMemory) -> Iterator[Fault]:
    """Yield that there is surely no room for what is trained."""
    options = trainer.options
    trained = _trained(options, here.model)
    # The weights beside it may be in 4 bits while it trains, or be those that are trained.
    if trained * _SURELY <= here.memory.most:
        return
    needed = f"{size(trained * _SURELY)} at least while they are trained, and {here.told}"
    if trains_whole(options):
        yield Fault(
            f"{trainer.table.path}.peft",
            f'peft = "none" trains the model\'s own {trained:,} weights, which take {needed}',
            'write peft = "lora"',
        )
        return
    # Beyond the hidden size, a rank adds nothing.
    fits = min(int(here.left / 2 / _SURELY / here.model.linear_sides), here.model.hidden or _rank(options))
    yield Fault(
        f"{trainer.table.path}.rank",
        f"an adapter of rank {_rank(options):,} has {trained:,} weights here, which take {needed}",
        f"rank = {max(1, fits)} at most; {USUAL_RANK}",
    )


def training_notes(
    config: RunConfig, trainer: Chosen, prompts: Prompts | None, here: PolicyMemory
) -> Iterator[str]:
    """Yield that there may be no room for training. Nothing is said of a trainer without a `batch`."""
    options = trainer.options
    asked = getattr(options, "batch", 0)
    if not isinstance(asked, int) or asked < 1:
        return
    longest = (prompt_tokens(prompts.longest) if prompts is not None else 0) + budget(config)
    bounds = (longest, getattr(options, "max_length", None), here.model.context or None)
    length = min(bound for bound in bounds if isinstance(bound, int))
    # Most pairings make a pair of a prompt: a stage has no more of them.
    batch = min(asked, max(1, prompts.usable - prompts.held_out)) if prompts is not None else asked

    def needed(pairs: int) -> float:
        again = getattr(options, "gradient_checkpointing", False) is True
        trained = _trained(options, here.model)
        return bytes_of_training(here.model, here.width, length, pairs, trained, is_recomputed=again)

    if needed(batch) <= here.left:
        return
    name, most = "batch", bisect_right(range(1, batch + 1), here.left, key=needed)
    less = f"batch = {most} fits" if most else "gradient_checkpointing = true takes less"
    if needed(0) > here.left:
        name = "peft" if trains_whole(options) else "rank"
        less = 'peft = "lora" takes less' if trains_whole(options) else f"a smaller one fits: {USUAL_RANK}"
    yield (
        f"memory: {trainer.table.path}.{name}: training on {batch:,} pairs of up to {length:,} tokens a "
        f"response at once may take {size(needed(batch))} beside the model, and "
        f"{here.told_free(here.left)}: {KILLED}; {less}"
    )


def _trained(options: BaseModel, model: ModelSize) -> int:
    """Return how many weights are surely trained: of an adapter on named modules nobody knows it here."""
    if trains_whole(options):
        return model.parameters
    on_all = getattr(options, "targets", "all-linear") == "all-linear"
    return _rank(options) * model.linear_sides if on_all else 0


def _rank(options: BaseModel) -> int:
    rank = getattr(options, "rank", 0)
    return rank if isinstance(rank, int) else 0
