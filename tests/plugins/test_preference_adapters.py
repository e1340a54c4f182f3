"""The adapter: fresh or continued, float32, the same bytes everywhere, and free of this machine's paths."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from tests.plugins.preferences import make_pairs, train, write_pairs
from udasa_core import Adapter, ModelRef, Report, UdasaError, adapter_digest
from udasa_plugin_preference.adapters import load_trainable
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.options import PreferenceOptions


@pytest.fixture(scope="module")
def report(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("adapters")
    pairs = write_pairs(folder / "pairs.parquet", make_pairs(4))
    policy = replace(tiny_ref, source="pypi:tiny==1/model")
    return train(DPO, pairs, policy, folder / "out")


def test_the_report_names_the_adapter_by_its_bytes(report: Report) -> None:
    (adapter,) = report.policy.adapters
    weights = Path(adapter.folder) / "adapter_model.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == adapter.sha256
    assert sorted(path.name for path in weights.parent.iterdir()) == ["adapter_config.json", weights.name]


def test_the_configuration_tells_the_source_and_no_path(report: Report) -> None:
    (adapter,) = report.policy.adapters
    text = (Path(adapter.folder) / "adapter_config.json").read_text()
    config = json.loads(text)
    assert config["base_model_name_or_path"] == "pypi:tiny==1/model"
    assert config["target_modules"] == sorted(config["target_modules"])
    assert report.policy.folder not in text


def test_a_fresh_adapter_changes_nothing_yet(tiny_ref: ModelRef) -> None:
    model = load_trainable(tiny_ref, PreferenceOptions(rank=2), seed=1)
    ids = torch.arange(3, 30)[None]
    with torch.no_grad():
        adapted = model(ids).logits
        with model.disable_adapter():
            assert torch.equal(adapted, model(ids).logits)


def test_a_fresh_adapter_is_drawn_from_the_seed(tiny_ref: ModelRef) -> None:
    def drawn(seed: int) -> torch.Tensor:
        model = load_trainable(tiny_ref, PreferenceOptions(rank=2), seed)
        return next(p.detach() for name, p in model.named_parameters() if "lora_A" in name)

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_a_later_stage_goes_on_with_the_adapter_in_float32(report: Report) -> None:
    policy = replace(report.policy, dtype="bfloat16")
    model = load_trainable(policy, PreferenceOptions(rank=4, alpha=8), seed=1)
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert trainable
    assert all(".default." in name and p.dtype == torch.float32 for name, p in trainable.items())
    assert any("lora_B" in name and bool(p.any()) for name, p in trainable.items())
    assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rank": 2, "alpha": 8}, "rank is 4, not 2"),
        ({"rank": 4, "alpha": 16}, "alpha is 8.0, not 16.0"),
        ({"rank": 4, "alpha": 8, "targets": ["q_proj"]}, r"targets is \[.*\], not \['q_proj'\]"),
    ],
)
def test_an_adapter_cannot_change_its_shape(options: dict[str, object], told: str, report: Report) -> None:
    with pytest.raises(UdasaError, match=told):
        load_trainable(report.policy, PreferenceOptions.model_validate(options), seed=1)


def test_targets_choose_the_modules(tiny_ref: ModelRef) -> None:
    model = load_trainable(tiny_ref, PreferenceOptions(targets=("q_proj", "v_proj")), seed=1)
    names = {name.split(".")[-4] for name, p in model.named_parameters() if p.requires_grad}
    assert names == {"q_proj", "v_proj"}


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_four_bits_without_bitsandbytes_is_a_clear_error(tiny_ref: ModelRef) -> None:
    with pytest.raises(UdasaError, match="pip install bitsandbytes"):
        load_trainable(tiny_ref, PreferenceOptions(quantize="4bit"), seed=1)


def test_a_misspelt_target_beside_a_right_one_is_named(tiny_ref: ModelRef) -> None:
    with pytest.raises(UdasaError, match=r"no module 'v_porj'; did you mean \"v_proj\""):
        load_trainable(tiny_ref, PreferenceOptions(targets=("q_proj", "v_porj")), seed=1)
    load_trainable(tiny_ref, PreferenceOptions(targets=("q_proj", "v_proj")), seed=1)


@pytest.mark.parametrize("targets", [("mlp",), ("q_proj", "input_layernorm"), ("q_proj", "0")], ids=str)
def test_a_target_that_is_no_linear_map_is_refused_with_those_that_are(
    tiny_ref: ModelRef, targets: tuple[str, ...]
) -> None:
    with pytest.raises(UdasaError, match="name some of down_proj, gate_proj, k_proj, o_proj, q_proj, up"):
        load_trainable(tiny_ref, PreferenceOptions(targets=targets), seed=1)


@pytest.mark.parametrize("target", ["Q_proj", "q_proj ", "proj"])
def test_a_single_misspelt_target_is_named_too(tiny_ref: ModelRef, target: str) -> None:
    with pytest.raises(UdasaError, match=f"no module '{target}'"):
        load_trainable(tiny_ref, PreferenceOptions(targets=(target,)), seed=1)


@pytest.mark.parametrize("changed", ["a missing layer", "another prefix", "another use"])
def test_a_stage_goes_on_with_no_adapter_that_does_not_fit(
    report: Report, tmp_path: Path, changed: str
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "adapter"
    shutil.copytree(report.policy.adapters[0].folder, folder)
    weights, config = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    found = load_file(weights)
    if changed == "a missing layer":
        found = {key: tensor for key, tensor in found.items() if "layers.1" not in key}
    if changed == "another prefix":
        found = {f"module.{key}": tensor for key, tensor in found.items()}
    save_file(found, weights)
    if changed == "another use":
        config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    policy = replace(report.policy, adapters=(Adapter(adapter_digest(folder), str(folder)),))
    with pytest.raises(UdasaError, match="does not fit this model"):
        load_trainable(policy, PreferenceOptions(rank=4, alpha=8), seed=1)


def test_tied_weights_are_no_target(tiny_ref: ModelRef, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(tiny_ref.folder, tmp_path / "tied"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    policy = replace(tiny_ref, folder=str(folder))
    with pytest.raises(UdasaError, match="weights of embed_tokens are the model's embeddings and its head"):
        load_trainable(policy, PreferenceOptions(targets=("q_proj", "embed_tokens")), seed=1)
