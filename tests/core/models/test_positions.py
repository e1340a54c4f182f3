"""How many tokens a model's learned positions reach over: as many as it reads, and not one more."""

from __future__ import annotations

import pytest
import torch

from udasa_core import UdasaError
from udasa_core.models.positions import positional_padding, refuse_longer


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_positions_that_are_counted_from_padding_end_where_the_model_does(padding: int) -> None:
    from transformers import RobertaConfig, RobertaForCausalLM

    config = RobertaConfig(
        vocab_size=60,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=12,
        pad_token_id=padding,
        is_decoder=True,
    )
    model = RobertaForCausalLM(config).eval()
    assert positional_padding(model) == padding
    longest = 12 - padding - 1
    refuse_longer(model, longest)
    model(torch.arange(10, 10 + longest)[None])
    with pytest.raises(UdasaError, match=f"learned positions for {longest} tokens"):
        refuse_longer(model, longest + 1)
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.arange(10, 11 + longest)[None])
