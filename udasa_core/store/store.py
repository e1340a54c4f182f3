"""The content-addressed store: each step's output under the fingerprint of all that made it.

A file appears under its final name only whole, whoever was killed when, and its digest is compared whenever
it is used: what a disk or a hand changed is told, and made anew. Parquet for rows, JSON for small states, a
folder for a trained model.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import StoreError, reason
from udasa_core.files.lock import awaited
from udasa_core.files.whole import settle, whole_file
from udasa_core.records import Stage, content_key
from udasa_core.store.digests import Digests, told
from udasa_core.store.output import TRAINING, Output

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

log = logging.getLogger("udasa")

# The layout of stores and manifests. Since 3 there is a digest of every file.
FORMAT = 3
# What shapes a model's outputs besides the model.
INFERENCE = ("torch", "transformers", "tokenizers", "peft")
TRAINING_SOFTWARE = ("torch", "transformers", "trl", "peft", "accelerate")
_PARTIAL = ".partial"
# The lock that runs hold beside one another, and cleaning alone.
IN_USE = ".in-use"


@dataclass(frozen=True, slots=True)
class Shards:
    """What a step leaves behind: the fingerprints of its shards in order, and which split they belong to.

    round: whose answers are in them: 0 the base policy's, 1 those of the policy that the first round of
    training left. policy: of a stage's policy within a round, its label; "" for the others. voters: of
    samples, each block's fingerprints, a shard for each shard. numbers: where these are some of the split's
    shards, which; empty for all.
    """

    step: str
    split: str
    fingerprints: tuple[str, ...]
    round: int = 0
    voters: tuple[tuple[str, ...], ...] = ()
    numbers: tuple[int, ...] = ()
    policy: str = ""

    def __str__(self) -> str:
        if self.policy:
            return f"{self.split}, after {self.policy}"
        aligned = {0: "", 1: ", aligned"}.get(self.round, f", aligned {self.round} times")
        return f"{self.split}{aligned}"

    @property
    def fresh(self) -> tuple[str, ...]:
        """What the seeds of a later round follow from, besides the rest: training prompts are answered anew.
        Other prompts get the base's seeds, so that the policy alone is what differs."""
        return (f"round {self.round + 1}",) if self.round and self.split == TRAINING else ()

    def output(self, instance: str = "") -> Output:
        """Return the key that a run finds these by. instance: which of the step's outputs they are."""
        return Output(self.step, self.split, self.round, instance, self.policy)

    def number(self, place: int) -> int:
        """Return which of the split's shards the one at a place here is; its seed follows from that."""
        return self.numbers[place] if self.numbers else place

    def some(self, numbers: Sequence[int]) -> Shards:
        """Return some of the split's shards, by number."""
        keys = tuple(self.fingerprints[number] for number in numbers)
        return replace(self, fingerprints=keys, numbers=tuple(numbers))

    def blocks(self, number: int) -> list[str]:
        """Return the fingerprints of the blocks of voters that belong to a shard."""
        return [block[number] for block in self.voters]


@dataclass(frozen=True, slots=True)
class StagedPairs:
    """One stage, and the fingerprint of the Parquet file that holds its pairs, with the step that made it.

    round: its own, from 0.
    """

    stage: Stage
    pairs: str
    step: str = "stage"
    round: int = 0

    @property
    def label(self) -> str:
        """What the stage, and the policy that it leaves, is called in the run: "moderate@2" in round 2."""
        return stage_label(self.stage.name, self.round)


def stage_label(name: str, round: int) -> str:
    """Return what a stage is called in the whole run. round: from 0."""
    return f"{name}@{round + 1}" if round else name


@cache
def versions(*distributions: str) -> dict[str, str]:
    """Return installed versions without importing anything."""
    from importlib import metadata

    return {name: metadata.version(name) for name in distributions}


def fingerprint(step: str, ingredients: Mapping[str, Any]) -> str:
    """Return the name of an output: 32 hex digits over the step and everything that shapes its bytes."""
    return content_key(FORMAT, step, ingredients, length=32)


class Store:
    """Outputs by step and fingerprint under one folder."""

    def __init__(self, root: Path, *, undigested: bool = False) -> None:
        """undigested: files that have no digest are read, too: those of a run of an earlier format."""
        self.root = root
        self._digests = Digests(root, undigested=undigested)
        # What was warned of: an output is asked for by several steps.
        self._told: set[Path] = set()

    def path(self, step: str, key: str, suffix: str = ".parquet") -> Path:
        """Return where an output lies, or would lie; suffix "" for a folder."""
        return self.root / step / f"{key}{suffix}"

    def has(self, step: str, key: str, suffix: str = ".parquet") -> bool:
        """Say whether an output is there; to read it tells whether it is what was written."""
        return self.path(step, key, suffix).exists()

    def is_whole(self, step: str, key: str, suffix: str = ".parquet") -> bool:
        """Say whether an output is there and is what was written: whoever would make it need not.

        One that is there and is something else is warned of. It is read whole.
        """
        path = self.path(step, key, suffix)
        if not path.exists():
            return False
        fault = self._digests.fault(path)
        if fault and path not in self._told:
            self._told.add(path)
            log.warning("%s %s; it is made anew", path, fault)
        return not fault

    def check(self, step: str, key: str, suffix: str = ".parquet") -> None:
        """Raise StoreError where an output that is there is not what was written."""
        path = self.path(step, key, suffix)
        fault = self._digests.fault(path)
        if fault:
            raise StoreError(f"{path} {told(fault)}")

    @contextmanager
    def writing(self, step: str, key: str, suffix: str = ".parquet") -> Iterator[Path]:
        """Yield a temporary path to write an output's file to; on leaving it is the output."""
        path = self.path(step, key, suffix)
        with whole_file(path) as temporary:
            yield temporary
            if self._digests.note_file(path, temporary):
                # The same machine and versions make the same bytes; another may not.
                log.warning(
                    "%s was made before, and holds something else now: what was made of the former stays as "
                    "it is. To have all of it made anew, remove the store, or change run.seed",
                    path,
                )

    def take(self, step: str, key: str) -> bool:
        """Say whether a table can be used as it lies; one that an earlier udasa wrote gets its digest now."""
        path = self.path(step, key)
        if not path.exists():
            return False
        if not self._digests.has(path):
            Store(self.root, undigested=True).read_table(step, key)
            self._digests.note_file(path, path)
        return self.is_whole(step, key)

    def write_table(
        self, step: str, key: str, table: pa.Table, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Write a table; `metadata` is small JSON data kept in the file's schema."""
        import pyarrow.parquet as pq

        if metadata is not None:
            text = json.dumps(metadata, sort_keys=True)
            table = table.replace_schema_metadata({"udasa": text})
        with self.writing(step, key) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def read_table(self, step: str, key: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a table, or some columns of it ("chosen.logprobs": a part of one).

        Raises StoreError where it is missing or damaged.
        """

        # Whole and single-threaded: shards are small, and many are read in turn.
        wanted = None if columns is None else list(columns)
        with self._open(step, key) as file:
            return file.read(columns=wanted, use_threads=False)

    @contextmanager
    def _open(self, step: str, key: str) -> Iterator[pq.ParquetFile]:
        """Yield a table's file for reading: the very bytes that were compared with its digest."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.path(step, key)
        content = self._digests.read(path)
        try:
            with pq.ParquetFile(pa.BufferReader(content)) as file:
                yield file
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{path} cannot be read ({reason(error)}); delete it and run again") from error

    def read_metadata(self, step: str, key: str) -> dict[str, Any]:
        """Read the small data that `write_table` kept beside the rows. Raises StoreError."""
        with self._open(step, key) as file:
            held = file.schema_arrow.metadata or {}
        plain: dict[str, Any] = json.loads(held.get(b"udasa", b"{}"))
        return plain

    def read_bytes(self, step: str, key: str, suffix: str) -> bytes:
        """Read a file as it is; StoreError where it is missing or damaged."""
        return self._digests.read(self.path(step, key, suffix))

    def write_json(self, step: str, key: str, plain: Mapping[str, Any]) -> None:
        """Write canonical JSON: sorted keys, so that equal data are equal bytes."""
        text = json.dumps(plain, sort_keys=True, indent=1, allow_nan=False) + "\n"
        with self.writing(step, key, ".json") as temporary:
            temporary.write_text(text, encoding="utf-8")

    def read_json(self, step: str, key: str) -> dict[str, Any]:
        """Read JSON; StoreError where it is missing or damaged."""
        path = self.path(step, key, ".json")
        try:
            plain: dict[str, Any] = json.loads(self._digests.read(path))
        except ValueError as error:
            raise StoreError(f"{path} cannot be read ({reason(error)}); delete it and run again") from error
        return plain

    @contextmanager
    def folder(self, step: str, key: str, who: str = "") -> Iterator[Path | None]:
        """Yield the working folder of a long output; it outlives errors and kills, and `finish_folder` makes
        it the output. A second process that would write to it waits, and is told for whom.

        None where that other one has made the output meanwhile. who: what others are told of this process.
        """
        working = self.path(step, key, _PARTIAL)
        with awaited(self.path(step, key, ".lock"), f"another process is training {step}/{key}", who=who):
            if self.is_whole(step, key, ""):
                yield None
                return
            try:
                working.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{working} cannot be made: {error.strerror}") from error
            yield working

    def finish_folder(self, step: str, key: str) -> Path:
        """Turn the working folder into the output, and return where that lies.

        What lies there already is replaced: nobody asks for what is there and whole.
        """
        working, final = self.path(step, key, _PARTIAL), self.path(step, key, "")
        try:
            self._digests.forget(self.path(step, key, _PARTIAL))
            self._digests.note_folder(final, working)
            if final.exists():
                shutil.rmtree(final)
        except OSError as error:
            raise StoreError(f"{final} cannot be written: {error.strerror or error}") from error
        settle(working, final)
        return final

    def clean(self, keep: set[tuple[str, str]], *, dry_run: bool = False) -> tuple[int, int]:
        """Remove every output whose (step, fingerprint) is not in `keep`; return (entries, bytes) freed.

        Raises StoreError where one cannot be removed.
        """
        entries = freed = 0
        for path in sorted(self.root.glob("[!.]*/*")):
            key = path.name.lstrip(".").split(".")[0]
            if (path.parent.name, key) in keep and not path.name.startswith("."):
                continue
            entries += 1
            freed += sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
            if not dry_run:
                _remove(path)
        if not dry_run:
            self._digests.tidy()
        return entries, freed


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as error:
        raise StoreError(f"{path} cannot be removed: {error.strerror or error}") from error
