"""A file system on which a store cannot be worked with is named before anything is made."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core.errors import StoreError
from udasa_core.files import whole
from udasa_core.store.shared_disk import check_disk, mark_fault, marked


def test_a_good_disk_is_left_as_it_was(tmp_path: Path) -> None:
    check_disk(tmp_path)
    with marked(tmp_path) as mark:
        assert mark_fault(tmp_path, mark) == ""
        assert [path.name for path in tmp_path.iterdir()] == [mark]
    assert not list(tmp_path.iterdir())


def test_locks_that_keep_nobody_out_are_found_before_sampling(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some network mounts have them: every lock is granted."""
    monkeypatch.setattr(fcntl, "flock", lambda descriptor, operation: None)
    calls.clear()
    with pytest.raises(StoreError, match="locks keep nobody out on its file system"):
        udasa_core.run(configuration(tmp_path, tiny_model_dir))
    assert not calls


def test_a_disk_without_locks_is_named_before_sampling(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    calls.clear()
    with pytest.raises(StoreError, match="cannot be locked: Function not implemented"):
        udasa_core.run(configuration(tmp_path, tiny_model_dir))
    assert not calls


def test_renames_that_copy_and_keep_the_old_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some object stores behind a mount: what is there stays."""
    real = Path.replace

    def replace(self: Path, target: Any) -> Path:
        return Path(target) if Path(target).exists() else real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(StoreError, match="a rename does not replace what is there"):
        check_disk(tmp_path)
    assert not list(tmp_path.iterdir())


def test_renames_of_folders_that_are_refused_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(self: Path, target: Any) -> Path:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(whole, "_exchanged", lambda first, second: False)
    with pytest.raises(StoreError, match="cannot be written: Operation not supported"):
        check_disk(tmp_path)


def test_a_worker_that_sees_another_store_says_so(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    with marked(ours) as mark:
        assert mark_fault(theirs, mark) == f"there is another store at {theirs}, or none"
        (theirs / mark).write_text("12 .disk-of-another-run")
        assert mark_fault(theirs, mark) == f"the store at {theirs} is another one there"
        # A copy: the text is the same, and nobody holds its lock.
        shutil.copy(ours / mark, theirs / mark)
        assert "do not hold from one machine to another" in mark_fault(theirs, mark)
        assert mark_fault(ours, mark) == ""
