"""A run's manifest: what the run is, and which outputs in the store it points at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.errors import StoreError, UdasaError, reason
from udasa_core.files.json_text import parse_json
from udasa_core.files.whole import is_read_only, keep_whole
from udasa_core.records import content_key
from udasa_core.store.manifest_shape import shape_fault
from udasa_core.store.output import Output, of_label
from udasa_core.store.store import FORMAT

_KNOWN = range(1, FORMAT + 1)
# The first format whose manifests and stores hold digests.
_DIGESTED = 3
# A manifest's own digest, of everything else in it.
_OWN = "sha256"
# What every manifest has, and what it is.
_KINDS: Mapping[str, type] = {"format": int, "name": str, "status": str, "store": str, "models": dict}
_ROOTS = ".runs"
_FORMAT_NOTE = ".format"


class Manifest:
    """manifest.json of one run: plain data, replaced whole at every change.

    "status" is running, finished, failed or interrupted. "outputs" lists what was made, in order: its typed
    key (see `Output`), its label for people, and its fingerprints. "earlier" lists outputs of the
    configuration before, which are kept until this one has finished. It holds no time stamp: doing nothing
    changes nothing. "sha256" is of all the rest: a manifest that was damaged, or edited, is no manifest.

    is_undigested: it was written before stores had digests, so what it points at may have none.
    """

    def __init__(self, folder: Path, plain: dict[str, Any], *, is_finished: bool = False) -> None:
        """is_finished: the run was finished, as it is configured now. Raises StoreError where the manifest is
        of a format that this udasa does not know."""
        self.folder = folder
        self.plain = _upgraded(folder, plain)
        self.is_undigested = self.plain.get("format", FORMAT) < _DIGESTED
        self._is_finished = is_finished
        self._pointed: dict[Output, dict[str, Any]] = {}
        self._adopted: dict[str, dict[str, Any]] = {}
        # What was sampled before, whatever takes its place while this run is being made.
        self._samples_before = [
            entry for entry in [*self.outputs(), *self.plain.get("earlier", [])] if entry.get("basis")
        ]

    @property
    def path(self) -> Path:
        """Where the manifest lies."""
        return self.folder / "manifest.json"

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a run's folder; UdasaError where there is none."""
        path = folder / "manifest.json"
        try:
            if path.exists() and not path.is_file():
                raise UdasaError(f"{path} is no file; remove it, and run the same configuration again")
            plain = parse_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UdasaError(f"{folder} is no run: it has no manifest.json") from None
        except (OSError, ValueError) as error:
            raise UdasaError(
                f"{path} cannot be read ({reason(error)}); run the same configuration again"
            ) from error
        fault = _fault(plain)
        if fault:
            raise UdasaError(f"{path} {fault}; run the same configuration again")
        plain.pop(_OWN, None)
        return cls(folder, plain)

    def outputs(self) -> list[Mapping[str, Any]]:
        """Return the run's outputs in the order in which they were pointed at."""
        found: list[Mapping[str, Any]] = self.plain.get("outputs", [])
        return found

    def find(self, output: Output) -> Mapping[str, Any] | None:
        """Return the entry of one output; None where the run has not come that far."""
        return next((entry for entry in self.outputs() if Output.from_json(entry) == output), None)

    def point(self, output: Output, label: str, keys: Sequence[str], basis: Sequence[str] = ()) -> None:
        """Point at an output, which may not be made yet, and save."""
        entry = {**output.to_json(), "label": label, "keys": list(keys)}
        if basis:
            adopted = self._adopted.get(label)
            entry["basis"] = list(basis)
            entry["versions"] = adopted["versions"] if adopted else self.plain.get("versions", {})
        self._pointed[output] = entry
        known = {Output.from_json(there): there for there in self.outputs()}
        if basis and output in known and known[output]["keys"] != entry["keys"]:
            # Kept until this run has finished: whoever stops it may still want them.
            self.plain["earlier"] = [*self.plain.get("earlier", []), known[output]]
        self.plain["outputs"] = list({**known, **self._pointed}.values())
        self.save()

    def samples_like(self, basis: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the samples of this run, and of the configuration before, that differ in versions only: the
        fingerprint of each, and the versions that made it."""
        for entry in self._samples_before:
            for number, known in enumerate(entry["basis"]):
                if known == basis:
                    yield entry["keys"][number], entry["versions"]

    def adopt(self, label: str, shards: int, versions: Mapping[str, str]) -> None:
        """Enter that samples of other versions are used; the report says so. label: of those samples."""
        self._adopted[label] = {"label": label, "shards": shards, "versions": dict(versions)}
        self.update(adopted=list(self._adopted.values()))

    def finish(self, **entries: Any) -> None:
        """Point at what this run made or found, and nothing else; set entries; save."""
        self.plain["outputs"] = list(self._pointed.values())
        self.plain["adopted"] = list(self._adopted.values())
        self.plain.pop("earlier", None)
        self.update(**entries)

    def update(self, **entries: Any) -> None:
        """Set entries, and save."""
        self.plain.update(entries)
        self.save()

    def save(self) -> None:
        """Write the manifest, if it differs from what lies there. Of a finished run that is read-only, only
        where it lies can differ: that is left."""
        if not (self._is_finished and is_read_only(self.folder)):
            text = json.dumps({**self.plain, _OWN: _digest(self.plain)}, indent=1) + "\n"
            keep_whole(self.path, text)

    def keys(self) -> set[tuple[str, str]]:
        """Return every (step, fingerprint) that the manifest points at."""
        entries = [*self.outputs(), *self.plain.get("earlier", [])]
        return {(entry["step"], key) for entry in entries for key in entry["keys"]}


def _digest(plain: Mapping[str, Any]) -> str:
    return content_key(json.dumps(plain, sort_keys=True), length=64)


def _fault(plain: Any) -> str:
    """Say why what a manifest.json holds is no manifest that udasa wrote ("" where it is)."""
    if not isinstance(plain, dict):
        return "is no manifest: it holds no JSON object"
    wrong = [name for name, kind in _KINDS.items() if not isinstance(plain.get(name), kind)]
    if wrong:
        return f"is no whole manifest: it does not say {', '.join(wrong)}"
    rest = {name: value for name, value in plain.items() if name != _OWN}
    if (_OWN in plain or plain["format"] >= _DIGESTED) and plain.get(_OWN) != _digest(rest):
        return "is damaged, or was edited: it is not what udasa wrote (its SHA-256 is another)"
    # What another format's keys hold, only another udasa knows.
    fault = shape_fault(plain) if plain["format"] in _KNOWN else ""
    return f"is no manifest that udasa wrote: {fault}" if fault else ""


def _upgraded(folder: Path, plain: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest in today's format; in format 1 an output was found by its label."""
    written = plain.get("format", FORMAT)
    if written not in _KNOWN:
        raise StoreError(
            f"{folder} was made by another udasa: its manifest has format {written}, and this one knows 1 "
            f"to {FORMAT}. Use the udasa that made it, or a newer one"
        )
    if written != 1:
        return plain
    outputs = [
        {**of_label(label).to_json(), "label": label, "keys": entry["keys"]}
        for label, entry in plain.get("outputs", {}).items()
    ]
    return {**plain, "outputs": outputs}


def check_format(store: Path) -> None:
    """Refuse a store whose format this udasa does not know. Raises StoreError."""
    note = store / _FORMAT_NOTE
    try:
        written = note.read_text(encoding="utf-8", errors="replace").strip() if note.exists() else "1"
    except OSError as error:
        raise StoreError(f"{note} cannot be read: {error.strerror or error}") from error
    if written not in map(str, _KNOWN):
        raise StoreError(
            f"the store {store} has format {written}, and this udasa knows 1 to {FORMAT}: use the udasa "
            "that made it, or a newer one"
        )


def is_store(folder: Path) -> bool:
    """Say whether a folder is a store: what lies in another is nobody's to be removed. Of any format it has
    the notes of the runs that use it."""
    return (folder / _ROOTS).is_dir()


def register(store: Path, folder: Path) -> None:
    """Note in the store that this run uses it, so that cleaning never takes what the run points at."""
    check_format(store)
    run_note = note_of(store, folder.resolve())
    for note, text in ((run_note, f"{folder.resolve()}\n"), (store / _FORMAT_NOTE, f"{FORMAT}\n")):
        # Whoever could remove something from the store could write to it.
        if not is_read_only(store):
            keep_whole(note, text)


def registered(store: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders of the runs that use a store: those that are there, and those that cannot be found.

    A run that lies beside the store counts wherever both were moved to; one that lay there and is gone was
    deleted. Of another folder nobody can tell a deleted run from one whose disk is not mounted. Raises
    StoreError where a note is damaged, so that it does not say which run it is of.
    """
    noted = {_noted_folder(note) for note in (store / _ROOTS).glob("[!.]*")}
    beside = {path.parent for path in store.parent.glob("*/manifest.json")}
    there = {folder for folder in noted if (folder / "manifest.json").exists()}
    moved = {folder for folder in noted - there if folder.name in {one.name for one in beside}}
    deleted = {
        folder for folder in noted - there if folder.parent == store.parent and not os.path.lexists(folder)
    }
    return sorted(there | beside), sorted(noted - there - moved - deleted)


def note_of(store: Path, folder: Path) -> Path:
    """Return where a store notes that the run in `folder` uses it."""
    return store / _ROOTS / content_key(str(folder))


def _noted_folder(note: Path) -> Path:
    text = note.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    if content_key(text) != note.name:
        raise StoreError(
            f"{note} is damaged: it names {text!r}, and is the note of another run. Run that run's "
            "configuration again, which writes it anew, and remove this one"
        )
    return Path(text)
