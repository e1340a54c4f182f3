"""The user's cache: folders that appear whole or not at all, however many processes are at work.

It lies in $XDG_CACHE_HOME/udasa, or ~/.cache/udasa where that is not set. Everything in it can be deleted at
any time between runs: it is fetched or made again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from udasa_core.errors import LockedError, SourceError, StoreError
from udasa_core.files.lock import locked
from udasa_core.files.whole import leftovers, whole_folder
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
            for left in leftovers(folder):
                shutil.rmtree(left)
            with whole_folder(folder) as partial:
                make(partial)
    except (OSError, StoreError) as error:
        raise SourceError(
            f"{what}: the cache {cache_root()} cannot be written: {error}\n"
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
