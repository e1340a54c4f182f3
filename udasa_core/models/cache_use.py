"""What a model's code does with a cache, with padding and with told positions: tried once, on few tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from udasa_core.errors import UdasaError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_TOKENS = 12
# Where the trial's text is parted: before, it is in the cache.
_PARTED = 7
_PADDING = 5
# How far two readings may be apart (see `apart`): rounding stays far below, another reading far above. By the
# second one a model is refused: no rounding in 32 bits reaches it (TF32's neither).
_APART, _AHEAD = 1e-3, 0.02
_APART_16_BIT = 0.15
# Tokens that a model masks out have log-probabilities far below this.
_MASKED = -1e3

_TRIED: WeakKeyDictionary[PreTrainedModel, CacheUse] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What gives the same log-probabilities as plain passes over whole sequences.

    goes_on: going on from the cache of what was read before, by several rows.
    placed: positions that are told it, counted from 0.
    padded: rows that are padded on their left, and masked there.
    shares: padded rows on top of a cache, each with positions counted over its real tokens.
    """

    goes_on: bool
    placed: bool
    padded: bool
    shares: bool


def trial_tokens(model: PreTrainedModel, count: int) -> list[int]:
    """Return `count` tokens from all over the vocabulary, none of its first, which are often special."""
    size = int(model.config.get_text_config().vocab_size)
    return [5 + (31 * place + 7) * 101 % max(1, size - 5) for place in range(count)]


def cache_use(model: PreTrainedModel) -> CacheUse:
    """Return what was found out about a loaded model: by eight short passes where it was not tried before.

    Raises UdasaError where a token's probability depends on tokens after it: such a model (an encoder, BERT's
    kin without is_decoder) says nothing about what comes next.
    """
    if model not in _TRIED:
        import torch

        with torch.no_grad():
            _TRIED[model] = _tried(model)
    return _TRIED[model]


def apart(found: Tensor, expected: Tensor) -> float:
    """Return how far log-probabilities are apart: the root of their mean square difference, as a share of the
    standard deviation of those expected. 0 is equal; unrelated ones are near √2."""
    at = expected > _MASKED
    difference = (found - expected)[at].square().mean().sqrt()
    return float(difference / expected[at].std())


def _tried(model: PreTrainedModel) -> CacheUse:
    import torch

    def told(rows: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(rows, device=model.device)

    tokens = trial_tokens(model, _TOKENS)
    wide = model.dtype in (torch.float32, torch.float64)
    whole = _log_probabilities(model(told([tokens]), use_cache=False).logits[0])

    def equal(logits: Tensor, expected: Tensor, most: float = _APART) -> bool:
        return apart(_log_probabilities(logits), expected) <= (most if wide else _APART_16_BIT)

    if not equal(model(told([tokens[:_PARTED]]), use_cache=False).logits[0], whole[:_PARTED], _AHEAD):
        raise UdasaError(
            f"{model.config.model_type} model {getattr(model.config, '_name_or_path', '')} looks at tokens "
            "after the one that it foretells, so it is no causal language model: take one that is, or, for a "
            'decoder of BERT\'s kin, write "is_decoder": true in its config.json'
        )

    def goes_on() -> bool:
        cache = _cache(model)
        model(told([tokens[:_PARTED]]), past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(2)
        read = model(told([tokens[_PARTED:]] * 2), past_key_values=cache, use_cache=True)
        return equal(read.logits[1], whole[_PARTED:])

    def placed() -> bool:
        read = model(told([tokens]), position_ids=told([range(_TOKENS)]), use_cache=False)
        return equal(read.logits[0], whole)

    rows = [[0] * _PADDING + tokens[:-_PADDING], tokens]
    mask = [[0] * _PADDING + [1] * (_TOKENS - _PADDING), [1] * _TOKENS]
    positions = [[0] * _PADDING + list(range(_TOKENS - _PADDING)), list(range(_TOKENS))]

    def padded() -> bool:
        # A state takes padding in, by little or by much.
        if model._is_stateful:
            return False
        read = model(
            told(rows), attention_mask=told(mask), position_ids=told(positions), use_cache=False
        ).logits
        return equal(read[0, _PADDING:], whole[:-_PADDING]) and equal(read[1], whole)

    def shares() -> bool:
        # The cache's first row is padded, and what follows in the second one: as a reader of prefixes does.
        cache = _cache(model)
        model(
            told(rows),
            attention_mask=told(mask),
            position_ids=told(positions),
            past_key_values=cache,
            use_cache=True,
        )
        after = trial_tokens(model, 2 * _TOKENS)[_TOKENS:]
        read = model(
            told([tokens[-_PADDING:], [0] * (_PADDING - 2) + after[:2]]),
            attention_mask=told([mask[0] + [1] * _PADDING, mask[1] + [0] * (_PADDING - 2) + [1, 1]]),
            position_ids=told(
                [
                    range(_TOKENS - _PADDING, _TOKENS),
                    [_TOKENS - 1] * (_PADDING - 2) + [_TOKENS, _TOKENS + 1],
                ]
            ),
            past_key_values=cache,
            use_cache=True,
        ).logits
        alone = _log_probabilities(model(told([tokens + after[:2]]), use_cache=False).logits[0, -2:])
        return equal(read[0], whole[-_PADDING:]) and equal(read[1, -2:], alone)

    return CacheUse(*(_holds(trial) for trial in (goes_on, placed, padded, shares)))


def _holds(trial: Callable[[], bool]) -> bool:
    """Whether a trial succeeds: a model's code may raise whatever it likes where it does not take this."""
    try:
        return trial()
    except Exception:
        return False


def _cache(model: PreTrainedModel) -> Any:
    from transformers import DynamicCache

    return DynamicCache(config=model.config)


def _log_probabilities(logits: Tensor) -> Tensor:
    return logits.float().log_softmax(dim=-1)
