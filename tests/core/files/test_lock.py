"""Locks: refused or waited for while another process holds them, free again however that one ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from udasa_core.errors import LockedError, StoreError
from udasa_core.files.lock import in_use, locked, unused

_HOLDER = """
import sys, time
from pathlib import Path
from udasa_core.files import lock
with getattr(lock, sys.argv[1])(Path(sys.argv[2]), "held by another"):
    print("held", flush=True)
    time.sleep(300)
"""


@contextmanager
def held(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold a lock; it is killed at the end, as no handler of its own could run."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, kind, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_lock_of_another_process_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    path = tmp_path / "run" / ".lock"
    with held("locked", path) as process:
        for _ in range(2):  # a refusal changes nothing
            with pytest.raises(LockedError, match=rf"^busy \(process {process.pid}\)$"), locked(path, "busy"):
                pass
    with locked(path, "busy"):
        pass


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with held("locked", path) as process:
        threading.Timer(0.3, process.kill).start()
        began = time.monotonic()
        with locked(path, "busy", wait=True):
            assert time.monotonic() - began > 0.2


def test_a_lock_is_held_once_in_a_process(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path, "busy"), pytest.raises(LockedError), locked(path, "busy"):
        pass
    with locked(path, "busy"):
        pass


def test_users_share_and_keep_out_whoever_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "store" / ".in-use"
    with (
        held("in_use", path),
        in_use(path, "busy"),
        in_use(path, "busy"),
        pytest.raises(LockedError, match=r"^a run uses it$"),
        unused(path, "a run uses it"),
    ):
        pass
    with unused(path, "a run uses it"):
        pass


def test_nobody_uses_what_is_held_alone(tmp_path: Path) -> None:
    path = tmp_path / ".in-use"
    with held("unused", path):
        for ask in (in_use, unused):
            with pytest.raises(LockedError, match=r"^being cleaned$"), ask(path, "being cleaned"):
                pass
    with in_use(path, "being cleaned"):
        pass


@pytest.mark.parametrize("ask", [locked, in_use, unused])
def test_a_place_that_cannot_hold_a_lock_is_told(tmp_path: Path, ask: object) -> None:
    assert callable(ask)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be locked"), ask(tmp_path / "file" / ".lock", "busy"):
        pass


@pytest.mark.parametrize("kind", [locked, in_use, unused])
def test_a_lock_that_is_a_link_is_refused_and_its_target_left_alone(tmp_path: Path, kind: Any) -> None:
    (tmp_path / "precious").write_text("words")
    (tmp_path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match="is a link"), kind(tmp_path / ".lock", "busy"):
        pass
    assert (tmp_path / "precious").read_text() == "words"
