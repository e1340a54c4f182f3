"""The user's own columns: kept beside the prompts, a shard beside each shard, and found by the prompt's id.

They enter no fingerprint but their own, so a changed column changes nothing that was sampled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from udasa_core.store.output import Output
from udasa_core.store.run_folder import RunFolder

# The instance of the output that holds them, and their place in the index of what was read.
OWN = "own"
_SCHEMA = pa.schema([("prompt_id", pa.string()), (OWN, pa.string())])
_TYPES = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "text": pa.string()}
_KINDS = {bool: "bool", int: "int", float: "float"}


def widened(kind: str | None, value: Any) -> str:
    """Return the kind of a column that has held values of `kind` (None: of none), and now holds this one:
    "bool", "int", "float", or "text", which holds all."""
    new = _KINDS.get(type(value), "text")
    if kind is None or kind == new:
        return new
    return "float" if {kind, new} == {"int", "float"} else "text"


def own_table(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> pa.Table:
    """Return (prompt id, own columns) as a table; the columns as JSON text."""
    plain = [{"prompt_id": prompt, OWN: json.dumps(own, sort_keys=True)} for prompt, own in rows]
    return pa.Table.from_pylist(plain, schema=_SCHEMA)


class OwnColumns:
    """A run's own columns, as the columns of its tables.

    fields: names and types. One that is called as a column of the table itself has "own " before its name.
    Shards are read in order, one at a time.
    """

    def __init__(self, run: RunFolder, split: str, taken: Iterable[str]) -> None:
        """taken: the names of the table's other columns."""
        kinds: dict[str, str] = dict(run.reading().get(OWN, ()))
        there = set(taken)
        self._names = {name: f"own {name}" if name in there else name for name in kinds}
        self._kinds = kinds
        self._store = run.store
        self._keys = run.keys(Output("prompts", split, instance=OWN))
        self._place = 0
        self._held: dict[str, dict[str, Any]] = {}

    @property
    def fields(self) -> list[tuple[str, pa.DataType]]:
        """The columns, in the order in which the source has them."""
        return [(self._names[name], _TYPES[kind]) for name, kind in self._kinds.items()]

    def of(self, prompts: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the columns of some prompts by id, each of them as a table's cells; None for no value."""
        wanted = set(prompts)
        found = {prompt: self._held[prompt] for prompt in wanted & self._held.keys()}
        for _ in self._keys:
            if len(found) == len(wanted):
                break
            table = self._store.read_table("prompts", self._keys[self._place])
            self._held = {row["prompt_id"]: json.loads(row[OWN]) for row in table.to_pylist()}
            self._place = (self._place + 1) % len(self._keys)
            found |= {prompt: self._held[prompt] for prompt in wanted & self._held.keys()}
        return {prompt: self._cells(found.get(prompt, {})) for prompt in wanted}

    def _cells(self, own: Mapping[str, Any]) -> dict[str, Any]:
        return {self._names[name]: _cell(own.get(name), kind) for name, kind in self._kinds.items()}


def _cell(value: Any, kind: str) -> Any:
    if value is None or kind in ("bool", "int"):
        return value
    if kind == "float":
        return float(value)
    return value if isinstance(value, str) else json.dumps(value)
