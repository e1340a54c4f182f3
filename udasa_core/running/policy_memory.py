"""The policy, and the memory of the device that it goes into. Nothing is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core.config.parse import RunConfig
from udasa_core.errors import SourceError
from udasa_core.models.hardware import Memory, best_device, device_fault, memory_on
from udasa_core.models.memory import BYTES, bytes_of_sampling, bytes_of_weights, dtype_of
from udasa_core.models.model_size import ModelSize, model_size
from udasa_core.text.size import size

# What a note of memory that may not suffice ends with.
KILLED = "the system may end the run without a word"


@dataclass(frozen=True, slots=True)
class PolicyMemory:
    """A policy beside what there is for it. width: bytes a number; weights: bytes that all weights take."""

    model: ModelSize
    memory: Memory
    width: int
    weights: float
    is_quantised: bool

    @property
    def token(self) -> int:
        """The bytes of one token's keys and values."""
        return bytes_of_sampling(self.model, self.width, 1, 1)

    @property
    def left(self) -> float:
        """The bytes that are free now beside the weights."""
        return max(0.0, self.memory.free - self.weights)

    @property
    def most_left(self) -> float:
        """The bytes that there can be at most beside the weights. A processor's may stay in their file."""
        surely = self.weights if self.memory.is_gpu and not self.is_quantised else 0.0
        return self.memory.most - surely

    @property
    def told(self) -> str:
        """What there is at most, in words."""
        if self.memory.is_gpu:
            return f"the GPU has {size(self.memory.most)}"
        return f"there are {size(self.memory.most)}, swap space included"

    def told_free(self, free: float) -> str:
        """Say what is free, in words."""
        return f"{size(free)} are free{'' if self.memory.is_gpu else ' now'}"


def policy_size(config: RunConfig) -> ModelSize | None:
    """Return the policy's size; None where its files are not on this machine yet, or cannot be read."""
    try:
        return model_size(config.model.source, config.root)
    except SourceError:  # told where it is loaded
        return None


def policy_memory(config: RunConfig) -> PolicyMemory | None:
    """Return the policy's memory; None where its size is not known, or its device is not there."""
    model, table = policy_size(config), config.model
    if model is None or device_fault(table.device):
        return None
    device = best_device() if table.device == "auto" else table.device
    weights = bytes_of_weights(model, table.dtype, device, table.quantization)
    width = BYTES[dtype_of(table.dtype, device)]
    return PolicyMemory(model, memory_on(device), width, weights, table.quantization != "none")
