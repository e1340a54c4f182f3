"""A stage's pairs as rows of token ids, memory-mapped from a file, in training order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import Pair, UdasaError, whole_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Rows:
    """`count` rows in `file`, and their tokens by row; `overlong` pairs were set aside.

    tokens: (count,) prompt + chosen + prompt + rejected. lengths: (2, count) tokens of the chosen and of the
    rejected responses. weights: (count,) the pairs' shares in the loss. chosen_U: (count,) the chosen
    responses' U, NaN where a pair has none.
    """

    file: Path
    count: int
    overlong: int
    tokens: NDArray[np.int64]
    lengths: NDArray[np.int64]
    weights: NDArray[np.float64]
    chosen_U: NDArray[np.float64]


def write_rows(pairs: Path, file: Path, max_length: int | None) -> Rows:
    """Write the pairs of at most `max_length` tokens a side (None: any) as an Arrow stream of token ids.

    The ids are the sampled ones: nothing is tokenized again, and a response that was cut off gets no
    end-of-turn token. Possibly no row is left.
    """
    import numpy as np
    import pyarrow as pa

    from udasa_core import read_pairs

    ids = pa.list_(pa.int32())
    sides = [("prompt_ids", ids), ("chosen_ids", ids), ("rejected_ids", ids)]
    schema = pa.schema([*sides, ("weight", pa.float64()), ("chosen_U", pa.float64())])
    tokens: list[int] = []
    lengths: list[tuple[int, int]] = []
    weights: list[float] = []
    us: list[float] = []
    batch: list[dict[str, object]] = []
    overlong = 0
    with (
        whole_file(file) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as stream,
    ):

        def flush() -> None:
            stream.write_table(pa.Table.from_pylist(batch, schema=schema))
            batch.clear()

        for pair in read_pairs(pairs):
            if max_length is not None and longest_side(pair) > max_length:
                overlong += 1
                continue
            lengths.append((len(pair.chosen.token_ids), len(pair.rejected.token_ids)))
            tokens.append(2 * len(pair.prompt_token_ids) + sum(lengths[-1]))
            weights.append(pair.weight)
            us.append(math.nan if pair.chosen_U is None else pair.chosen_U)
            batch.append(
                {
                    "prompt_ids": list(pair.prompt_token_ids),
                    "chosen_ids": list(pair.chosen.token_ids),
                    "rejected_ids": list(pair.rejected.token_ids),
                    "weight": pair.weight,
                    "chosen_U": us[-1],
                }
            )
            if len(batch) == _BATCH:
                flush()
        flush()
    return Rows(
        file,
        len(tokens),
        overlong,
        np.array(tokens, dtype=np.int64),
        np.array(lengths, dtype=np.int64).reshape(-1, 2).T,
        np.array(weights, dtype=np.float64),
        np.array(us, dtype=np.float64),
    )


def longest_side(pair: Pair) -> int:
    """Return the tokens of the prompt and the longer response."""
    longer = max(len(pair.chosen.token_ids), len(pair.rejected.token_ids))
    return len(pair.prompt_token_ids) + longer


def training_order(count: int, epochs: float, seed: int) -> NDArray[np.int64]:
    """Return row numbers in order of training: each epoch its own shuffle, the last one cut where epochs end.

    All epochs are one sequence, so that resuming needs a position only. The first
    is `training_order(count, 1, seed)`.
    """
    import numpy as np

    total = max(1, round(epochs * count))
    shuffles = [
        np.random.default_rng([seed, epoch]).permutation(count) for epoch in range(-(-total // count))
    ]
    return np.concatenate(shuffles)[:total]


def open_rows(rows: Rows) -> Any:
    """Return the rows as a memory-mapped datasets.Dataset."""
    from datasets import Dataset

    dataset = Dataset.from_file(str(rows.file))
    if len(dataset) != rows.count:
        raise UdasaError(
            f"{rows.file} holds {len(dataset)} rows instead of {rows.count}: delete it and run again"
        )
    return dataset
