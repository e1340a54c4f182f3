"""Mid-stage checkpoints that a kill cannot spoil: one counts only once its marker proves it whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from udasa_core import file_digest, flush_to_disk, write_whole

MARKER = "complete.json"
_PREFIX = "checkpoint-"


def seal(checkpoint: Path) -> None:
    """Mark a checkpoint as whole: flush its files, then write the digest of each, last and at once."""
    flush_to_disk(checkpoint)
    digests = {
        path.relative_to(checkpoint).as_posix(): file_digest(path)
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != MARKER
    }
    write_json(checkpoint / MARKER, digests)


def latest_whole(folder: Path) -> Path | None:
    """Return the last whole checkpoint in `folder`, or None; delete what a kill left unfinished."""
    found = sorted(folder.glob(f"{_PREFIX}*"), key=steps_in, reverse=True)
    for checkpoint in found:
        if _is_whole(checkpoint):
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def steps_in(checkpoint: Path | None) -> int:
    """Return how many optimizer steps went into a checkpoint; 0 for none."""
    return int(checkpoint.name.removeprefix(_PREFIX)) if checkpoint else 0


def write_json(path: Path, plain: object) -> None:
    """Write canonical JSON, whole or not at all."""
    write_whole(path, json.dumps(plain, sort_keys=True, indent=1, allow_nan=False))


def _is_whole(checkpoint: Path) -> bool:
    marker = checkpoint / MARKER
    if not marker.is_file():
        return False
    digests: dict[str, str] = json.loads(marker.read_text())
    return all(
        (checkpoint / name).is_file() and file_digest(checkpoint / name) == digest
        for name, digest in digests.items()
    )
