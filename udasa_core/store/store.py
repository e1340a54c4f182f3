"""The content-addressed store: each step's output under the fingerprint of all that made it.

A file appears under its final name only whole: it is written to a temporary name, fsynced, then renamed.
So what is there is right, whoever was killed when. Parquet for rows, JSON for small states, a folder for
a trained model.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import LockedError, StoreError
from udasa_core.records import Stage, content_key

if TYPE_CHECKING:
    import pyarrow as pa

# The layout and the core's own share in every output: raised when a change of the core alters what a
# step makes of the same inputs.
FORMAT = 1
# What shapes a model's outputs besides the model.
INFERENCE = ("torch", "transformers", "tokenizers", "peft")
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Shards:
    """What a step leaves behind: the fingerprints of its shards in order, and which split they belong to.

    aligned: whether the aligned model's answers are in them, rather than the base policy's.
    """

    step: str
    split: str
    fingerprints: tuple[str, ...]
    aligned: bool = False

    def __str__(self) -> str:
        return f"{self.split}, aligned" if self.aligned else self.split


@dataclass(frozen=True, slots=True)
class StagedPairs:
    """One stage, and the fingerprint of the Parquet file that holds its pairs."""

    stage: Stage
    pairs: str


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

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, step: str, key: str, suffix: str = ".parquet") -> Path:
        """Return where an output lies, or would lie; suffix "" for a folder."""
        return self.root / step / f"{key}{suffix}"

    def has(self, step: str, key: str, suffix: str = ".parquet") -> bool:
        """Say whether an output is there (and then it is whole)."""
        return self.path(step, key, suffix).exists()

    def write_table(
        self, step: str, key: str, table: pa.Table, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Write a table; `metadata` is small JSON data kept in the file's schema."""
        import pyarrow.parquet as pq

        if metadata is not None:
            text = json.dumps(metadata, sort_keys=True)
            table = table.replace_schema_metadata({"udasa": text})
        with self.appear(self.path(step, key)) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def read_table(self, step: str, key: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a table, or some columns of it; StoreError where it is missing or damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.path(step, key)
        try:
            # Memory-mapped and single-threaded: shards are small, and many are read in turn.
            wanted = None if columns is None else list(columns)
            return pq.read_table(path, columns=wanted, use_threads=False, memory_map=True)
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{path} cannot be read ({error}); delete it and run again") from error

    def read_metadata(self, step: str, key: str) -> dict[str, Any]:
        """Read the small data that `write_table` kept beside the rows."""
        import pyarrow.parquet as pq

        held = pq.read_schema(self.path(step, key)).metadata or {}
        plain: dict[str, Any] = json.loads(held.get(b"udasa", b"{}"))
        return plain

    def write_json(self, step: str, key: str, plain: Mapping[str, Any]) -> None:
        """Write canonical JSON: sorted keys, so that equal data are equal bytes."""
        text = json.dumps(plain, sort_keys=True, indent=1, allow_nan=False)
        with self.appear(self.path(step, key, ".json")) as temporary:
            temporary.write_text(text + "\n")

    def read_json(self, step: str, key: str) -> dict[str, Any]:
        """Read JSON; StoreError where it is missing or damaged."""
        path = self.path(step, key, ".json")
        try:
            plain: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read ({error}); delete it and run again") from error
        return plain

    @contextmanager
    def appear(self, path: Path) -> Iterator[Path]:
        """Yield a temporary path; on leaving, it is fsynced and renamed to `path`, or gone after an error."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
        finally:
            # What kept the file from being written can keep it from being removed; `clean` takes it later.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    @contextmanager
    def folder(self, step: str, key: str) -> Iterator[Path]:
        """Yield the working folder of a long output; it outlives errors and kills, and a second process
        that would write to it is refused. `finish_folder` makes it the output."""
        working = self.path(step, key, _PARTIAL)
        try:
            working.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{working} cannot be made: {error.strerror}") from error
        with lock(self.path(step, key, ".lock"), f"another process is training {step}/{key}"):
            yield working

    def finish_folder(self, step: str, key: str) -> Path:
        """Turn the working folder into the output, and return where that lies."""
        working, final = self.path(step, key, _PARTIAL), self.path(step, key, "")
        try:
            for file in sorted(working.rglob("*")):
                _sync(file)
            working.replace(final)
            _sync(final.parent)
        except OSError as error:
            raise StoreError(f"{final} cannot be written: {error.strerror or error}") from error
        return final

    def clean(self, keep: set[tuple[str, str]], *, dry_run: bool = False) -> tuple[int, int]:
        """Remove every output whose (step, fingerprint) is not in `keep`; return (entries, bytes) freed."""
        entries = freed = 0
        for path in sorted(self.root.glob("[!.]*/*")):
            key = path.name.lstrip(".").split(".")[0]
            if (path.parent.name, key) in keep and not path.name.startswith("."):
                continue
            entries += 1
            freed += sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
            if not dry_run:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return entries, freed


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def lock(path: Path, refusal: str, *, shared: bool = False) -> Iterator[None]:
    """Hold a file lock that dies with the process; raise LockedError where another process holds it.

    shared: held beside other shared holders, and against exclusive ones.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 64).decode(errors="replace").strip()
        os.close(descriptor)
        raise LockedError(f"{refusal}{f' (process {holder})' if holder else ''}") from None
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"{path} cannot be locked: {error.strerror or error}") from error
    try:
        if not shared:
            # Who holds it is told for convenience only; a full disk must not stop a run that may still end.
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
