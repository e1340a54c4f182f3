"""What appears is whole: a kill at any instant leaves the old file or folder, or the new one."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from udasa_core.errors import StoreError
from udasa_core.files import whole
from udasa_core.files.whole import leftovers, whole_file, whole_folder, write_whole

# Kills its own process at the n-th call to the system that writing makes: no handler of any kind runs.
_KILLED = """
import os, signal, sys
from pathlib import Path
from udasa_core.files.whole import whole_file, whole_folder, write_whole

count, place, what = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
calls = 0

def kill(event, arguments):
    global calls
    if not ready or event not in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
        return
    calls += 1
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)

ready = False
sys.addaudithook(kill)
ready = True
if what == "file":
    write_whole(place, "new" * 1000)
else:
    with whole_folder(place) as folder:
        (folder / "a").write_text("new")
        (folder / "b").write_text("new")
ready = False
"""


def killed_at(count: int, place: Path, what: str) -> bool:
    """Write `place` in a process that is killed at its n-th call; return whether it came to be killed."""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(count), str(place), what], capture_output=True, check=False
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


@pytest.mark.parametrize("before", [None, "old"])
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path, before: str | None) -> None:
    place = tmp_path / "state.json"
    count = 0
    killed = True
    while killed:
        count += 1
        place.unlink(missing_ok=True)
        if before is not None:
            place.write_text(before)
        killed = killed_at(count, place, "file")
        found = place.read_text() if place.exists() else None
        assert found in (before, "new" * 1000), f"killed at call {count}"
    assert count > 3, "no call was seen"
    assert found == "new" * 1000
    assert {path.name for path in tmp_path.iterdir()} - {"state.json"} <= {
        path.name for path in leftovers(place)
    }


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_kill_leaves_the_old_folder_or_the_new_one(tmp_path: Path, is_replaced: bool) -> None:
    count = 0
    killed = True
    while killed:
        count += 1
        place = tmp_path / str(count) / "model"
        if is_replaced:
            place.mkdir(parents=True)
            (place / "old").write_text("old")
        killed = killed_at(count, place, "folder")
        names = sorted(path.name for path in place.iterdir()) if place.exists() else []
        aside = list(place.parent.glob(".*.old")) if place.parent.exists() else []
        # Between two renames there is none, and the old one lies whole beside it. Linux needs but one.
        assert not aside or not sys.platform.startswith("linux")
        wanted = (["a", "b"], ["old"]) if is_replaced and not aside else (["a", "b"], [])
        assert names in wanted, f"killed at call {count}"
        if is_replaced and not names:
            assert [path.name for path in aside[0].iterdir()] == ["old"]
    assert count > 5, "no call was seen"
    assert names == ["a", "b"]
    assert [path.name for path in place.parent.iterdir()] == ["model"]


def test_what_a_kill_left_is_found_by_name(tmp_path: Path) -> None:
    place = tmp_path / "model"
    (tmp_path / ".model.123.partial").mkdir()
    (tmp_path / ".other.123.partial").mkdir()
    assert [path.name for path in leftovers(place)] == [".model.123.partial"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    write_whole(file, "old")
    with whole_folder(folder) as partial:
        (partial / "old").write_text("old")
    with pytest.raises(RuntimeError), whole_file(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError("stopped")
    with pytest.raises(RuntimeError), whole_folder(folder) as partial:
        (partial / "new").write_text("half")
        raise RuntimeError("stopped")
    assert file.read_text() == "old"
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_text_is_written_as_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b", "ü\r\n\n")
    assert (tmp_path / "a" / "b").read_bytes() == "ü\r\n\n".encode()
    write_whole(tmp_path / "a" / "b", b"\xff")
    assert (tmp_path / "a" / "b").read_bytes() == b"\xff"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    full = pytest.raises(StoreError, match="k cannot be written: No space left")
    with full, whole_file(tmp_path / "k") as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_text("x" * 10)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    # root may write anywhere: a file where the folder should be refuses everybody
    (tmp_path / "there").write_text("")
    for write in (whole_file, whole_folder):
        with pytest.raises(StoreError, match="cannot be written"), write(tmp_path / "there" / "k"):
            pass


def test_a_folder_that_cannot_take_its_place_gives_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "model"
    place.mkdir()
    (place / "old").write_text("old")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.startswith(".model.") and self.suffix == ".partial":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr(whole, "_exchanged", lambda *_: False)  # as on a system that cannot
    with pytest.raises(StoreError, match="Input/output"), whole_folder(place) as partial:
        (partial / "new").write_text("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_threads_that_write_one_place_do_not_meet(tmp_path: Path, kind: str) -> None:
    """All of them are at it at once: each has a place of its own, and one of the wholes stays."""
    place, together = tmp_path / "place", Barrier(8)

    def write(number: int) -> None:
        with whole_file(place) as temporary:
            temporary.write_text(f"half of {number}, ")
            together.wait(timeout=30)
            with temporary.open("a") as file:
                file.write(f"all of {number}")

    def fill(number: int) -> None:
        with whole_folder(tmp_path / f"of {number}") as temporary:
            (temporary / "a").write_text(str(number))
            together.wait(timeout=30)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write if kind == "file" else fill, range(8)))
    if kind == "file":
        number = place.read_text()[-1]
        assert place.read_text() == f"half of {number}, all of {number}"
        assert [path.name for path in tmp_path.iterdir()] == ["place"]
    else:
        assert sorted((path / "a").read_text() for path in tmp_path.iterdir()) == list("01234567")


def test_processes_of_one_number_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two containers on one disk: each has a process 7."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    with whole_file(tmp_path / "place") as one, whole_file(tmp_path / "place") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "place").read_text() == "one"
