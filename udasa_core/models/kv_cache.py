"""Key-value caches of which several sequences go on."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from udasa_core.models.cache_use import cache_use

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

# A beginning is read on its own where that spares at least this many tokens: below, a pass costs more.
WORTH_SHARING = 16


def keeps_every_position(model: PreTrainedModel) -> bool:
    """Say whether the model's cache holds all tokens, not a window of them or a recurrent state, and whether
    the model reads padded rows on top of it as it reads each by itself.

    Only such a cache can be gone on from by several sequences. Raises UdasaError where the model is not
    causal.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    config = model.config.get_text_config()
    # By columns, whatever lies in them, count the masks of GPT-Neo's local layers, and MPT's biases.
    local = "local" in (getattr(config, "attention_layers", None) or ())
    by_columns = local or getattr(getattr(config, "attn_config", None), "alibi", False)
    layers = DynamicCache(config=model.config).layers
    plain = all(type(layer) is DynamicLayer for layer in layers)
    return plain and not by_columns and cache_use(model).shares


def branch_cache(cache: DynamicCache) -> DynamicCache:
    """Return a cache that holds the same and can be gone on with; the given one stays as it is.

    The layers are copied, not their tensors: going on puts new ones in place of those.
    """
    twin = copy(cache)
    twin.layers = [copy(layer) for layer in cache.layers]
    return twin
