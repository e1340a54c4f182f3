"""Batches of a few fixed shapes, so that what a model says of a text does not depend on its company.

The rounding of a matrix product depends on the matrices' shapes. Where every batch has as many rows as any
other of its length, a text's figures are the same bytes whatever it is read with: so they can be remembered,
shared between dimensions, and made again after a kill.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# A batch is a power of two of rows, this many tokens at most, padding included.
_BATCH_TOKENS = 1024
_MOST_ROWS = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids (rows, columns) with their mask and segments; `indices` says whose the first rows are.

    The other rows hold one token and belong to nobody.
    """

    indices: tuple[int, ...]
    ids: Tensor
    mask: Tensor
    segments: Tensor


def batches(
    sequences: Sequence[Sequence[int]], segments: Sequence[Sequence[int]], padding: int, limit: int
) -> Iterator[Batch]:
    """Yield every sequence once, in batches of like length, the longest first.

    segments: token type ids, as long as their sequences. Sequences have one token or more, and `limit` at
    most: the model has no positions beyond it, for padding either.
    """
    import torch

    buckets: dict[int, list[int]] = {}
    for index, sequence in enumerate(sequences):
        buckets.setdefault(min(_columns(len(sequence)), limit), []).append(index)
    for columns in sorted(buckets, reverse=True):
        rows = max(1, min(_MOST_ROWS, _power_below(_BATCH_TOKENS // columns)))
        for start in range(0, len(buckets[columns]), rows):
            indices = tuple(buckets[columns][start : start + rows])
            ids = torch.full((rows, columns), padding, dtype=torch.long)
            mask = torch.zeros((rows, columns), dtype=torch.long)
            kinds = torch.zeros((rows, columns), dtype=torch.long)
            mask[:, 0] = 1
            for row, index in enumerate(indices):
                length = len(sequences[index])
                ids[row, :length] = torch.tensor(sequences[index])
                mask[row, :length] = 1
                kinds[row, :length] = torch.tensor(segments[index])
            yield Batch(indices, ids, mask, kinds)


def alone(sequences: Sequence[Sequence[int]], segments: Sequence[Sequence[int]]) -> Iterator[Batch]:
    """Yield every sequence as a batch of its own, without padding: for models that padding disturbs."""
    import torch

    for index, (sequence, kinds) in enumerate(zip(sequences, segments, strict=True)):
        ids = torch.tensor([list(sequence)])
        yield Batch((index,), ids, torch.ones_like(ids), torch.tensor([list(kinds)]))


def _columns(length: int) -> int:
    """Return the padded length: a multiple of 4 up to 64, of 8 up to 128, of 16 up to 256, above of 64."""
    step = 4 if length <= 64 else 8 if length <= 128 else 16 if length <= 256 else 64
    return -(-length // step) * step


def _power_below(number: int) -> int:
    return 1 << (max(1, number).bit_length() - 1)
