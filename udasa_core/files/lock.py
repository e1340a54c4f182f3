"""Locks between processes: the system releases them when their holder ends, however it ends.

A lock is a small file, which stays where it is: to remove it would let two processes hold two files of one
name. What is locked is udasa's own (a run, a store, the cache): a folder that is missing is made private.
filelock is imported where a lock is asked for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from udasa_core.errors import LockedError, StoreError, reason
from udasa_core.files.private import private_folder
from udasa_core.files.whole import is_read_only

log = logging.getLogger("udasa")


@contextmanager
def locked(path: Path, refusal: str, *, wait: bool = False, who: str = "") -> Iterator[None]:
    """Hold the lock `path` alone while the context lasts.

    who: what others are told of this holder beside its process number, on one line. Raises LockedError, with
    `refusal` and the holder, where another holds it (wait: waits for it instead), and StoreError where the
    system gives no lock. Where nothing can be written there is nothing to lock: the context is entered.
    """
    from filelock import FileLock, Timeout

    _refuse_link(path)
    # Where a file system knows no locks, none is made up: what would stand for one outlives a kill.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        private_folder(path.parent)
        lock.acquire(blocking=wait)
    except Timeout:
        raise LockedError(f"{refusal}{_holder(path)}") from None
    except OSError as error:
        if not is_read_only(path.parent):
            raise StoreError(f"{path} cannot be locked: {error.strerror or error}") from error
    try:
        # Who holds it is told for convenience only; a full disk must not stop a run that may still end.
        with suppress(OSError):
            path.write_text(f"{os.getpid()} {who}".strip())
        yield
    finally:
        lock.release()


@contextmanager
def awaited(path: Path, what: str, *, who: str = "") -> Iterator[None]:
    """Hold the lock `path` alone; where another holds it, wait for it, and warn once of what and for whom.

    what: what the other is at, as a sentence begins. who: as in `locked`. Raises StoreError as that does.
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, what, who=who))
        except LockedError as error:
            log.warning("%s: waiting until that is done. Ctrl-C ends this run alone", error)
            held.enter_context(locked(path, what, wait=True, who=who))
        yield


def last_held_here(path: Path) -> bool:
    """Say whether this process was the last to hold the lock: if it still does, it would wait for itself."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip().partition(" ")[0] == str(os.getpid())
    return False


@contextmanager
def in_use(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock `path` beside others who use the same thing, and against whoever wants it `unused`.

    Raises LockedError, with `refusal`, where another holds it so, and StoreError as `locked` does.
    """
    with _read_write(path, refusal, is_alone=False):
        yield


@contextmanager
def unused(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock `path` alone, against everybody who would have it `in_use`. Raises likewise."""
    with _read_write(path, refusal, is_alone=True):
        yield


@contextmanager
def _read_write(path: Path, refusal: str, *, is_alone: bool) -> Iterator[None]:
    import sqlite3

    from filelock import ReadWriteLock, Timeout

    _refuse_link(path)
    try:
        private_folder(path.parent)
        # A lock of its own for each caller: two runs in one process are two users.
        lock = ReadWriteLock(path, is_singleton=False)
        (lock.acquire_write if is_alone else lock.acquire_read)(blocking=False)
    except Timeout:
        raise LockedError(refusal) from None
    except (OSError, sqlite3.Error) as error:
        if not is_read_only(path.parent):
            raise StoreError(f"{path} cannot be locked: {reason(error)}") from error
        held = False
    else:
        held = True
    try:
        yield
    finally:
        if held:
            lock.close()


def _refuse_link(path: Path) -> None:
    """Raise StoreError where a lock is a link: whoever writes into it would write somewhere else."""
    if path.is_symlink():
        raise StoreError(f"{path} is a link, and a lock is a file of its own: remove it")


def _holder(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        number, _, who = path.read_text().strip().partition(" ")
        if number:
            return f" (process {number}{who and f', {who}'})"
    return ""
