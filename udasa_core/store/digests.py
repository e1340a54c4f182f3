"""What each file of a store held when it was written: a SHA-256 a file, compared whenever it is used.

They lie in `.digests` under the store, in the lines of `sha256sum`, a folder's files together. A flipped bit,
in a file or in what is noted of it, makes the two differ: it is told, and never taken for data.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from udasa_core.errors import StoreError
from udasa_core.files.digest import file_digest
from udasa_core.files.whole import write_whole

_FOLDER = ".digests"
_DAMAGED = "is damaged: it does not hold what was written"
_UNKNOWN = "is of unknown origin: the store has no digest of it"


class Digests:
    """The digests of one store's files.

    undigested: a file that nothing is noted of is taken as it is (stores of earlier formats have no notes).
    """

    def __init__(self, root: Path, *, undigested: bool = False) -> None:
        self._root = root
        self._undigested = undigested

    def note_file(self, path: Path, content: Path) -> bool:
        """Note what the file `path` is about to hold: what `content` holds now. Raises OSError.

        Two processes that make one output at once may end with either's bytes, so each adds its own line.
        Returns whether something else was noted before.
        """
        line = _line(file_digest(content), path.name) + "\n"
        note = self._note(path)
        known = _text(note)
        if line in known.splitlines(keepends=True):
            return False
        note.parent.mkdir(parents=True, exist_ok=True)
        with note.open("a", encoding="utf-8") as file:
            # A kill may have left half a line.
            file.write(line if not known or known.endswith("\n") else f"\n{line}")
            file.flush()
            os.fsync(file.fileno())
        return bool(known)

    def note_folder(self, path: Path, content: Path) -> None:
        """Note what the folder `path` is about to hold: every file in `content`. Raises OSError and
        StoreError."""
        write_whole(self._note(path), "".join(_lines(content)))

    def has(self, path: Path) -> bool:
        """Say whether anything is noted of a file or a folder."""
        return self._note(path).exists()

    def forget(self, path: Path) -> None:
        """Note nothing of a file or a folder any more. Raises OSError."""
        self._note(path).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Note nothing of what is no more there. To be asked where nobody writes to the store."""
        for note in (self._root / _FOLDER).glob("*/*"):
            if not (self._root / note.parent.name / note.name).exists():
                note.unlink()

    def fault(self, path: Path) -> str:
        """Say how a file or a folder that is there differs from what was written; "" where it does not."""
        noted = _text(self._note(path))
        if not noted:
            return "" if self._undigested else _UNKNOWN
        try:
            if path.is_dir():
                return "" if noted == "".join(_lines(path)) else _DAMAGED
            return "" if _line(file_digest(path), path.name) in noted.splitlines() else _DAMAGED
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"

    def read(self, path: Path) -> bytes:
        """Return the bytes of a file. Raises StoreError where they are not those that were written."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror or error}); run again") from error
        noted = _text(self._note(path))
        _, top, *inner = path.relative_to(self._root).parts
        line = _line(hashlib.sha256(content).hexdigest(), "/".join(inner) or top)
        if line in noted.splitlines() or (not noted and self._undigested):
            return content
        raise StoreError(f"{path} {told(_DAMAGED if noted else _UNKNOWN)}")

    def _note(self, path: Path) -> Path:
        """Return where the digest of a file lies, and of all files of a folder in one."""
        step, name, *_ = path.relative_to(self._root).parts
        return self._root / _FOLDER / step / name


def told(fault: str) -> str:
    """Return a fault with what to do."""
    return f"{fault}; run the same configuration again, which makes it anew"


def check_noted(path: Path) -> None:
    """Raise StoreError where a file lies in a store, and is not what was written there.

    For readers who are given a path alone; files that lie elsewhere are taken as they are.
    """
    root = path.parent.parent
    if (root / _FOLDER / path.parent.name / path.name).exists():
        fault = Digests(root).fault(path)
        if fault:
            raise StoreError(f"{path} {told(fault)}")


def _lines(folder: Path) -> list[str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [_line(file_digest(file), file.relative_to(folder).as_posix()) + "\n" for file in files]


def _line(sha256: str, name: str) -> str:
    return f"{sha256}  {name}"


def _text(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
