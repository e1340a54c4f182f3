"""Response log-probabilities of a whole stage: the reference's, and the policy's before and after."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import whole_file
from udasa_plugin_preference import trl_internals
from udasa_plugin_preference.ranks import ALONE, Ranks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from udasa_core import Resources


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over a stage: `dataset` rows in `order`, `batch` a pass, saved in `folder` each `chunk` rows.

    `order` and `batch` are the first epoch's, so that a row meets the same neighbours and the same padding as
    in training: in bf16 the sum of a response's log-probabilities depends on them in its third digit. Ranks
    share the passes of a chunk.
    """

    dataset: Any
    order: NDArray[np.int64]
    batch: int
    chunk: int
    folder: Path
    ranks: Ranks = ALONE

    def measure(
        self,
        trainer: Any,
        name: str,
        resources: Resources,
        *,
        other: Any = None,
        under: AbstractContextManager[None] | None = None,
    ) -> NDArray[np.float64]:
        """Return (2, rows) log-probabilities in nats, summed over chosen and over rejected tokens, by row.

        under: what has the trainer's model answer as another does. other: measures this model in its place. A
        kill costs one chunk: finished ones are read back.
        """
        import numpy as np
        import torch

        measured = np.empty((2, len(self.order)))
        (other or trainer.model).eval()
        answering = under or nullcontext()
        with torch.no_grad(), answering, resources.progress(f"measure {name}", len(self.order)) as advance:
            for start in range(0, len(self.order), self.chunk):
                rows = self.order[start : start + self.chunk]
                file = self.folder / f"{name}-{start:09d}.npy"
                sums = self.ranks.told(partial(_kept, file))
                if sums is None:
                    sums = self._sums(trainer, rows, other)
                    if self.ranks.leads:
                        _keep(sums, file)
                measured[:, rows] = sums
                advance(len(rows))
        return measured

    def _sums(self, trainer: Any, rows: Sequence[int] | NDArray[np.int64], other: Any) -> NDArray[np.float64]:
        import numpy as np

        sums = np.zeros((2, len(rows)))
        last = (len(rows) - 1) // self.batch * self.batch
        # Every rank makes as many passes: the parts of a model that is shared are asked for by all at once.
        for start in range(0, last + 1, self.batch * self.ranks.count):
            own = start + self.batch * self.ranks.number
            place = slice(min(own, last), min(own, last) + self.batch)
            batch = trainer.data_collator([self.dataset[int(row)] for row in rows[place]])
            batch = {key: tensor.to(trainer.args.device) for key, tensor in batch.items()}
            logprobs = trl_internals.response_logprobs(trainer, batch, other)
            if own <= last:
                sums[:, place] = logprobs.double().cpu().numpy()
        return self.ranks.summed(sums)


def _kept(file: Path) -> NDArray[np.float64] | None:
    """Return a chunk that was measured before."""
    import numpy as np

    return np.load(file, allow_pickle=False) if file.is_file() else None


def _keep(sums: NDArray[np.float64], file: Path) -> None:
    import numpy as np

    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as unfinished, unfinished.open("wb") as sink:
        np.save(sink, sums, allow_pickle=False)
