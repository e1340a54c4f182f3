"""A model's folder: its weights and its code lie in it, and nothing that it names elsewhere is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from udasa_core.errors import SourceError
from udasa_core.models.resolve import resolve_encoder, resolve_model
from udasa_core.sources.model_folder import folder_faults


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path, tiny_model_dir: Path) -> Path:
    """A copy of the tiny model that a test may change."""
    return shutil.copytree(tiny_model_dir, tmp_path / "model")


def sharded(folder: Path, *names: Any) -> Path:
    """Have the weights named by an index."""
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    weights = {f"w{number}": name for number, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    return folder


SHARD = "model-00001-of-00001.safetensors"


def test_plain_shards_in_the_folder_are_weights(folder: Path) -> None:
    assert folder_faults(sharded(folder, SHARD, SHARD)) == []


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "../other/model.safetensors",
        "/other/model.safetensors",
        "inner/model.safetensors",
        "..\\model.safetensors",
        ".hidden.safetensors",
        "model.safetensors.bin",
        "model.SAFETENSORS",
        "https://host/model.safetensors",
        7,
        None,
    ],
)
@pytest.mark.parametrize("resolve", [resolve_model, resolve_encoder])
def test_an_index_names_safetensors_of_its_folder_and_nothing_else(
    folder: Path, name: object, resolve: Any
) -> None:
    sharded(folder, SHARD, name)
    for place in ("pytorch_model.bin", ".hidden.safetensors", "model.SAFETENSORS"):
        (folder / place).write_bytes(b"weights")
    with pytest.raises(SourceError, match="names as weights"):
        resolve(f"file:{folder}", root=Path("/"), dtype="float32", device="cpu")


@pytest.mark.parametrize("name", ["weights.bin", "../w.safetensors", 7])
def test_a_configuration_names_no_other_weights(folder: Path, name: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": name}))
    (folder / "weights.bin").write_bytes(b"pickle")
    assert "names as weights" in folder_faults(folder)[0][0]


def test_a_configuration_s_own_index_is_looked_into(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    named = {**config, "transformers_weights": "other.safetensors.index.json"}
    (folder / "config.json").write_text(json.dumps(named))
    (folder / "other.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": "w.bin"}}))
    assert "names as weights 'w.bin'" in folder_faults(folder)[0][0]


@pytest.mark.parametrize("weights", ["adapter_model.bin", "adapter_model.safetensors"])
def test_an_adapter_beside_the_weights_is_refused(folder: Path, weights: str) -> None:
    (folder / "adapter_config.json").write_text("{}")
    (folder / weights).write_bytes(b"anything")
    assert "holds an adapter beside its weights" in folder_faults(folder)[0][0]


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_another_place_is_refused_where_code_is_run(folder: Path, file: str) -> None:
    plain = json.loads((folder / file).read_text())
    plain["auto_map"] = {"AutoConfig": "own.Config", "AutoTokenizer": ["someone/else--tokenizer.Slow", None]}
    (folder / file).write_text(json.dumps(plain))
    assert folder_faults(folder) == []
    assert "someone/else--tokenizer.Slow" in folder_faults(folder, with_code=True)[0][0]
