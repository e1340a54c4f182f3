"""What an experiment's steps give: outputs in the store, read shard by shard as they are iterated over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from udasa_core.records import Group, Pair, Scores, Stage
from udasa_core.store.store import Shards, StagedPairs, Store
from udasa_core.store.tables import groups_from, pairs_from, read_pairs, scores_from


@dataclass(frozen=True, slots=True)
class Sampled:
    """Responses to the prompts of one split; iterated over, a Group a prompt."""

    store: Store
    shards: Shards

    def __iter__(self) -> Iterator[Group]:
        for key in self.shards.fingerprints:
            yield from groups_from(self.store.read_table("sample", key))


@dataclass(frozen=True, slots=True)
class Scored:
    """Responses with their scores; iterated over, a Group and its Scores a prompt.

    calibration: where the fitted calibration of each dimension lies, by its name.
    """

    sampled: Sampled
    shards: Shards
    calibration: Mapping[str, str]

    def __iter__(self) -> Iterator[tuple[Group, Scores]]:
        store = self.sampled.store
        for groups, scores in zip(self.sampled.shards.fingerprints, self.shards.fingerprints, strict=True):
            yield from zip(
                groups_from(store.read_table("sample", groups)),
                scores_from(store.read_table("aggregate", scores)),
                strict=True,
            )


@dataclass(frozen=True, slots=True)
class Paired:
    """The pairs of some scored responses; iterated over, a Pair each."""

    store: Store
    shards: Shards

    def __iter__(self) -> Iterator[Pair]:
        for key in self.shards.fingerprints:
            yield from pairs_from(self.store.read_table("pair", key))


@dataclass(frozen=True, slots=True)
class Staged:
    """One stage; iterated over, a Pair each. `path` is their Parquet file, as a trainer gets it."""

    store: Store
    staged: StagedPairs

    @property
    def stage(self) -> Stage:
        """The stage's name, size and trainer."""
        return self.staged.stage

    @property
    def path(self) -> Path:
        """The pairs' Parquet file."""
        return self.store.path("stage", self.staged.pairs)

    def __iter__(self) -> Iterator[Pair]:
        return read_pairs(self.path)
