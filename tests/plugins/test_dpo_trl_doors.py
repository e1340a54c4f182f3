"""The canary: it dies when TRL changes a private part that this project touches."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import pytest
import torch

from udasa_plugin_dpo import trl_doors


def test_trl_is_the_one_that_was_read() -> None:
    assert version("trl").startswith("1.16."), (
        "read the doors again, then widen pyproject's range and this test"
    )


def test_the_doors_are_where_they_were() -> None:
    from trl import DPOTrainer
    from trl.kernels import chunked_logprob
    from trl.trainer import utils
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    assert list(inspect.signature(DPOTrainer._prepare_dataset).parameters) == [
        "self",
        "dataset",
        "processing_class",
        "args",
        "dataset_name",
    ]
    assert callable(DPOTrainer._send_telemetry)
    assert callable(DPOTrainer.create_model_card)
    loss = inspect.getsource(DPOTrainer._compute_loss)
    assert "if self.precompute_ref_logps:" in loss
    assert 'inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]' in loss
    assert "model(**model_kwargs, labels=labels, fused_lm_head=True)" in loss
    assert 'model.add_adapter("ref", default_config)' in inspect.getsource(DPOTrainer.__init__)
    assert chunked_logprob.TOKEN_CHUNK_SIZE == 4096
    assert "compact = _use_triton(hidden_states.device)" in inspect.getsource(utils.add_fused_lm_head)
    assert DataCollatorForPreference(pad_token_id=0).max_length is None


def test_the_lean_head_gives_the_same_numbers_and_gradients_and_then_goes_away() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl.kernels import chunked_logprob
    from trl.trainer import utils

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=101,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    model = LlamaForCausalLM(config)
    utils.add_fused_lm_head(model)
    ids = torch.randint(0, 101, (2, 400))
    labels = ids.masked_fill(torch.arange(400) < 40, -100)
    parameter = model.model.layers[0].self_attn.q_proj.weight

    def run() -> tuple[torch.Tensor, torch.Tensor]:
        model.zero_grad()
        scores = model(input_ids=ids, labels=labels, fused_lm_head=True).log_probs
        scores.sum().backward()
        assert parameter.grad is not None
        return scores.detach(), parameter.grad.clone()

    plain = run()
    with trl_doors.lean_head("cpu"):
        assert chunked_logprob.TOKEN_CHUNK_SIZE == trl_doors.TILE_TOKENS
        lean = run()
    for ours, theirs in zip(lean, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert chunked_logprob.TOKEN_CHUNK_SIZE == 4096
    assert not utils._use_triton(torch.device("cpu"))


def test_the_lean_head_is_for_the_cpu() -> None:
    from trl.kernels import chunked_logprob

    with trl_doors.lean_head("cuda"):
        assert chunked_logprob.TOKEN_CHUNK_SIZE == 4096


def test_the_lean_head_goes_away_after_an_error() -> None:
    from trl.kernels import chunked_logprob

    with pytest.raises(KeyboardInterrupt), trl_doors.lean_head("cpu"):
        raise KeyboardInterrupt
    assert chunked_logprob.TOKEN_CHUNK_SIZE == 4096
