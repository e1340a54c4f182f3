"""The processes that train one stage together: this one alone, or as many as a launcher started."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from udasa_core import UdasaError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process's `number` among `count` of them, 0 ≤ number < count. All methods but `leads` are called
    by every rank, in the same order: each waits for the others."""

    number: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether it is rank 0, which alone reads and writes what is kept of a stage."""
        return self.number == 0

    def told(self, make: Callable[[], _T]) -> _T:
        """Return what rank 0 makes, to every rank. Where it raises, the launcher ends the others."""
        if self.count == 1:
            return make()
        from accelerate.utils import broadcast_object_list

        made: list[_T | None] = [make() if self.leads else None]
        broadcast_object_list(made)
        return made[0]  # type: ignore[return-value]  # rank 0 has put it there

    def summed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums over all ranks of numbers in float64, the same ones to each."""
        if self.count == 1:
            return values
        import torch
        from accelerate import PartialState

        tensor = torch.from_numpy(values).to(PartialState().device)
        torch.distributed.all_reduce(tensor)
        summed: NDArray[np.float64] = tensor.cpu().numpy()
        return summed

    def wait(self) -> None:
        """Go on when every rank has come here."""
        if self.count > 1:
            import torch

            torch.distributed.barrier()


def refuse_other_sharding(accelerator: Any) -> None:
    """Raise UdasaError where accelerate has left out what a launcher's configuration asks for."""
    for name, environment in (("FSDP", "ACCELERATE_USE_FSDP"), ("DEEPSPEED", "ACCELERATE_USE_DEEPSPEED")):
        asked = os.environ.get(environment, "false").lower() == "true"
        if asked and accelerator.distributed_type != name:
            raise UdasaError(
                f"{name} is asked for, and accelerate has made it {accelerator.distributed_type.value}, as "
                "where there is no GPU: take builtin:ddp"
            )


# The ranks of a stage that no launcher shares out.
ALONE = Ranks()


def ranks_here(device: str) -> Ranks:
    """Return the ranks among which a launcher started this process, connected with one another; a process
    that none started is alone. device: what the model computes on; on a GPU each rank has its own."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu")
    return Ranks(state.process_index, state.num_processes)
