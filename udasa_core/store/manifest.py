"""A run's manifest: what the run is, and which outputs in the store it points at."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.errors import StoreError, UdasaError
from udasa_core.records import content_key

_ROOTS = ".runs"


class Manifest:
    """manifest.json of one run: plain data, replaced whole at every change.

    "status" is running, finished, failed or interrupted; "outputs" maps what was made, in order, to its
    step and fingerprints. "earlier" lists outputs of the configuration before, which are kept until this
    one has finished. It holds no time stamp: doing nothing changes nothing.
    """

    def __init__(self, folder: Path, plain: dict[str, Any]) -> None:
        self.folder = folder
        self.plain = plain
        self._pointed: dict[str, Any] = {}

    @property
    def path(self) -> Path:
        """Where the manifest lies."""
        return self.folder / "manifest.json"

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a run's folder; UdasaError where there is none."""
        path = folder / "manifest.json"
        try:
            return cls(folder, json.loads(path.read_text()))
        except FileNotFoundError:
            raise UdasaError(f"{folder} is no run: it has no manifest.json") from None
        except (OSError, ValueError) as error:
            raise UdasaError(f"{path} cannot be read ({error}); run the same configuration again") from error

    def point(self, name: str, step: str, keys: Sequence[str]) -> None:
        """Point at outputs, which may not be made yet, and save."""
        self._pointed[name] = {"step": step, "keys": list(keys)}
        self.plain["outputs"] = {**self.plain.get("outputs", {}), **self._pointed}
        self.save()

    def finish(self, **entries: Any) -> None:
        """Point at what this run made or found, and nothing else; set entries; save."""
        self.plain["outputs"] = self._pointed
        self.plain.pop("earlier", None)
        self.update(**entries)

    def update(self, **entries: Any) -> None:
        """Set entries, and save."""
        self.plain.update(entries)
        self.save()

    def save(self) -> None:
        """Write the manifest, if it differs from what lies there."""
        text = json.dumps(self.plain, indent=1) + "\n"
        try:
            if self.path.exists() and self.path.read_text() == text:
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(self.path, text)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def keys(self) -> set[tuple[str, str]]:
        """Return every (step, fingerprint) that the manifest points at."""
        outputs: list[Mapping[str, Any]] = [*self.plain.get("outputs", {}).values()]
        outputs += self.plain.get("earlier", [])
        return {(one["step"], key) for one in outputs for key in one["keys"]}


def register(store: Path, folder: Path) -> None:
    """Note in the store that this run uses it, so that cleaning never takes what the run points at."""
    note = store / _ROOTS / content_key(str(folder.resolve()))
    text = f"{folder.resolve()}\n"
    try:
        if not note.exists() or note.read_text() != text:
            note.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(note, text)
    except OSError as error:
        raise StoreError(f"{note} cannot be written: {error.strerror or error}") from error


def registered(store: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders of the runs that use a store: those that are there, and those that are gone.

    A run that lies beside the store counts wherever both were moved to.
    """
    noted = {Path(note.read_text().strip()) for note in (store / _ROOTS).glob("[!.]*")}
    beside = {path.parent for path in store.parent.glob("*/manifest.json")}
    there = {folder for folder in noted if (folder / "manifest.json").exists()}
    moved = {folder for folder in noted - there if folder.name in {one.name for one in beside}}
    return sorted(there | beside), sorted(noted - there - moved)


def _write_whole(path: Path, text: str) -> None:
    """Write beside, fsync, rename: a power cut leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
