"""What an experiment's steps give: outputs in the store, read shard by shard as they are iterated over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from udasa_core.records import Group, Pair, Scores, Stage
from udasa_core.steps.aggregate import Calibration
from udasa_core.store.agreed import Agreed, agreed_from
from udasa_core.store.store import Shards, StagedPairs, Store
from udasa_core.store.tables import pairs_from, read_groups, read_pairs, scores_from


@dataclass(frozen=True, slots=True)
class Sampled:
    """Responses to the prompts of one split; iterated over, a Group a prompt, with its voters."""

    store: Store
    shards: Shards

    def __iter__(self) -> Iterator[Group]:
        for number, key in enumerate(self.shards.fingerprints):
            yield from read_groups(self.store, key, self.shards.blocks(number))


@dataclass(frozen=True, slots=True)
class Scored:
    """Responses with their scores; iterated over, a Group and its Scores a prompt.

    calibration: what was fitted, and where it lies. agreed: where it lies how far answers agree.
    """

    sampled: Sampled
    shards: Shards
    calibration: Calibration
    agreed: Shards

    def __iter__(self) -> Iterator[tuple[Group, Scores]]:
        scores = (
            one
            for key in self.shards.fingerprints
            for one in scores_from(self.sampled.store.read_table("aggregate", key))
        )
        return zip(self.sampled, scores, strict=True)

    def agreement(self) -> Iterator[Agreed]:
        """Yield how far the responses and voters of each prompt give one answer."""
        for key in self.agreed.fingerprints:
            yield from agreed_from(self.sampled.store.read_table("agree", key))


@dataclass(frozen=True, slots=True)
class Paired:
    """The pairs of some scored responses; iterated over, a Pair each."""

    store: Store
    shards: Shards

    def __iter__(self) -> Iterator[Pair]:
        for key in self.shards.fingerprints:
            yield from pairs_from(self.store.read_table("pair", key))

    def refused(self) -> Counter[str]:
        """Return how many prompts gave no pair, by the reason."""
        found: Counter[str] = Counter()
        for key in self.shards.fingerprints:
            found.update(self.store.read_metadata("pair", key)["refused"])
        return found


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
