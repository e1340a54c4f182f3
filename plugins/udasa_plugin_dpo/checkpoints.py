"""Mid-stage checkpoints that a kill cannot spoil: one counts only once its marker proves it whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

MARKER = "complete.json"
_PREFIX = "checkpoint-"


def seal(checkpoint: Path) -> None:
    """Mark a checkpoint as whole: flush its files, then write the digest of each, last and at once."""
    digests = {}
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and path.name != MARKER:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            digests[path.relative_to(checkpoint).as_posix()] = _sha256(path)
    write_json(checkpoint / MARKER, digests)


def latest_whole(folder: Path) -> Path | None:
    """Return the last whole checkpoint in `folder`, or None; delete what a kill left unfinished."""
    found = sorted(
        folder.glob(f"{_PREFIX}*"), key=lambda path: int(path.name.removeprefix(_PREFIX)), reverse=True
    )
    for checkpoint in found:
        if _is_whole(checkpoint):
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def write_json(path: Path, plain: object) -> None:
    """Write canonical JSON, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w") as file:
        json.dump(plain, file, sort_keys=True, indent=1, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def _is_whole(checkpoint: Path) -> bool:
    marker = checkpoint / MARKER
    if not marker.is_file():
        return False
    digests: dict[str, str] = json.loads(marker.read_text())
    return all(
        (checkpoint / name).is_file() and _sha256(checkpoint / name) == digest
        for name, digest in digests.items()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
