"""The store: whole files or none, readable or refused, locked against a second writer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from udasa_core.errors import StoreError
from udasa_core.store.store import Store, fingerprint, versions

TABLE = pa.table({"a": [1, 2, 3]})


def test_a_fingerprint_knows_step_and_ingredients() -> None:
    one = fingerprint("sample", {"seed": 1})
    assert len(one) == 32
    assert len({one, fingerprint("score", {"seed": 1}), fingerprint("sample", {"seed": 2})}) == 3


def test_a_table_comes_back_with_its_metadata(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.has("pair", "k")
    store.write_table("pair", "k", TABLE, {"refused": {"identical": 2}})
    assert store.read_table("pair", "k").column("a").to_pylist() == [1, 2, 3]
    assert store.read_metadata("pair", "k") == {"refused": {"identical": 2}}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table("pair", "k", TABLE)
    path = store.path("pair", "k")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(StoreError, match="is damaged: it does not hold"):
        store.read_table("pair", "k")
    store.write_json("fit", "k", {"a": [0.5]})
    store.path("fit", "k", ".json").write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        store.read_json("fit", "k")


def test_a_read_only_store_is_told(tmp_path: Path) -> None:
    # root may write anywhere: a file where the folder should be refuses everybody
    (tmp_path / "fit").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path).write_json("fit", "k", {})


def test_a_folder_survives_an_error_and_appears_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError), store.folder("train", "k") as working:
        assert working is not None
        (working / "checkpoint").write_text("half")
        raise RuntimeError("killed")
    with store.folder("train", "k") as working:
        assert working is not None
        assert (working / "checkpoint").read_text() == "half"
        assert not store.has("train", "k", "")
        final = store.finish_folder("train", "k")
    assert (final / "checkpoint").read_text() == "half"
    assert store.has("train", "k", "")


def test_who_wants_what_another_trains_waits_and_takes_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = threading.Event()

    def train() -> None:
        store = Store(tmp_path)
        with store.folder("train", "k", "run first") as working:
            assert working is not None
            begun.set()
            (working / "weights").write_text("trained")
            time.sleep(0.3)
            store.finish_folder("train", "k")

    first = threading.Thread(target=train)
    first.start()
    assert begun.wait(10)
    second = Store(tmp_path)
    with second.folder("train", "k", "run second") as working:
        assert working is None, "it is made already"
    first.join()
    assert second.is_whole("train", "k", "")
    assert not list(tmp_path.glob("train/*.partial"))
    (told,) = caplog.messages
    assert f"another process is training train/k (process {os.getpid()}, run first): waiting" in told


def test_cleaning_takes_what_is_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table("pair", "keep", TABLE)
    store.write_table("pair", "drop", TABLE)
    store.write_json("fit", "drop", {})
    with store.folder("train", "drop") as working:
        assert working is not None
        (working / "weights").write_text("1234567890")
    (tmp_path / "pair" / ".keep.parquet.123.partial").write_text("left by a kill")
    assert store.clean({("pair", "keep")}, dry_run=True)[0] == 5
    assert store.has("pair", "drop")
    entries, freed = store.clean({("pair", "keep")})
    assert entries == 5
    assert freed > 10
    assert [path.name for path in tmp_path.glob("[!.]*/*")] == ["keep.parquet"]
    assert [path.name for path in tmp_path.glob(".digests/*/*")] == ["keep.parquet"]


def test_versions_are_read_without_importing() -> None:
    code = (
        "import sys; from udasa_core.store.store import versions; print(versions('torch')); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(versions("torch"))
