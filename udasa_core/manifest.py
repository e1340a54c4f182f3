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
    step and fingerprints. It holds no time stamp: doing nothing changes nothing.
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
        # What an earlier configuration pointed at stays until this one has finished.
        self.plain["outputs"] = {**self.plain.get("outputs", {}), **self._pointed}
        self.save()

    def finish(self, **entries: Any) -> None:
        """Point at what this run made or found, and nothing else; set entries; save."""
        self.plain["outputs"] = self._pointed
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
            temporary = self.path.with_name(f".manifest.{os.getpid()}")
            try:
                temporary.write_text(text)
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def keys(self) -> set[tuple[str, str]]:
        """Return every (step, fingerprint) that the manifest points at."""
        outputs: Mapping[str, Any] = self.plain.get("outputs", {})
        return {(one["step"], key) for one in outputs.values() for key in one["keys"]}


def register(store: Path, folder: Path) -> None:
    """Note in the store that this run uses it, so that cleaning never takes what the run points at."""
    note = store / _ROOTS / content_key(str(folder.resolve()))
    try:
        if not note.exists():
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{folder.resolve()}\n")
    except OSError as error:
        raise StoreError(f"{note} cannot be written: {error.strerror or error}") from error


def registered(store: Path) -> list[Path]:
    """Return the folders of the runs that use a store and are still there."""
    notes = sorted((store / _ROOTS).glob("*"))
    folders = [Path(note.read_text().strip()) for note in notes]
    return [folder for folder in folders if (folder / "manifest.json").exists()]
