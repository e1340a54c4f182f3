"""Response log-probabilities of a whole stage: the reference's, and the policy's before and after."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import whole_file
from udasa_plugin_preference import trl_internals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from udasa_core import Resources


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over a stage: `dataset` rows in `order`, `batch` a pass, saved in `folder` each `chunk` rows.

    `order` and `batch` are the first epoch's, so that a row meets the same neighbours and the same padding as
    in training: in bf16 the sum of a response's log-probabilities depends on them in its third digit.
    """

    dataset: Any
    order: NDArray[np.int64]
    batch: int
    chunk: int
    folder: Path

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

        self.folder.mkdir(parents=True, exist_ok=True)
        measured = np.empty((2, len(self.order)))
        (other or trainer.model).eval()
        answering = under or nullcontext()
        with torch.no_grad(), answering, resources.progress(f"measure {name}", len(self.order)) as advance:
            for start in range(0, len(self.order), self.chunk):
                rows = self.order[start : start + self.chunk]
                file = self.folder / f"{name}-{start:09d}.npy"
                if not file.is_file():
                    with whole_file(file) as partial, partial.open("wb") as sink:
                        np.save(sink, self._sums(trainer, rows, other), allow_pickle=False)
                measured[:, rows] = np.load(file, allow_pickle=False)
                advance(len(rows))
        return measured

    def _sums(self, trainer: Any, rows: Sequence[int] | NDArray[np.int64], other: Any) -> NDArray[np.float64]:
        import numpy as np

        parts = []
        for start in range(0, len(rows), self.batch):
            examples = [self.dataset[int(row)] for row in rows[start : start + self.batch]]
            batch = trainer.data_collator(examples)
            batch = {key: tensor.to(trainer.args.device) for key, tensor in batch.items()}
            sums = trl_internals.response_logprobs(trainer, batch, other)
            parts.append(sums.double().cpu().numpy())
        return np.concatenate(parts, axis=1)
