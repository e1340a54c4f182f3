"""Folders for their owner alone: a run's prompts and responses are nobody else's to read."""

from __future__ import annotations

from pathlib import Path

_MODE = 0o700


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, with mode 0700, whatever the umask allows.

    One that is there keeps its mode: whoever made it, or opened it to others, had a reason. Raises OSError.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=_MODE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(20, "is no folder", str(folder))
