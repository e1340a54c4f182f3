"""One pass whose last position's logits alone are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def last_logits(model: PreTrainedModel, ids: Tensor, **arguments: Any) -> Tensor:
    """Return the next token's logits (R, V) after each of R rows of token ids.

    The position is asked for by index. As a count the model takes a slice of its states, whose strides
    torch.matmul does not fold: it then copies the whole output matrix for every row (torch 2.13 on a CPU in
    bfloat16: five times as long for 8 rows of 16 tokens; `benchmarks/prefill.py`).
    """
    import torch

    last = torch.tensor([-1], device=ids.device)
    logits: Tensor = model(ids, logits_to_keep=last, **arguments).logits[:, -1]
    return logits
