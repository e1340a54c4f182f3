"""Digests of a store's files: what was changed is told, is not data, and is made anew."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from tests.canned import response
from udasa_core.errors import StoreError
from udasa_core.records import Message, Pair, Prompt
from udasa_core.store.digests import Digests
from udasa_core.store.store import Store
from udasa_core.store.tables import pairs_table, read_pairs

TABLE = pa.table({"a": list(range(100)), "b": ["text"] * 100})


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(content))


def test_no_flipped_bit_of_a_table_is_other_data(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table("score", "k", TABLE)
    path = store.path("score", "k")
    whole, draw = path.read_bytes(), Random(7)
    for _ in range(300):
        flip(path, draw.randrange(8 * len(whole)))
        assert not store.is_whole("score", "k")
        for read in (store.read_table, store.read_metadata):
            with pytest.raises(StoreError, match="is damaged"):
                read("score", "k")
        path.write_bytes(whole)
    assert store.read_table("score", "k") == TABLE


def test_no_flipped_bit_of_a_note_makes_damage_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_json("fit", "k", {"a": 1})
    note = tmp_path / ".digests" / "fit" / "k.json"
    whole = note.read_bytes()
    for bit in range(8 * len(whole)):
        flip(note, bit)
        assert not store.is_whole("fit", "k", ".json") or note.read_text().split() == whole.decode().split()
        note.write_bytes(whole)
    assert store.read_json("fit", "k") == {"a": 1}


def test_an_edited_state_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_json("fit", "k", {"mean": 0.25})
    path = store.path("fit", "k", ".json")
    path.write_text(path.read_text().replace("0.25", "0.75"))
    with pytest.raises(StoreError, match="is damaged"):
        store.read_json("fit", "k")


def test_what_is_damaged_is_told_and_what_is_made_anew_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    store.write_json("fit", "k", {"a": 1})
    flip(store.path("fit", "k", ".json"), 11)
    with caplog.at_level(logging.WARNING):
        assert not store.is_whole("fit", "k", ".json")
    assert "k.json is damaged" in caplog.text
    assert "made anew" in caplog.text
    store.write_json("fit", "k", {"a": 1})
    assert store.is_whole("fit", "k", ".json")


def trained(store: Store) -> Path:
    with store.folder("train", "k") as working:
        assert working is not None
        (working / "adapter").mkdir()
        (working / "adapter" / "adapter_model.safetensors").write_bytes(b"weights")
        (working / "adapter" / "adapter_config.json").write_text('{"lora_alpha": 8}')
        store.write_json("train", "k.partial/stage", {"adapter": "abc"})
        return store.finish_folder("train", "k")


@pytest.mark.parametrize("change", ["alter", "delete", "add", "rename"])
def test_every_file_of_a_folder_counts(tmp_path: Path, change: str) -> None:
    store = Store(tmp_path)
    folder = trained(store)
    assert store.is_whole("train", "k", "")
    assert store.read_json("train", "k/stage") == {"adapter": "abc"}
    config = folder / "adapter" / "adapter_config.json"
    if change == "alter":
        config.write_text('{"lora_alpha": 800}')
    elif change == "delete":
        config.unlink()
    elif change == "add":
        (folder / "adapter" / "adapter_model.bin").write_bytes(b"pickle")
    else:
        config.rename(folder / "adapter" / "other.json")
    assert not store.is_whole("train", "k", "")
    assert trained(store) == folder, "made anew in its place"
    assert store.is_whole("train", "k", "")


def test_a_report_in_a_folder_is_compared_when_it_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (trained(store) / "stage.json").write_text('{"adapter": "abd"}')
    with pytest.raises(StoreError, match="is damaged"):
        store.read_json("train", "k/stage")


def test_a_file_without_a_digest_is_nobody_s(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_table("sample", "k", TABLE)
    shutil.rmtree(tmp_path / ".digests")
    assert not store.is_whole("sample", "k")
    with pytest.raises(StoreError, match="unknown origin"):
        store.read_table("sample", "k")
    # Runs of earlier formats are read as they are, and their samples may be taken.
    assert Store(tmp_path, undigested=True).read_table("sample", "k") == TABLE
    assert store.take("sample", "k")
    assert store.is_whole("sample", "k")
    flip(store.path("sample", "k"), 99)
    assert not store.take("sample", "k"), "it has a digest now"


def test_two_writers_of_one_output_may_both_have_been_right(tmp_path: Path) -> None:
    digests, path = Digests(tmp_path), tmp_path / "sample" / "k.json"
    path.parent.mkdir()
    for content in ("one", "other"):
        path.write_text(content)
        digests.note_file(path, path)
    note = tmp_path / ".digests" / "sample" / "k.json"
    note.write_text(note.read_text() + "half a li")
    path.write_text("third")
    assert digests.fault(path)
    digests.note_file(path, path)
    for content in ("one", "other", "third"):
        path.write_text(content)
        assert digests.fault(path) == ""


def test_pairs_that_trainers_are_given_are_compared(tmp_path: Path) -> None:
    prompt = Prompt("p", (Message("user", "q"),))
    pair = Pair(prompt, (1,), response("a"), response("b"), 0.5, 0.25, 0.75, "gap")
    store = Store(tmp_path / "store")
    store.write_table("stage", "k", pairs_table([pair]))
    path = store.path("stage", "k")
    assert [one.gap for one in read_pairs(path)] == [0.5]
    shutil.copy(path, tmp_path / "elsewhere.parquet")
    flip(path, 8 * 40)
    with pytest.raises(StoreError, match="is damaged"):
        list(read_pairs(path))
    assert [one.gap for one in read_pairs(tmp_path / "elsewhere.parquet")] == [0.5]


def test_what_is_made_anew_and_is_something_else_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    for number in (1, 1):
        store.write_json("fit", "k", {"a": number})
    assert caplog.text == ""
    store.write_json("fit", "k", {"a": 2})
    assert "holds something else now" in caplog.text
    assert store.read_json("fit", "k") == {"a": 2}
