"""Files and folders that appear whole or not at all, whoever is killed when.

What is written lies beside its place under a hidden name that ends in `.partial`, is brought to the disk, and
is then renamed. A kill leaves at most such a leftover, which nobody takes for the whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from udasa_core.errors import StoreError

PARTIAL = ".partial"


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, in the place of any that is there. A reader sees the old one or the new.

    Folders above it are made. Raises StoreError where it cannot be written.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def keep_whole(path: Path, content: str | bytes) -> None:
    """Write a file as `write_whole` does, unless it holds just that already."""
    content = content.encode() if isinstance(content, str) else content
    if not _holds(path, content):
        write_whole(path, content)


def is_read_only(folder: Path) -> bool:
    """Say whether nothing can be written to a folder, there or still to be made: a read-only disk, no
    permission."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return not os.access(folder, os.W_OK)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on leaving it becomes `path`, after an error it is gone.

    Folders above it are made. Raises StoreError for whatever the system refuses meanwhile.
    """
    temporary = _beside(path)
    with _told(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            settle(temporary, path)
        finally:
            # What kept the file from being written can keep it from being removed.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on leaving it becomes `folder`, after an error it is gone.

    What lay at `folder` is deleted only once the new one is in its place. Linux exchanges the two; elsewhere
    the old one is moved aside first, and between the two renames there is none. Raises as `whole_file` does.
    """
    temporary = _beside(folder)
    old = temporary.with_suffix(".old")
    with _told(folder):
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            yield temporary
            flush_to_disk(temporary)
            if folder.exists() and _exchanged(temporary, folder):
                _flush(folder.parent)
                return  # what lay there is the temporary one now, and goes with it
            if folder.exists():
                folder.rename(old)
            try:
                temporary.rename(folder)
            except BaseException:
                if old.exists():
                    old.rename(folder)
                raise
            _flush(folder.parent)
            if old.exists():
                shutil.rmtree(old)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _exchanged(first: Path, second: Path) -> bool:
    """Let two paths change places in one step; return whether the system can."""
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(rename(here, os.fsencode(first), here, os.fsencode(second), exchange) == 0)


def settle(finished: Path, path: Path) -> None:
    """Bring a file or a folder to the disk, then rename it to `path`. Raises StoreError."""
    with _told(path):
        flush_to_disk(finished)
        finished.replace(path)
        _flush(path.parent)


def flush_to_disk(path: Path) -> None:
    """Bring a file, or a folder with all that is in it, to the disk: after a power cut it is there."""
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            _flush(inner)
    _flush(path)


def leftovers(path: Path) -> list[Path]:
    """Return what killed processes left of writing `path`. To be asked where no other process is at it."""
    return sorted(path.parent.glob(f".{path.name}.*{PARTIAL}"))


def _beside(path: Path) -> Path:
    # Threads have one process number, and so may the processes of two containers.
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{PARTIAL}")


def _holds(path: Path, content: bytes) -> bool:
    """Say whether a file holds just that; one that cannot be read does not."""
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
