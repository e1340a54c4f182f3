"""Digests: what moves them, what does not, and what is remembered."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from udasa_core.errors import SourceError
from udasa_core.progress import Advance
from udasa_core.sources.cache import cache_root
from udasa_core.sources.digests import adapter_digest, digest

LARGE = b"0123456789abcdef" * 100_000


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Reads:
    """Counts the files that are read."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @contextmanager
    def __call__(self, name: str, total: int | None) -> Iterator[Advance]:
        self.names.append(name)
        yield lambda count: None


def large(path: Path, content: bytes = LARGE) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    time.sleep(0.15)  # older than the grain of timestamps
    return path


def test_a_file_s_digest_is_its_sha256_and_is_remembered(tmp_path: Path) -> None:
    path, reads = large(tmp_path / "w.safetensors"), Reads()
    for _ in range(3):
        assert digest(path, progress=reads) == hashlib.sha256(LARGE).hexdigest()
    assert len(reads.names) == 1


def test_a_changed_file_is_read_again_even_with_its_old_time(tmp_path: Path) -> None:
    path, reads = large(tmp_path / "w.safetensors"), Reads()
    before, stat = digest(path, progress=reads), path.stat()
    path.write_bytes(LARGE[::-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert digest(path, progress=reads) != before
    assert len(reads.names) == 2


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"a" * 63, b"g" * 64])
def test_a_damaged_memo_is_no_digest(tmp_path: Path, damage: bytes) -> None:
    path = large(tmp_path / "w.safetensors")
    digest(path)
    (memo,) = (cache_root() / "digests").iterdir()
    memo.write_bytes(damage)
    assert digest(path) == hashlib.sha256(LARGE).hexdigest()
    assert memo.read_text() == hashlib.sha256(LARGE).hexdigest()


def test_a_folder_counts_by_names_and_contents_of_its_model_files(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    large(folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    before = digest(folder)
    (folder / "README.md").write_text("read me")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.json").write_text("{}")
    (folder / "optimizer.pt").write_bytes(b"pickle")
    assert digest(folder) == before
    assert digest(shutil.copytree(folder, tmp_path / "elsewhere")) == before
    (folder / "config.json").rename(folder / "other.json")
    renamed = digest(folder)
    (folder / "other.json").write_text("{ }")
    assert len({before, renamed, digest(folder)}) == 3


def test_a_link_counts_by_what_it_points_at(tmp_path: Path) -> None:
    blob = large(tmp_path / "blob")
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(blob)
    plain = tmp_path / "plain"
    large(plain / "model.safetensors")
    assert digest(folder) == digest(plain)


def test_an_empty_or_missing_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        with pytest.raises(SourceError, match=name):
            digest(tmp_path / name)


def test_a_cache_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    assert digest(large(tmp_path / "w.safetensors")) == hashlib.sha256(LARGE).hexdigest()


def adapter(folder: Path, weights: bytes = b"weights", **settings: object) -> Path:
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(weights)
    plain = {"r": 4, "lora_alpha": 64, "target_modules": ["q_proj", "v_proj"], **settings}
    (folder / "adapter_config.json").write_text(json.dumps(plain))
    return folder


@pytest.mark.parametrize(
    "settings", [{"lora_alpha": 8}, {"use_rslora": True}, {"target_modules": ["q_proj"]}]
)
def test_an_adapter_is_its_weights_and_what_its_configuration_makes_of_them(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    one = adapter_digest(adapter(tmp_path / "one"))
    assert adapter_digest(adapter(tmp_path / "other", **settings)) != one
    assert adapter_digest(adapter(tmp_path / "third", weights=b"others")) != one
    # Where its base lay, and in which order a set was written, change nothing.
    moved = adapter(tmp_path / "moved", base_model_name_or_path="/there", target_modules=["v_proj", "q_proj"])
    assert adapter_digest(moved) == one
