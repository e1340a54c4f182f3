"""Folders in the cache that are made once, appear whole or not at all, and are held to what was made."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from udasa_core.errors import LockedError, SourceError, StoreError, reason
from udasa_core.files.lock import locked
from udasa_core.files.whole import leftovers, whole_folder, write_whole
from udasa_core.progress import Progress, silent
from udasa_core.sources.cache import cache_root
from udasa_core.sources.digests import digest

log = logging.getLogger("udasa")

# What each file held when it was made, in the lines of `sha256sum`. Without a suffix: no part of a model.
_SUMS = "SHA256SUMS"


def made_once(folder: Path, what: str, make: Callable[[Path], None], progress: Progress) -> Path:
    """Return `folder`, made by `make` (which fills the empty folder it is given) where it does not exist.

    `folder` lies in the cache. It is compared with what was made, as `digest` knows files, and made anew
    where it holds something else, which a warning tells. Two processes that want the same folder wait for one
    another; one that is killed leaves nothing that a later one takes for whole. Raises SourceError where the
    cache cannot be written.
    """
    if folder.is_dir():
        found = _fault(folder, progress)
        if not found:
            return folder
        log.warning("%s %s: it is made anew", folder, found)
    try:
        with _locked(folder, what, progress):
            if folder.is_dir() and not _fault(folder, progress):
                return folder
            for left in leftovers(folder):
                shutil.rmtree(left)
            with whole_folder(folder) as partial:
                make(partial)
                note(partial, progress)
    except (OSError, StoreError) as error:
        raise SourceError(
            f"{what}: the cache {cache_root()} cannot be written: {reason(error)}\n"
            "    → free some space there, or name another folder: export XDG_CACHE_HOME=/a/folder/with/space"
        ) from error
    return folder


@contextmanager
def _locked(folder: Path, what: str, progress: Progress) -> Iterator[None]:
    lock = cache_root() / "locks" / f"{folder.parent.name}-{folder.name}"
    with ExitStack() as held:
        try:
            held.enter_context(locked(lock, what))
        except LockedError:
            with progress(f"{what}: waiting for another udasa process that is at it", None):
                held.enter_context(locked(lock, what, wait=True))
        yield


def _fault(folder: Path, progress: Progress) -> str:
    if not (folder / _SUMS).exists():
        # An earlier udasa made it: it counts as it is from now on.
        with suppress(StoreError, OSError, SourceError):
            note(folder, progress)
        return ""
    return fault(folder, progress)


def note(folder: Path, progress: Progress = silent) -> None:
    """Note in a folder what its files hold. Raises OSError, SourceError and StoreError."""
    write_whole(folder / _SUMS, _sums(folder, progress))


def fault(folder: Path, progress: Progress = silent) -> str:
    """Say how a folder differs from what was noted in it; "" where it does not."""
    try:
        noted = (folder / _SUMS).read_text(encoding="utf-8", errors="replace")
        return "" if noted == _sums(folder, progress) else "is damaged"
    except (OSError, SourceError) as error:
        return f"cannot be read ({reason(error)})"


def _sums(folder: Path, progress: Progress) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != _SUMS)
    return "".join(
        f"{digest(file, progress=progress)}  {file.relative_to(folder).as_posix()}\n" for file in files
    )
