"""What has to hold of every stage's training, whatever its loss: a breach is an error, and no figure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from udasa_core import UdasaError
from udasa_plugin_preference.ranks import Ranks


@dataclass(frozen=True, slots=True)
class Invariants:
    """A model as it was before a stage was trained."""

    stage: str
    trainable: str
    frozen: tuple[float, ...]

    @classmethod
    def of(cls, model: Any, stage: str) -> Invariants:
        """Note a model's weights. Raises UdasaError where none of them is trainable."""
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise UdasaError(
                f"stage {stage}: no weight is trainable. Check [trainer] targets against the model."
            )
        return cls(stage, digest_of(model), tuple(_frozen_sums(model)))

    def check(self, model: Any) -> None:
        """Raise UdasaError where training changed no weight, made one no number, or changed one that is
        frozen, with which the reference is compared."""
        if digest_of(model) == self.trainable:
            raise UdasaError(
                f"stage {self.stage}: training changed no weight. Raise [trainer] learning_rate or epochs."
            )
        if not all(parameter.isfinite().all() for parameter in model.parameters() if parameter.requires_grad):
            raise UdasaError(
                f"stage {self.stage}: a weight is no number after training. Lower [trainer] learning_rate."
            )
        if tuple(_frozen_sums(model)) != self.frozen:
            raise UdasaError(
                f"stage {self.stage}: training changed a weight that is frozen, so that the reference is "
                "another than it was. A plugin, or another version of TRL or PEFT, did this."
            )

    def check_agreement(self, model: Any, ranks: Ranks) -> None:
        """Raise UdasaError where ranks have ended with different weights: they shared no gradients then."""
        if ranks.count == 1:
            return
        own = digest_of(model)
        if ranks.told(lambda: own) != own:
            raise UdasaError(
                f"stage {self.stage}: rank {ranks.number} has ended with other weights than rank 0, so that "
                "they did not train together. Another version of accelerate or transformers did this."
            )

    def check_visits(self, seen: Sequence[int], order: Sequence[int]) -> None:
        """Raise UdasaError where the rows that were trained on are not those of `order`, in this order."""
        if list(seen) != list(order):
            raise UdasaError(
                f"stage {self.stage}: TRL trained on {len(seen)} rows that are not the {len(order)} that it "
                "was given, in their order. Another version of TRL or transformers did this."
            )


def digest_of(model: Any) -> str:
    """Return the SHA-256 of the trainable weights."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            digest.update(name.encode())
            digest.update(_whole(parameter).float().cpu().numpy().tobytes())
    return digest.hexdigest()


def _frozen_sums(model: Any) -> Iterator[float]:
    """Yield each frozen weight's sum, taken where it lies: a digest would carry a whole model to the CPU."""
    import torch

    for parameter in model.parameters():
        if not parameter.requires_grad:
            yield float(torch.sum(_whole(parameter), dtype=torch.float64))


def _whole(parameter: Any) -> Any:
    """Return a weight's values, also where ranks hold parts of it: each of them asks for it then."""
    held = parameter.detach()
    return held.full_tensor() if hasattr(held, "full_tensor") else held
