"""Batches of fixed shapes: everything once, nothing cut, a shape that tells of one sequence alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from udasa_core.resources.fixed_shapes import Batch, batches

LIMIT = 512
LENGTHS = st.lists(st.integers(1, LIMIT), max_size=80)


def made(lengths: list[int], limit: int = LIMIT) -> list[Batch]:
    sequences = [[100 + at] * length for at, length in enumerate(lengths)]
    segments = [[at % 2] * length for at, length in enumerate(lengths)]
    return list(batches(sequences, segments, 7, limit))


@settings(deadline=None, max_examples=40)
@given(LENGTHS)
def test_each_sequence_stands_once_whole_in_its_row(lengths: list[int]) -> None:
    seen = []
    for batch in made(lengths):
        for row, index in enumerate(batch.indices):
            seen.append(index)
            length = lengths[index]
            assert batch.ids[row].tolist() == [100 + index] * length + [7] * (batch.ids.shape[1] - length)
            assert batch.mask[row].tolist() == [1] * length + [0] * (batch.ids.shape[1] - length)
            assert batch.segments[row, :length].tolist() == [index % 2] * length
        # Rows that belong to nobody attend to one token: a row without any would be NaN.
        rest = batch.mask[len(batch.indices) :]
        assert (rest.sum(dim=1) == 1).all()
        assert (batch.ids[len(batch.indices) :] == 7).all()
        assert batch.ids.shape == batch.mask.shape == batch.segments.shape
    assert sorted(seen) == list(range(len(lengths)))


@settings(deadline=None, max_examples=40)
@given(LENGTHS, st.integers(1, LIMIT))
def test_the_shape_follows_from_the_length_alone(lengths: list[int], length: int) -> None:
    (alone,) = made([length])
    (own,) = [batch for batch in made([*lengths, length]) if len(lengths) in batch.indices]
    assert own.ids.shape == alone.ids.shape


def test_shapes_are_few_and_waste_little() -> None:
    shapes = {length: made([length])[0].ids.shape for length in range(1, LIMIT + 1)}
    assert len(set(shapes.values())) == 16 + 8 + 8 + 4
    for length, (rows, columns) in shapes.items():
        assert length <= columns
        assert columns - length < (4 if length <= 64 else 8 if length <= 128 else 16 if length <= 256 else 64)
        assert rows * columns <= 1024 or rows == 1
        assert rows & (rows - 1) == 0
        assert rows <= 32


def test_the_longest_come_first_and_batches_are_full_before_the_last() -> None:
    found = made([3] * 40 + [200] * 9 + [64])
    assert [(tuple(one.ids.shape), len(one.indices)) for one in found] == [
        ((4, 208), 4),
        ((4, 208), 4),
        ((4, 208), 1),
        ((16, 64), 1),
        ((32, 4), 32),
        ((32, 4), 8),
    ]


def test_no_batch_is_wider_than_the_model_reads() -> None:
    (batch,) = made([69], limit=70)
    assert batch.ids.shape[1] == 70
    (batch,) = made([2000], limit=2000)
    assert tuple(batch.ids.shape) == (1, 2000)
    assert made([]) == []
