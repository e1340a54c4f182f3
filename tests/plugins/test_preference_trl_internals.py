"""The canary: it dies when TRL changes a private part that this project touches."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
import torch

from udasa_plugin_preference import trl_internals


def source(name: str) -> str:
    from trl import DPOTrainer

    return inspect.getsource(getattr(DPOTrainer, name))


def parameters(name: str) -> list[str]:
    from trl import DPOTrainer

    return list(inspect.signature(getattr(DPOTrainer, name)).parameters)


def head_source() -> str:
    from trl.trainer import utils

    return inspect.getsource(utils.add_fused_lm_head)


def collated() -> dict[str, Any]:
    row = {"prompt_ids": [5, 6], "chosen_ids": [7], "rejected_ids": [8, 9]}
    row |= {"weight": 0.5, "chosen_U": 0.25, "gap": 0.75, "row": 3}
    row |= {"chosen_counts": [1], "rejected_counts": [0, 1]}
    batch = trl_internals.collator(0)([{**row, "ref_chosen_logps": -1.0, "ref_rejected_logps": -2.0}])
    return {name: value.tolist() for name, value in batch.items()}


def tile_source() -> str:
    from trl.kernels import chunked_logprob

    return inspect.getsource(chunked_logprob)


COLLATED = {
    "input_ids": [[5, 6, 7, 0], [5, 6, 8, 9]],
    "attention_mask": [[1, 1, 1, 0], [1, 1, 1, 1]],
    "completion_mask": [[0, 0, 1, 0], [0, 0, 0, 1]],
    "ref_chosen_logps": [-1.0],
    "ref_rejected_logps": [-2.0],
    "weights": [0.5],
    "chosen_U": [0.25],
    "gaps": [0.75],
    "rows": [3],
}
# What trl_internals.py takes TRL to be → whether it is.
CANARIES: dict[str, Callable[[], bool]] = {
    "DPOTrainer.compute_loss(model, inputs, …) is what the training step asks for the loss": lambda: (
        parameters("compute_loss")[:4] == ["self", "model", "inputs", "return_outputs"]
        and "super().training_step(" in source("training_step")
    ),
    "DPOTrainer.log(logs, start_time) logs what it is given": lambda: (
        parameters("log") == ["self", "logs", "start_time"] and "super().log(logs" in source("log")
    ),
    "DPOTrainer._prepare_dataset(dataset, …) is all that changes the rows": lambda: (
        parameters("_prepare_dataset")[:2] == ["self", "dataset"]
        and "train_dataset = self._prepare_dataset(train_dataset" in source("__init__")
    ),
    "DPOTrainer._send_telemetry is what sends": lambda: "send_telemetry(" in source("_send_telemetry"),
    "DPOTrainer.create_model_card writes the model card": lambda: "card" in source("create_model_card"),
    'DPOTrainer copies an adapter as "ref"': lambda: (
        'model.add_adapter("ref", default_config)' in source("__init__")
    ),
    "DPOTrainer gives the model a fused head": lambda: "add_fused_lm_head(self.model" in source("__init__"),
    "DPOTrainer sets aux_loss_enabled and router_aux_loss_coef": lambda: all(
        f"self.{name} =" in source("__init__") for name in ("aux_loss_enabled", "router_aux_loss_coef")
    ),
    "DataCollatorForPreference puts the chosen first and masks responses": lambda: collated() == COLLATED,
    "the fused head takes fused_lm_head and labels": lambda: (
        "fused_lm_head=False, labels=None" in head_source()
    ),
    "the fused head scores response tokens alone where utils._use_triton says so": lambda: (
        "compact = _use_triton(hidden_states.device)" in head_source()
    ),
    "chunked_logprob.TOKEN_CHUNK_SIZE is the tile of 4096 tokens": lambda: (
        "\nTOKEN_CHUNK_SIZE = 4096\n" in tile_source()
    ),
    "chunked_logprob reads TOKEN_CHUNK_SIZE when it is called": lambda: (
        "range(0, N, TOKEN_CHUNK_SIZE)" in tile_source() and "=TOKEN_CHUNK_SIZE" not in tile_source()
    ),
}


def broken(canary: str) -> str:
    """Return the line that says what broke, "" where the canary lives."""
    try:
        lives = CANARIES[canary]()
    except Exception as error:  # whatever a changed part raises: that it does is the answer
        return f"TRL {version('trl')}: no longer so: {canary} ({type(error).__name__}: {error})"
    return "" if lives else f"TRL {version('trl')}: no longer so: {canary}"


@pytest.mark.parametrize("canary", CANARIES)
def test_trl_is_as_it_was_read(canary: str) -> None:
    assert broken(canary) == ""


def test_trl_is_the_one_that_was_read() -> None:
    assert version("trl").startswith("1.16."), (
        "read trl_internals.py against it, then widen pyproject's range and this test"
    )


@pytest.mark.parametrize(
    ("name", "changed", "named"),
    [
        ("compute_loss", None, "compute_loss(model, inputs, …)"),
        ("log", lambda self, logs: None, "log(logs, start_time)"),
        ("_prepare_dataset", lambda self, rows: rows, "_prepare_dataset(dataset, …)"),
        ("_send_telemetry", None, "_send_telemetry"),
        ("create_model_card", None, "create_model_card"),
    ],
)
def test_a_changed_part_is_named_in_one_line(
    name: str, changed: object, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import DPOTrainer

    monkeypatch.setattr(DPOTrainer, name, changed)
    (line,) = filter(None, map(broken, CANARIES))
    assert named in line
    assert "\n" not in line


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
    with trl_internals.lean_head("cpu"):
        assert chunked_logprob.TOKEN_CHUNK_SIZE == trl_internals.TILE_TOKENS
        lean = run()
    for ours, theirs in zip(lean, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert chunked_logprob.TOKEN_CHUNK_SIZE == 4096
    assert not utils._use_triton(torch.device("cpu"))


def test_the_lean_head_is_for_the_cpu() -> None:
    from trl.kernels import chunked_logprob

    with trl_internals.lean_head("cuda"):
        assert chunked_logprob.TOKEN_CHUNK_SIZE == 4096


def test_the_lean_head_goes_away_after_an_error() -> None:
    from trl.kernels import chunked_logprob

    with pytest.raises(KeyboardInterrupt), trl_internals.lean_head("cpu"):
        raise KeyboardInterrupt
    assert chunked_logprob.TOKEN_CHUNK_SIZE == 4096
