"""How many tokens a model's positions reach over: rope that depends on length, and learned tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from udasa_core.errors import UdasaError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

# The names that models have for a table of learned positions.
_TABLES = ("wpe", "embed_positions", "position_embeddings", "position_embedding", "positions_embed")


def rope_ends(config: PreTrainedConfig) -> dict[str, int]:
    """Return up to how many tokens each rope that depends on a sequence's length is the same, by its kind.

    Such are dynamic NTK, which grows its base beyond the declared length, and longrope (Ding et al. 2024,
    arXiv 2402.13753), which has other factors beyond the length of pretraining.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    ends: dict[str, int] = {}
    for one in [rope, *rope.values()]:
        kind = one.get("rope_type") if isinstance(one, Mapping) else None
        if kind == "longrope":
            first = one.get("original_max_position_embeddings") or getattr(
                config, "original_max_position_embeddings", None
            )
        elif kind == "dynamic":
            first = None
        else:
            continue
        ends[kind] = min(int(first or config.max_position_embeddings), ends.get(kind, 2**31 - 1))
    return ends


def rope_reason(config: PreTrainedConfig) -> str:
    """Return why a model's context ends where it does, with what to do about it: "" where rope is not why.

    It goes on after the number of tokens.
    """
    ends = rope_ends(config)
    if not ends:
        return ""
    kind, end = min(ends.items(), key=lambda item: item[1])
    return (
        f", where its rope ({kind}) changes: beyond {end} tokens every position of a sequence is encoded "
        "otherwise than in a shorter one, so that no token can be read on top of those before it. Shorten "
        "the prompt or the response, or take a model (or a copy of this one, with another rope_type in its "
        "config.json) whose positions do not depend on the length"
    )


def refuse_longer(model: PreTrainedModel, tokens: int) -> None:
    """Raise UdasaError where a sequence of so many tokens cannot be read on top of its own beginning: where
    the model's rope changes with the length, or its table of learned positions ends."""
    config = model.config.get_text_config()
    name = getattr(config, "_name_or_path", "") or config.model_type
    rope = min(rope_ends(config).values(), default=None)
    if rope is not None and tokens > rope:
        raise UdasaError(
            f"{name} scales its positions by length beyond {rope} tokens, and {tokens} are asked of it: "
            f"a sequence can have at most {rope}{rope_reason(config)}"
        )
    table = _table(model)
    if table is not None and tokens > table:
        raise UdasaError(
            f"{name} has learned positions for {table} tokens, and {tokens} are asked of it: shorten the "
            "prompt or the response, or take a model with a longer context"
        )


def positional_padding(model: PreTrainedModel) -> int | None:
    """Return the padding token from which a model counts positions, as RoBERTa's kin do; None for others."""
    found = [getattr(table, "padding_idx", None) for table in _tables(model)]
    return max((token for token in found if token is not None), default=None)


def _tables(model: PreTrainedModel) -> Iterator[Any]:
    """Yield the modules that turn positions into vectors."""
    yield from (module for name, module in model.named_modules() if name.rpartition(".")[2] in _TABLES)


def _table(model: PreTrainedModel) -> int | None:
    """Return for how many tokens a model has learned positions, None where it has no such table."""
    from torch import nn

    padding = positional_padding(model)
    unused = 0 if padding is None else padding + 1
    rows = [
        table.num_embeddings - max(getattr(table, "offset", 0), unused)
        for table in _tables(model)
        if isinstance(table, nn.Embedding)
    ]
    return min(rows, default=None)
