"""Model resolution: identity, dtype, device, and what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import CHAT_TEMPLATE, make_tiny_model
from udasa_core import ModelRef
from udasa_core.errors import SourceError
from udasa_core.export.licence import licence_of
from udasa_core.models import hardware
from udasa_core.models.resolve import check_model, check_model_folder, resolve_encoder, resolve_model
from udasa_core.sources.model_folder import chat_template_hash


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path, tiny_model_dir: Path) -> Path:
    """A copy of the tiny model that a test may change."""
    return shutil.copytree(tiny_model_dir, tmp_path / "model")


def resolved(folder: Path, dtype: str = "float32", quantization: str = "none") -> ModelRef:
    return resolve_model(
        f"file:{folder}", root=Path("/"), dtype=dtype, device="cpu", quantization=quantization
    )


def test_the_same_bytes_elsewhere_are_the_same_model(folder: Path, tmp_path: Path) -> None:
    here, there = resolved(folder), resolved(shutil.copytree(folder, tmp_path / "there"))
    assert here == there
    assert here.key == there.key
    assert (here.folder, there.folder) == (str(folder), str(tmp_path / "there"))


def test_other_weights_template_dtype_or_quantisation_are_another_model(folder: Path, tmp_path: Path) -> None:
    refs = [resolved(folder), resolved(folder, dtype="bfloat16"), resolved(folder, quantization="4bit")]
    refs.append(resolved(make_tiny_model(tmp_path / "seed", seed=1)))
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    refs.append(resolved(folder))
    assert len({ref.key for ref in refs}) == len(refs)


def test_the_template_s_hash_is_of_its_text_wherever_it_lies(folder: Path) -> None:
    expected = hashlib.sha256(CHAT_TEMPLATE.encode()).hexdigest()
    assert chat_template_hash(folder) == expected
    (folder / "chat_template.jinja").unlink()
    assert resolved(folder).template == ""
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": CHAT_TEMPLATE}))
    assert chat_template_hash(folder) == expected


def test_an_encoder_has_no_template(folder: Path) -> None:
    ref = resolve_encoder(f"file:{folder}", root=Path("/"), dtype="float32", device="cpu")
    assert (ref.template, ref.revision) == ("", resolved(folder).revision)


@pytest.mark.parametrize(
    ("info", "dtype"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile\n", "bfloat16"),
        ("flags\t\t: fpu avx512f amx_bf16\n", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f\nbugs : bf16\n", "float32"),
        ("Features\t: fp asimd bf16 i8mm\n", "bfloat16"),
        ("Features\t: fp asimd\n", "float32"),
        ("", "float32"),
    ],
)
def test_dtype_on_a_processor(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: str, dtype: str
) -> None:
    (tmp_path / "cpuinfo").write_text(info)
    monkeypatch.setattr(hardware, "_CPU_INFO", tmp_path / "cpuinfo")
    assert resolved(folder, dtype="auto").dtype == dtype


def test_without_cpuinfo_and_on_mps_it_is_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_CPU_INFO", tmp_path / "none")
    assert hardware.best_dtype("cpu") == hardware.best_dtype("mps") == "float32"


def test_a_gpu_is_asked_of_torch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    asked: list[str] = []

    def is_available() -> bool:
        asked.append("device")
        return True

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    for _ in range(2):
        assert hardware.best_device() == "cuda"
        assert hardware.best_dtype("cuda:1") == "bfloat16"
    assert asked == ["device"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    hardware.best_device()
    assert asked == ["device", "device"]


def test_torch_is_asked_once_on_a_machine(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from udasa_core.models.resolve import resolve_model\n"
        f"ref = resolve_model('file:{folder}', root=Path('/'))\n"
        "print(ref.device, ref.dtype, 'torch' in sys.modules)"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert [imported for *_, imported in told] == ["True", "False"]
    assert told[0][:2] == told[1][:2]


@pytest.mark.parametrize(
    ("gone", "added", "message"),
    [
        ("model.safetensors", "pytorch_model.bin", "can run code when loaded"),
        ("model.safetensors", "x.gguf", r"did you mean 'file:.*x\.gguf'"),
        ("model.safetensors", "notes", "holds no model.safetensors"),
        ("config.json", "notes", "holds no config.json"),
        ("config.json", "adapter_config.json", "holds an adapter, not a model"),
        ("tokenizer.json", "notes", "holds no tokenizer"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(folder: Path, gone: str, added: str, message: str) -> None:
    (folder / gone).unlink()
    (folder / added).touch()
    with pytest.raises(SourceError, match=message):
        resolved(folder)
    assert len(check_model(f"file:{folder}", Path("/"))) == 1


def test_a_missing_shard_and_a_broken_index_are_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(SourceError, match=r"lacks model-00002-of-00002\.safetensors"):
        check_model_folder(folder)
    (folder / "model-00002-of-00002.safetensors").touch()
    check_model_folder(folder)
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(SourceError, match="no index of weights"):
        check_model_folder(folder)


def test_every_fault_of_a_folder_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "config.json").write_text("{")
    messages = " | ".join(" ".join(fault) for fault in check_model("file:.", tmp_path))
    for part in ("no config.json", "did you mean 'file:", "no model.safetensors", "no tokenizer"):
        assert part in messages
    assert "not valid JSON" in check_model("file:inner", tmp_path)[0][0]


def test_static_checks_of_a_model_source(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert "is no folder" in check_model("file:a.txt", tmp_path)[0][0]
    assert "there is no" in check_model("file:missing", tmp_path)[0][0]
    assert "ships no model" in check_model("builtin:quickstart", tmp_path)[0][0]
    assert check_model("hf:org/name@main", tmp_path) == []


@pytest.mark.parametrize(
    ("readme", "licence"),
    [
        ("---\nlanguage: en\nlicense: apache-2.0\ntags:\n- x\n---\n# Model\nlicense: mit\n", "apache-2.0"),
        ('---\nlicense: "mit"\n---\n', "mit"),
        ("---\nlicense: other\nlicense_name: own-terms\n---\n", "own-terms"),
        ("---\nlanguage: en\n---\nlicense: mit\n", "unknown"),
        ("# Model\nlicense: mit\n", "unknown"),
    ],
)
def test_the_licence_is_what_the_model_s_readme_states(folder: Path, readme: str, licence: str) -> None:
    (folder / "README.md").write_text(readme)
    ref = resolved(folder)
    assert (licence_of(ref), ref.called) == (licence, "model")


def test_what_a_card_says_of_a_model_from_the_hub_or_from_nowhere(folder: Path) -> None:
    def ref(source: str) -> ModelRef:
        return ModelRef(source, "r", "float32", "", folder=str(folder))

    assert ref("hf:org/name@main").called == "org/name"
    assert (ref("file:moved").called, licence_of(ref("file:moved"))) == ("model", "unknown")
