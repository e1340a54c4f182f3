"""Every private part of TRL 1.16 that is touched. The tests have a canary for each.

TRL is made for texts from a hub on a GPU, and for the losses that it knows. Here rows are the sampled token
ids; reference log-probabilities are measured by us; the loss is any function of `PairLogProbs`; nothing is
sent or written elsewhere; and on a CPU the language-model head must not cost gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from udasa_plugin_preference.figures import OF_A_BATCH, batch_figures
from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.ranks import ALONE, Ranks
from udasa_plugin_preference.shares import STANDS_IN

# Tokens of one tile of logits on a CPU. TRL's 4096 × 32768 tile is 512 MiB in fp32, and it keeps several.
TILE_TOKENS = 256


def pair_trainer(
    loss: Callable[[PairLogProbs], Any],
    beta: float,
    schedule: Callable[[int], float] | None = None,
    ranks: Ranks = ALONE,
    **arguments: Any,
) -> Any:
    """Return TRL's trainer on rows of token ids, minimising `loss`, and logging what `batch_figures` says.

    schedule: what the learning rate is multiplied by after so many steps; None: as the arguments say. ranks:
    those that train together, whose gradients are averaged.
    arguments: those of DPOTrainer, whose rows are `prompt_ids`, `chosen_ids`, `rejected_ids`,
    `chosen_counts`, `rejected_counts`, `weight`, `chosen_U`, `gap` and `row`, their number; before it trains,
    they have `ref_chosen_logps` and `ref_rejected_logps`, too. A row that stands in counts nothing. Its
    `seen` are the numbers of the rows that this rank trained on, in order.
    """
    import numpy as np
    from trl import DPOTrainer

    class PairTrainer(DPOTrainer):  # type: ignore[misc]  # trl ships no types
        """No loss by name, no tokenizing, no dropped row, no telemetry, no model card."""

        lr_scheduler: Any
        figures: list[dict[str, float]]
        counts: list[int]
        seen: list[int]

        def get_batch_samples(self, *given: Any) -> Any:
            """Have each pass of an optimizer step know what the whole step has."""
            passes, items = super().get_batch_samples(*given)
            counts = [int((batch["rows"] != STANDS_IN).sum()) for batch in passes]
            tokens = [int(batch["completion_mask"].chunk(2)[0].sum()) for batch in passes]
            held = [count > 0 for count in counts]
            own = [sum(counts), sum(held), sum(t for t, counted in zip(tokens, held, strict=True) if counted)]
            pairs, counting, chosen = ranks.summed(np.array(own, dtype=np.float64)).tolist()
            # By so many is the sum of a step's passes divided: here over a rank's, then over the ranks.
            divisor = len(passes) * ranks.count
            for batch, count in zip(passes, counts, strict=True):
                batch["share"] = count * divisor / pairs
                batch["balance"] = bool(count) * divisor / counting
                batch["tokens_a_pair"] = chosen / pairs
            return passes, items

        def compute_loss(
            self, model: Any, inputs: Mapping[str, Any], return_outputs: bool = False, *_: Any, **__: Any
        ) -> Any:
            outputs = _forward(model, inputs, output_router_logits=self.aux_loss_enabled)
            pairs = _pairs_of(outputs.log_probs, inputs)
            if inputs["share"]:
                self.counts.append(len(pairs.weights))
                self.seen += inputs["rows"].tolist()
                figures = batch_figures(pairs, beta)
                self.figures.append({name: value.mean().item() for name, value in figures.items()})
            # Passes count alike in a step, and the last one may have fewer pairs.
            minimised = loss(pairs) * inputs["share"]
            if self.aux_loss_enabled:  # a mixture of experts balances its load
                minimised = minimised + inputs["balance"] * self.router_aux_loss_coef * outputs.aux_loss
            return (minimised, outputs) if return_outputs else minimised

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            if schedule is None:
                return super().create_scheduler(num_training_steps, optimizer)
            from torch.optim.lr_scheduler import LambdaLR

            if self.lr_scheduler is None:
                self.lr_scheduler = LambdaLR(optimizer or self.optimizer, schedule)
                self._created_lr_scheduler = True
            return self.lr_scheduler

        def log(self, logs: dict[str, float], *arguments: Any) -> None:
            if "loss" in logs:  # of a step; every rank logs it
                weighed = list(zip(self.figures, self.counts, strict=True))
                own = [sum(figures[name] * count for figures, count in weighed) for name in OF_A_BATCH]
                *sums, pairs = ranks.summed(np.array([*own, sum(self.counts)], dtype=np.float64)).tolist()
                logs = {**logs, **{name: total / pairs for name, total in zip(OF_A_BATCH, sums, strict=True)}}
                self.figures.clear()
                self.counts.clear()
            super().log(logs, *arguments)

        def _precompute_ref_logps(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset  # ours were measured, or will be

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _send_telemetry(self) -> None:
            return

        def create_model_card(self, *_: Any, **__: Any) -> None:
            return

    trainer = PairTrainer(**arguments)
    trainer.figures, trainer.counts, trainer.seen = [], [], []
    if trainer.is_fsdp_enabled:
        _sum_in_float32(trainer.accelerator.state.fsdp_plugin)
    # TRL copies an adapter as the reference "ref"; ours was measured beforehand.
    if "ref" in getattr(trainer.model, "peft_config", ()):
        trainer.model.delete_adapter("ref")
    return trainer


def _sum_in_float32(fsdp: Any) -> None:
    """Have a model in parts compute as a whole one does: in 16 bits by autocast, no further.

    accelerate would have gradients summed in 16 bits, and each token's log-probability returned in them, of
    which a response's would be summed.
    """
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    fsdp.mixed_precision_policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)


def collator(pad_token_id: int) -> Any:
    """Return what makes a batch of rows: TRL's tensors (2 · pairs, length), chosen first, and what weighs.

    Tokens of a response that do not count in the loss are read, and masked as the prompt's are. Rows that
    stand in are left out, but for one where there is no other.
    """
    import torch
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    class WeightedPairs(DataCollatorForPreference):  # type: ignore[misc]  # trl ships no types
        def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
            examples = [one for one in examples if one["row"] != STANDS_IN] or examples[:1]
            known = {
                plural: torch.tensor([example[name] for example in examples], dtype=torch.float32)
                for name, plural in (("weight", "weights"), ("chosen_U", "chosen_U"), ("gap", "gaps"))
            }
            rows = torch.tensor([example["row"] for example in examples])
            batch = super().torch_call(examples)
            sides = [(row, side) for side in ("chosen", "rejected") for row in examples]
            for mask, (row, side) in zip(batch["completion_mask"], sides, strict=True):
                start, counts = len(row["prompt_ids"]), row[f"{side}_counts"]
                mask[start : start + len(counts)] = torch.tensor(counts)
            return {**batch, **known, "rows": rows}

    return WeightedPairs(pad_token_id=pad_token_id, max_length=None)


def with_fused_head(model: Any) -> Any:
    """Return a model that answers as the trainer's own does: TRL's outputs, tile by tile."""
    from trl.trainer.utils import add_fused_lm_head

    add_fused_lm_head(model)
    return model


def response_logprobs(trainer: Any, batch: Mapping[str, Any], other: Any = None) -> Any:
    """Return the responses' summed log-probabilities, (2, pairs), chosen first; by `other`, where given.

    It takes the same path as the training step, so that in bf16 too a policy equals itself to the last bit.
    """
    with trainer.accelerator.autocast():
        outputs = _forward(other or trainer.model, batch)
    return outputs.log_probs.sum(dim=1).reshape(2, -1)


def whole_weights(trainer: Any) -> Mapping[str, Any] | None:
    """Return a model's weights by name where ranks hold parts of them, whole on rank 0; None where each rank
    has all. Every rank calls it."""
    if not trainer.is_fsdp_enabled:
        return None
    weights: Mapping[str, Any] = trainer.accelerator.get_state_dict(trainer.model)
    # A weight of two names is kept by one.
    tied = getattr(trainer.model, "all_tied_weights_keys", None) or ()
    return {name: weight for name, weight in weights.items() if name not in tied}


def _forward(model: Any, batch: Mapping[str, Any], **arguments: Any) -> Any:
    """Return TRL's outputs: `log_probs` (2 · pairs, length − 1) of each next token, 0 outside responses."""
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    given = {name: value for name, value in arguments.items() if value}
    return model(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        use_cache=False,
        labels=labels,
        fused_lm_head=True,
        **given,
    )


def _pairs_of(log_probs: Any, batch: Mapping[str, Any]) -> PairLogProbs:
    chosen, rejected = log_probs.sum(dim=1).chunk(2)
    chosen_tokens, rejected_tokens = batch["completion_mask"].sum(dim=1).chunk(2)
    return PairLogProbs(
        chosen=chosen,
        rejected=rejected,
        reference_chosen=batch["ref_chosen_logps"],
        reference_rejected=batch["ref_rejected_logps"],
        chosen_tokens=chosen_tokens,
        rejected_tokens=rejected_tokens,
        weights=batch["weights"],
        chosen_U=batch["chosen_U"],
        gaps=batch["gaps"],
        tokens_a_pair=batch["tokens_a_pair"],
    )


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
