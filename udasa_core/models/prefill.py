"""Reading prompts before their responses are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from udasa_core.errors import UdasaError
from udasa_core.models.cache_use import cache_use
from udasa_core.models.kv_cache import WORTH_SHARING, branch_cache, keeps_every_position
from udasa_core.models.last_logits import last_logits
from udasa_core.models.positions import refuse_longer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache, PreTrainedModel


class Prefill:
    """Reads prompts one at a time; what all of them begin with, the system prompt most often, once.

    prompts: token ids of those that will be read; none is empty. Each is read alone, on top of the shared
    beginning: its figures equal those of a pass over the whole prompt up to rounding. A model whose cache
    does not keep every position (a sliding window, a recurrent state) reads each prompt whole.

    Raises UdasaError where a model cannot go on from keys and values alone, or a prompt is longer than its
    positions reach (see `refuse_longer`).
    """

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> None:
        self._model = model
        if not _keeps_keys_and_values(model):
            raise UdasaError(
                f"a {model.config.model_type} model cannot go on from a prompt that was read before: its "
                "state is not keys and values alone. Choose another model, or sample elsewhere"
            )
        refuse_longer(model, max(map(len, prompts), default=0))
        alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False))
        # One token is left to each prompt: its logits are what is asked for.
        shared = min(sum(1 for _ in alike), min(map(len, prompts), default=1) - 1)
        worth = len(prompts) > 1 and shared >= WORTH_SHARING
        self._shared = shared if worth and keeps_every_position(model) else 0
        self._beginning: DynamicCache | None = None

    def read(self, prompt: Sequence[int]) -> tuple[DynamicCache, Tensor]:
        """Return the prompt's keys and values, one row, and the next token's logits (1, V)."""
        from transformers import DynamicCache

        if not self._shared:
            return self._read(DynamicCache(), prompt)
        if self._beginning is None:
            self._beginning, _ = self._read(DynamicCache(), prompt[: self._shared])
        return self._read(branch_cache(self._beginning), prompt[self._shared :])

    def _read(self, cache: DynamicCache, tokens: Sequence[int]) -> tuple[DynamicCache, Tensor]:
        import torch

        ids = torch.tensor([list(tokens)], device=self._model.device)
        return cache, last_logits(self._model, ids, past_key_values=cache, use_cache=True)


def _keeps_keys_and_values(model: PreTrainedModel) -> bool:
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    kinds = {type(layer) for layer in DynamicCache(config=model.config).layers}
    return kinds <= {DynamicLayer, DynamicSlidingWindowLayer} and cache_use(model).goes_on
