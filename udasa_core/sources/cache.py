"""The user's cache: folders that appear whole or not at all, however many processes are at work.

It lies in $XDG_CACHE_HOME/udasa, or ~/.cache/udasa where that is not set. Everything in it can be deleted at
any time between runs: it is fetched or made again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from udasa_core.errors import SourceError
from udasa_core.progress import Progress


def cache_root() -> Path:
    """Return the cache's folder; it need not exist yet."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore a relative path.
    base = Path(configured) if configured.startswith("/") else Path("~/.cache").expanduser()
    return base / "udasa"


def made_once(folder: Path, what: str, make: Callable[[Path], None], progress: Progress) -> Path:
    """Return `folder`, made by `make` (which fills the empty folder it is given) where it does not exist.

    `folder` lies in the cache. Two processes that want the same folder wait for one another; one that is
    killed leaves nothing that a later one takes for whole. Raises SourceError where the cache cannot be
    written.
    """
    if folder.is_dir():
        return folder
    try:
        with _locked(folder, what, progress):
            if folder.is_dir():
                return folder
            partial = folder.with_name(folder.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            try:
                make(partial)
                _flush(partial)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise SourceError(
            f"{what}: the cache {cache_root()} cannot be written: {error}\n"
            "    → free some space there, or name another folder: export XDG_CACHE_HOME=/a/folder/with/space"
        ) from error
    return folder


def write_whole(path: Path, text: str) -> None:
    """Write a small file of the cache so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text)
    partial.replace(path)


@contextmanager
def _locked(folder: Path, what: str, progress: Progress) -> Iterator[None]:
    """Hold the folder's lock, which the system releases even when this process is killed."""
    lock = cache_root() / "locks" / f"{folder.parent.name}-{folder.name}"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress(f"{what}: waiting for another udasa process that is at it", None):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _flush(folder: Path) -> None:
    """Bring the files to the disk before the rename that declares them whole."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
