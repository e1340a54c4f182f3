"""How much a run samples and writes: prompts by the split that they will have, responses, bytes on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from udasa_core.models.model_size import ModelSize, local_path
from udasa_core.progress import Progress, silent
from udasa_core.prompts.held_out import is_held_out
from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_core.prompts.reasons import Reasons

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from udasa_core.config.parse import RunConfig

# A stored token: its id, three figures of 4 bytes, and its text.
STORED_TOKEN = 16 + 4


@dataclass(frozen=True, slots=True)
class Prompts:
    """How many rows a source has, how many of the usable ones are held out, how many cannot be used and why,
    and the longest prompt's characters. A generator may set further ones aside."""

    usable: int
    set_aside: int
    longest: int
    held_out: int
    reasons: Reasons = field(default_factory=Reasons)


def count_prompts(
    config: RunConfig, progress: Progress = silent, refused: Mapping[int, str] | None = None
) -> Prompts | None:
    """Count a source's rows by reading its file; None where that is not on this machine yet, and for data
    sets (on the hub, or laid out as there), whose reading writes to a cache.

    refused: the lines whose prompts the generator does not take, and why.
    """
    table = config.prompts
    if prompts_file(config) is None:
        return None
    usable = longest = held_out = 0
    reasons = Reasons()
    with progress(f"reading {table.source}", None):
        for row in read_prompts(PromptSource.of_table(table), config.root):
            if refusal := (refused or {}).get(row.line):
                reasons.add(refusal, row.line)
            elif isinstance(row, ReadPrompt):
                usable += 1
                longest = max(longest, sum(len(message.content) for message in row.prompt.messages))
                held_out += is_held_out(row.prompt.id, config)
            else:
                reasons.add(row.reason, row.line)
    return Prompts(usable, reasons.total, longest, held_out, reasons)


def prompts_file(config: RunConfig) -> Path | None:
    """Return the file of the prompts; None where it is not on this machine yet, and for data sets."""
    source = config.prompts.source
    path = None if source.startswith("hf:") else local_path(source, config.root)
    return None if path is None or path.is_dir() else path


def responses(config: RunConfig, prompts: Prompts, stages: Sequence[str] | None) -> int:
    """Return how many responses are sampled in all rounds; where nobody knows the stages beforehand, but for
    those that watching each of them takes."""
    training = prompts.usable - prompts.held_out
    rounds = config.rounds.count
    # What the last stage leaves is what the round leaves.
    policies = len(stages) if config.watches_prompts and stages else 1
    return (rounds * training + (rounds * policies + 1) * prompts.held_out) * responses_each(config)


def responses_each(config: RunConfig) -> int:
    """Return how many responses a prompt gets, voters among them."""
    return config.sampling.responses + config.voters


def budget(config: RunConfig) -> int:
    """Return the tokens of the longest response."""
    return config.sampling.max_new_tokens + (config.sampling.thinking_tokens or 0)


def trains_whole(trainer: BaseModel) -> bool:
    """Say whether the model's own weights are trained, and not an adapter."""
    return bool(getattr(trainer, "peft", "") == "none")


def stored_bytes(config: RunConfig, prompts: Prompts, count: int) -> int:
    """Return what the store takes at most for `count` responses: all of full length, none compressed."""
    # Two columns a dimension and U, in three steps; pairs repeat two responses a prompt, in two steps.
    scores = count * 8 * (3 * len(config.dimensions) + 1)
    tokens = (count + 4 * config.rounds.count * prompts.usable) * budget(config)
    return tokens * STORED_TOKEN + scores


def trained_bytes(model: ModelSize, trainer: BaseModel) -> int:
    """Return what a stage leaves on disk: an adapter of the trainer's `rank`, or a whole model in float32; 0
    where nobody can say."""
    if trains_whole(trainer):
        return model.parameters * 4
    rank = getattr(trainer, "rank", 0)
    return rank * model.linear_sides * 4 if isinstance(rank, int) else 0
