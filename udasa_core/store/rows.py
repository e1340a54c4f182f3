"""Rows of a run as a table: Arrow, pandas, or a batch at a time, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import pyarrow as pa

from udasa_core.store.tables import rows_table

if TYPE_CHECKING:
    import pandas as pd

Record = TypeVar("Record", covariant=True)


class Parts(NamedTuple):
    """A table in parts: its schema, and the rows of each part, of a shard, say."""

    schema: pa.Schema
    rows: Iterable[list[dict[str, Any]]]


class Rows(Iterator[Record], Generic[Record]):
    """One of a run's tables.

    Iterated, it gives one record after the other, once. `to_arrow`, `to_pandas` and `batches` read anew, and
    so does whatever takes Arrow's streams (pyarrow, polars, duckdb). Only a part is held at a time, but for
    what `to_arrow` and `to_pandas` return. All raise StoreError where an output is missing or damaged.
    """

    def __init__(self, parts: Callable[[], Parts], records: Callable[[], Iterator[Record]]) -> None:
        self._parts = parts
        self._records = records
        self._begun: Iterator[Record] | None = None

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        if self._begun is None:
            self._begun = self._records()
        return next(self._begun)

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        return self._parts().schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the table in parts: a shard of prompts, or some hundred pairs, each."""
        parts = self._parts()
        for rows in parts.rows:
            if rows:
                yield pa.RecordBatch.from_pylist(rows, schema=parts.schema)

    def to_arrow(self) -> pa.Table:
        """Return the whole table."""
        return pa.Table.from_batches(self.batches(), schema=self.schema)

    def to_pandas(self) -> pd.DataFrame:
        """Return the whole table for pandas."""
        return self.to_arrow().to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the table to whatever takes Arrow's streams."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)


def plain_rows(parts: Callable[[], Parts]) -> Rows[Mapping[str, Any]]:
    """Return a table whose records are its rows by column."""
    return Rows(parts, lambda: (row for part in parts().rows for row in part))


class ItemRows(list[dict[str, Any]]):
    """What suites kept of each item: a list of rows by column, and a table."""

    def to_arrow(self) -> pa.Table:
        """Return them as a table; a column whose values are of several kinds is text."""
        return rows_table(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return them for pandas."""
        return self.to_arrow().to_pandas()
