"""What every preference trainer can be told: the LoRA adapter, the optimizer, the batches, the safeguards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from udasa_core import Options, Tracker, UdasaError, refuse_longer, tracker_faults

if TYPE_CHECKING:
    from udasa_core import Outlook

# They say how and not what: another value makes the same model.
INCIDENTAL = ("report_to",)
Targets = Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)]


class PreferenceOptions(Options):
    """Options of every loss on pairs. Light by default: a little training helps, much displaces."""

    beta: float = Field(
        0.1,
        gt=0,
        description="Scales the margin that is reported, β times the log-ratio gap; a loss may use it.",
    )
    peft: Literal["lora", "none"] = Field(
        "lora",
        description='What is trained: an adapter beside the frozen base ("lora"), or all of the model\'s own '
        'weights in float32 ("none"), which takes 16 bytes a weight and leaves a whole model a stage.',
    )
    rank: int = Field(16, ge=1, description="Rank of the LoRA adapter.")
    alpha: float = Field(32.0, gt=0, description="LoRA's scale: the update is multiplied by alpha / rank.")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="LoRA dropout. Above 0 the first loss of a stage is no longer exact."
    )
    targets: Targets = Field(
        "all-linear",
        description='Modules that get LoRA weights: "all-linear", or a list such as ["q_proj", "v_proj"].',
    )
    learning_rate: float = Field(5e-5, gt=0, le=1, description="AdamW's peak learning rate.")
    epochs: float = Field(1.0, gt=0, le=1000, description="Visits to each pair; 0.5 visits half of them.")
    batch: int = Field(4, ge=1, description="Pairs in one forward and backward pass on one device.")
    accumulation: int = Field(
        1, ge=1, description="Passes whose gradients make up one optimizer step, on all devices together."
    )
    warmup: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the steps, rounded down, in which the learning rate rises to its peak.",
    )
    scheduler: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "linear", description="How the learning rate goes on after warmup."
    )
    max_grad_norm: float = Field(1.0, gt=0, description="Gradients are scaled down to this Euclidean norm.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay.")
    keep_optimizer: bool = Field(
        False,
        description="Begin with AdamW's moments as the stage before left them, not at 0. Give it for all "
        "stages alike: one without it leaves none. They take twice the adapter's space.",
    )
    keep_schedule: bool = Field(
        False,
        description="Let the learning rate rise and fall once over all stages, not in each anew. A stage has "
        "the part of the curve that its pairs are of all pairs. Give it for all stages alike.",
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Compute activations twice instead of keeping them: less memory, about a third slower.",
    )
    sft_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the chosen responses' mean negative log-likelihood per token, added to "
        "the loss. It holds up the chosen log-probability, which preference losses alone may let fall.",
    )
    tokens: Literal["all", "answer"] = Field(
        "all",
        description="Which tokens of a model that thinks first count in the loss: `all`, its thought and its "
        "answer, or its `answer` alone, given the thought. Tokens that the generator wrote never count.",
    )
    sft_below: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Let `sft_weight` count only for pairs whose chosen response's U (`chosen_U`) lies below "
        "this. Left out: for all pairs.",
    )
    weights_from: Literal["weight", "gap", "vote_margin", "chosen_U"] = Field(
        "weight",
        description="The pairs' column by which each pair's loss is multiplied: `weight`, what the pairing "
        "gave; or beside it `gap`, `vote_margin` or the certainty 1 − `chosen_U`, so scaled that a stage's "
        "mean weight is 1.",
    )
    max_length: int | None = Field(
        None,
        ge=2,
        description="Longest prompt plus response in tokens. Longer pairs are set aside, never cut, and "
        "counted as `pairs_overlong`. Left out: the model's own context length.",
    )
    save_steps: int = Field(
        25, ge=1, description="Optimizer steps between checkpoints: what a kill costs at most."
    )
    quantize: Literal["none", "4bit"] = Field(
        "none",
        description='Keep the frozen base in 4-bit NF4 while training ("4bit", QLoRA); needs bitsandbytes.',
    )

    report_to: tuple[Tracker, ...] = Field(
        (),
        description="Trackers that are told of each step while it trains: loss, learning rate and the other "
        "figures, no text. Nothing is made anew where it changes.",
    )

    @property
    def common_to_stages(self) -> tuple[str, ...]:
        """LoRA's shape, which the first stage fixes; and the curve, where there is one over all stages."""
        shape = ("peft", "rank", "alpha", "targets") if self.peft == "lora" else ("peft",)
        return (*shape, "keep_schedule", "scheduler", "warmup") if self.keep_schedule else shape

    @property
    def pair_figures(self) -> tuple[str, ...]:
        """The pairs' columns, beside `weight`, without which it cannot train."""
        return () if self.weights_from == "weight" else (self.weights_from,)

    @property
    def weighted_by(self) -> str:
        """The pairs' column by which the pairing's own weight is multiplied."""
        return "" if self.weights_from == "weight" else self.weights_from

    @property
    def cautions(self) -> tuple[str, ...]:
        if self.sft_below is None or self.sft_weight:
            return ()
        return ("sft_below says for which pairs sft_weight counts, and that is 0: it changes nothing",)

    def preflight(self, outlook: Outlook) -> Iterator[str]:
        """Look for the trackers, and whether ranks can share a step; try on the policy's modules the targets
        that are named and `max_length`."""
        from udasa_plugin_preference.adapters import fresh_adapter
        from udasa_plugin_preference.shares import shares_fault

        yield from tracker_faults(self.report_to)
        if told := shares_fault(self.batch, self.accumulation, outlook.ranks):
            yield told
        if outlook.sharding:
            yield from self._sharding_faults(outlook.sharding)
        names_targets = self.peft == "lora" and self.targets != "all-linear"
        model = outlook.bare_policy() if names_targets or self.max_length else None
        if model is None:
            return
        try:
            refuse_longer(model, self.max_length or 0)
            if names_targets:
                fresh_adapter(model, self)
        except UdasaError as error:
            yield str(error)

    def _sharding_faults(self, sharding: str) -> Iterator[str]:
        if self.keep_optimizer:
            yield f"keep_optimizer hands on moments, and {sharding} keeps them in parts: take builtin:ddp"
        if sharding == "FSDP" and self.quantize == "4bit":
            yield 'quantize = "4bit" keeps weights that FSDP does not part here: take builtin:ddp'

    @model_validator(mode="after")
    def _own_weights_are_whole(self) -> Self:
        if self.peft == "none" and self.quantize != "none":
            raise ValueError(
                'peft = "none" trains the weights themselves, which 4 bits cannot be: leave out one'
            )
        return self

    @field_validator("targets")
    @classmethod
    def _head_is_frozen(cls, targets: Targets) -> Targets:
        if "lm_head" in targets:
            raise ValueError(
                "lm_head cannot be a target: TRL computes log-probabilities from its frozen weight"
            )
        return targets
