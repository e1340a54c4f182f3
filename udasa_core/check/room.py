"""The memory that a run is to fit into: a GPU that was named, or this machine's."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core.models.hardware import best_device, best_dtype, memory_of

# What of it a run may take: the driver, fragments and the system want the rest.
_COUNTED = 0.9
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Room:
    """Memory in bytes, the dtype that is computed in there, whether it is a GPU's, and its name in words."""

    memory: float
    dtype: str
    is_gpu: bool
    told: str

    @property
    def counted(self) -> float:
        """The bytes that a run may take."""
        return _COUNTED * self.memory


def room_of(gpu: float | None) -> Room:
    """Return the room of a GPU of so many GiB, in bfloat16; of None, that of this machine's best device."""
    if gpu is not None:
        return Room(gpu * _GIB, "bfloat16", True, f"a GPU of {gpu:g} GiB")
    device = best_device()
    is_gpu = device == "cuda"
    told = "this machine's GPU" if is_gpu else "this machine's memory"
    return Room(memory_of(device), best_dtype(device), is_gpu, told)


def gib(count: float) -> float:
    """Return the GiB of a GPU that has room for so many bytes."""
    return count / _COUNTED / _GIB
