"""Every private part of TRL 1.16 that is touched; tests/plugins/test_dpo_trl_doors.py watches each.

TRL is made for texts from a hub on a GPU. Four things have to be different here: rows are the sampled token
ids; reference log-probabilities are measured by us; nothing is sent or written elsewhere; and on a CPU the
language-model head must not cost gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

# Tokens of one tile of logits on a CPU. TRL's 4096 × 32768 tile is 512 MiB in fp32, and it keeps several.
TILE_TOKENS = 256


def token_id_trainer() -> type[Any]:
    """Return a DPOTrainer that takes rows of `prompt_ids`, `chosen_ids`, `rejected_ids` as they are."""
    from trl import DPOTrainer

    class TokenIdTrainer(DPOTrainer):  # type: ignore[misc]  # trl ships no types
        """No tokenizing, no added end-of-turn token, no dropped row, no telemetry, no model card."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _send_telemetry(self) -> None:
            return

        def create_model_card(self, *_: Any, **__: Any) -> None:
            return

    return TokenIdTrainer


def drop_reference_copy(trainer: Any) -> None:
    """Delete the frozen copy "ref" that TRL makes of an adapter: the reference was measured beforehand."""
    if "ref" in trainer.model.peft_config:
        trainer.model.delete_adapter("ref")


def use_measured_reference(trainer: Any, dataset: Any) -> None:
    """Train on `dataset`, whose columns `ref_chosen_logps` and `ref_rejected_logps` are the reference."""
    trainer.train_dataset = dataset
    trainer.precompute_ref_logps = True


def token_logprobs(trainer: Any, batch: Mapping[str, Any]) -> Any:
    """Return each next token's log-probability, (2 · pairs, length − 1), 0 outside responses.

    It takes the same path as the training step, so that in bf16 too a policy equals itself to the last bit.
    """
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    with trainer.accelerator.autocast():
        outputs = trainer.model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            use_cache=False,
            labels=labels,
            fused_lm_head=True,
        )
    return outputs.log_probs


@contextmanager
def lean_head(device: str) -> Iterator[None]:
    """On a CPU, score response tokens only and in small tiles while the context lasts.

    TRL does the first on GPUs alone (elsewhere changing shapes would recompile), and sizes tiles for them.
    """
    if device != "cpu":
        yield
        return
    from trl.kernels import chunked_logprob
    from trl.trainer import utils

    tile, compact = chunked_logprob.TOKEN_CHUNK_SIZE, utils._use_triton
    chunked_logprob.TOKEN_CHUNK_SIZE = TILE_TOKENS
    utils._use_triton = lambda _device: True
    try:
        yield
    finally:
        chunked_logprob.TOKEN_CHUNK_SIZE = tile
        utils._use_triton = compact
