"""Key-value caches of which several sequences go on."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

# A beginning is read on its own where that spares at least this many tokens: below, a pass costs more.
WORTH_SHARING = 16


def keeps_every_position(model: PreTrainedModel) -> bool:
    """Say whether the model's cache holds all tokens, not a window of them or a recurrent state.

    Only such a cache can be gone on from by several sequences.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)


def branch_cache(cache: DynamicCache) -> DynamicCache:
    """Return a cache that holds the same and can be gone on with; the given one stays as it is.

    The layers are copied, not their tensors: going on puts new ones in place of those.
    """
    twin = copy(cache)
    twin.layers = [copy(layer) for layer in cache.layers]
    return twin
