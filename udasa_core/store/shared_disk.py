"""What a store needs of its file system, asked before anything is written: locks that keep others out, and
renames that replace.

And what workers on other machines need: the same store at the same path, where locks hold between machines.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from udasa_core.errors import LockedError, StoreError
from udasa_core.files.lock import locked
from udasa_core.files.whole import is_read_only, whole_folder, write_whole

_PLACE = ".disk"
_NEEDED = "A store needs locks and atomic renames (docs/scale.md): name another place by store.path"


def check_disk(root: Path) -> None:
    """Raise StoreError where a store's file system has no locks, has some that keep nobody out, or does not
    put a renamed file, or folder, in the place of another. Where nothing can be written, nothing is asked."""
    if is_read_only(root):
        return
    place = root / f"{_PLACE}-{secrets.token_hex(8)}"
    lock = place.with_suffix(".lock")
    try:
        with locked(lock, "held"), suppress(LockedError), locked(lock, "held"):
            raise StoreError(
                f"{root}: locks keep nobody out on its file system, so that two runs would write over one "
                f"another. {_NEEDED}"
            )
        for content in ("old", "new"):
            write_whole(place / "file", content)
            with whole_folder(place / "folder") as folder:
                (folder / content).write_text(content)
        found = sorted(path.name for path in place.rglob("*"))
        if found != ["file", "folder", "new"] or (place / "file").read_text() != "new":
            raise StoreError(f"{root}: a rename does not replace what is there on its file system. {_NEEDED}")
    except OSError as error:
        raise StoreError(f"{root}: {error.strerror or error}. {_NEEDED}") from error
    finally:
        _remove(lock, place / "file", place / "folder" / "new", place / "folder" / "old")
        for folder in (place / "folder", place):
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def marked(root: Path) -> Iterator[str]:
    """Leave a locked mark in a store, and yield its name, for workers to look for by `mark_fault`.

    Raises StoreError where it cannot be written or locked.
    """
    name = f"{_PLACE}-{secrets.token_hex(16)}"
    place = root / name
    try:
        with locked(place, "held", who=name):
            yield name
    finally:
        _remove(place)


def mark_fault(root: Path, name: str) -> str:
    """Say why a store, as a worker sees it, is not the one in which `marked` left a mark, or cannot be worked
    with from there ("" where it can)."""
    place = root / name
    try:
        noted = place.read_text(encoding="utf-8", errors="replace")
        if not noted.endswith(name):
            return f"the store at {root} is another one there"
        with suppress(LockedError):
            with locked(place, "held"):
                pass
            return f"locks on the file system of {root} do not hold from one machine to another"
        write_whole(place.with_suffix(f".{secrets.token_hex(4)}"), "")
    except FileNotFoundError:
        return f"there is another store at {root}, or none"
    except (OSError, StoreError) as error:
        return f"the store at {root} cannot be worked with: {error}"
    finally:
        _remove(*root.glob(f"{name}.*"))
    return ""


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
