"""A stage's pairs as rows of token ids, memory-mapped from a file, in training order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import Pair, Part, Response, UdasaError, whole_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 256
# What of a pair is known beside its tokens.
_KNOWN = ("weight", "chosen_U", "gap", "vote_margin")


@dataclass(frozen=True, slots=True)
class Rows:
    """`count` rows in `file`, and their tokens by row; `overlong` pairs were set aside. The last `replayed`
    rows are earlier stages'.

    tokens: (count,) prompt + chosen + prompt + rejected. lengths: (2, count) tokens that count of the chosen
    and of the rejected responses. columns: (count,) each of what a pair is known by beside its tokens,
    `weight`, `chosen_U`, `gap` and `vote_margin`; NaN where it has none.
    """

    file: Path
    count: int
    overlong: int
    replayed: int
    tokens: NDArray[np.int64]
    lengths: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]

    @property
    def own(self) -> slice:
        """Where the stage's own rows are."""
        return slice(0, self.count - self.replayed)

    @property
    def again(self) -> slice:
        """Where the replayed rows are."""
        return slice(self.count - self.replayed, self.count)


def write_rows(
    pairs: Path, file: Path, max_length: int | None, part: Part = "all", own: int | None = None
) -> Rows:
    """Write the pairs of at most `max_length` tokens a side (None: any) as an Arrow stream of token ids.

    The ids are the sampled ones: nothing is tokenized again, and a response that was cut off gets no
    end-of-turn token. part: what of a response counts in the loss, which `chosen_counts` and
    `rejected_counts` say token by token. own: how many of the pairs, the first ones, are the stage's own;
    None: all. Possibly no row is left. Raises UdasaError where nothing of a response counts.
    """
    import numpy as np
    import pyarrow as pa

    from udasa_core import read_pairs

    ids = pa.list_(pa.int32())
    counts = pa.list_(pa.int8())
    schema = pa.schema(
        [
            ("prompt_ids", ids),
            ("chosen_ids", ids),
            ("rejected_ids", ids),
            ("chosen_counts", counts),
            ("rejected_counts", counts),
        ]
    )
    tokens: list[int] = []
    lengths: list[tuple[int, int]] = []
    known: list[list[float]] = []
    batch: list[dict[str, object]] = []
    overlong = replayed = 0
    with (
        whole_file(file) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as stream,
    ):

        def flush() -> None:
            stream.write_table(pa.Table.from_pylist(batch, schema=schema))
            batch.clear()

        for number, pair in enumerate(read_pairs(pairs)):
            if max_length is not None and longest_side(pair) > max_length:
                overlong += 1
                continue
            replayed += own is not None and number >= own
            sides = {side: _counts(pair, getattr(pair, side), part) for side in ("chosen", "rejected")}
            lengths.append((sum(sides["chosen"]), sum(sides["rejected"])))
            tokens.append(2 * len(pair.prompt_token_ids) + sum(map(len, sides.values())))
            told = (getattr(pair, name) for name in _KNOWN)
            known.append([math.nan if value is None else value for value in told])
            batch.append(
                {
                    "prompt_ids": list(pair.prompt_token_ids),
                    "chosen_ids": list(pair.chosen.token_ids),
                    "rejected_ids": list(pair.rejected.token_ids),
                    **{f"{side}_counts": counted for side, counted in sides.items()},
                }
            )
            if len(batch) == _BATCH:
                flush()
        flush()
    return Rows(
        file,
        len(tokens),
        overlong,
        replayed,
        np.array(tokens, dtype=np.int64),
        np.array(lengths, dtype=np.int64).reshape(-1, 2).T,
        dict(zip(_KNOWN, np.array(known, dtype=np.float64).reshape(-1, len(_KNOWN)).T, strict=True)),
    )


def _counts(pair: Pair, response: Response, part: Part) -> list[int]:
    """Return of each of a response's tokens 1 where it counts in the loss, else 0."""
    places = set(response.places(part))
    if not places:
        raise UdasaError(
            f"pair {pair.id} (prompt {pair.prompt.id}): a response has no token that its model drew of its "
            f"{part}: take the prompt out"
        )
    return [int(place in places) for place in range(len(response.token_ids))]


def refuse_unknown(rows: Rows, columns: Sequence[str]) -> None:
    """Raise UdasaError where pairs lack a column that the trainer asks for."""
    import numpy as np

    for name in columns:
        if missing := int(np.isnan(rows.columns[name]).sum()):
            raise UdasaError(
                f"{missing} of {rows.count} pairs have no {name}, which this [trainer] table asks for: "
                "choose a [pairing] that fills it, or another loss or weights_from"
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
    """Return the rows as a memory-mapped datasets.Dataset, with their numbers and what is known of them."""
    import numpy as np
    from datasets import Dataset

    dataset = Dataset.from_file(str(rows.file))
    if len(dataset) != rows.count:
        raise UdasaError(
            f"{rows.file} holds {len(dataset)} rows instead of {rows.count}: delete it and run again"
        )
    for name, column in {"row": np.arange(rows.count), **rows.columns}.items():
        dataset = dataset.add_column(name, column)
    return dataset
