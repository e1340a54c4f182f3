"""`peft = "none"`: the model's own weights train, and what a stage leaves is a model."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

import udasa_core
from tests.canned import configuration
from tests.fakes import FakeResources
from tests.plugins.preferences import make_pairs, train, write_pairs
from tests.plugins.test_preference_equivalence import logprob
from tests.plugins.test_preference_resume import Tripwire
from tests.plugins.test_preference_training import summed_logprobs
from udasa_core import Adapter, ModelRef, Report, UdasaError, load, load_causal_lm
from udasa_core.errors import ConfigError, UsageError
from udasa_core.export.model import export_beside, export_merged
from udasa_plugin_preference.adapters import save_model
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.rows import training_order

PAIRS = make_pairs(6)
WHOLE: dict[str, Any] = {"peft": "none", "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", PAIRS)


@pytest.fixture(scope="module")
def first(pairs: Path, tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One step over all pairs, at a rate that does not rise."""
    return train(DPO, pairs, tiny_ref, tmp_path_factory.mktemp("first"), batch=6, warmup=0.0, **WHOLE)


def tensors(policy: ModelRef) -> dict[str, torch.Tensor]:
    return load_file(Path(policy.folder) / "model.safetensors")


def test_what_is_left_is_a_model_of_its_own(first: Report, tiny_ref: ModelRef) -> None:
    folder = Path(first.policy.folder)
    assert (folder.name, first.policy.adapters) == ("model", ())
    assert first.policy.key != tiny_ref.key
    names = {
        path.name for path in Path(tiny_ref.folder).iterdir() if path.suffix in (".json", ".safetensors")
    }
    assert names <= {path.name for path in folder.iterdir()}
    assert not list(folder.parent.glob("tmp*"))
    assert first.metrics["first_loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert first.metrics["trainable_parameters"] == sum(one.numel() for one in tensors(first.policy).values())
    after = summed_logprobs(first.policy, PAIRS)
    assert first.metrics["chosen_logprob_after"] == pytest.approx(float(after[0].mean()), rel=1e-4)
    assert first.metrics["margin_after"] > 0
    # Inference reads it as any other model.
    said = load_causal_lm(first.policy).model(torch.tensor([[5, 6, 7]])).logits
    assert not torch.equal(said, load_causal_lm(tiny_ref).model(torch.tensor([[5, 6, 7]])).logits)


def test_what_is_left_of_the_bases_files_is_what_belongs_to_the_model(
    tiny_ref: ModelRef, tmp_path: Path
) -> None:
    """Other forms of the base's weights are not those that were trained, and may be as large."""
    base = tmp_path / "base"
    shutil.copytree(tiny_ref.folder, base)
    others = ("model.Q4.gguf", "pytorch_model.bin", "pytorch_model.bin.index.json", "onnx/model.onnx")
    others += ("tf_model.h5", "consolidated.safetensors", "original/params.json", "README.md", "state.pt")
    for name in others:
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_text("{}")
    belongs = ("modeling_own.py", "added_tokens.json", "additional_chat_templates/rag.jinja", "LICENSE")
    for name in belongs:
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_text("{}")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "transformers_weights": "named.safetensors"}))
    policy = replace(tiny_ref, folder=str(base))
    save_model(load_causal_lm(tiny_ref).model, policy, tmp_path / "model")
    left = {file.relative_to(tmp_path / "model").as_posix() for file in (tmp_path / "model").rglob("*.*")}
    own = {file.name for file in Path(tiny_ref.folder).glob("*.*")}
    assert set(belongs[:3]) <= left
    assert left & {*others} == set()
    assert {name for name in own if name.endswith((".json", ".safetensors", ".jinja"))} <= left
    assert (tmp_path / "model" / "LICENSE").is_file()
    assert "transformers_weights" not in json.loads((tmp_path / "model" / "config.json").read_text())


def test_a_step_is_that_of_plain_torch_on_all_weights(first: Report, tiny_ref: ModelRef) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_ref.folder, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=WHOLE["learning_rate"], weight_decay=0.0)
    losses = []
    for row in training_order(len(PAIRS), 1.0, 7).tolist():
        pair = PAIRS[row]
        chosen, rejected = (
            logprob(model, pair.prompt_token_ids, side.token_ids) for side in (pair.chosen, pair.rejected)
        )
        gap = (chosen - chosen.detach()) - (rejected - rejected.detach())
        losses.append(-torch.nn.functional.logsigmoid(0.1 * gap))
    torch.stack(losses).mean().backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    assert first.history[0]["grad_norm"] == pytest.approx(float(norm), rel=1e-4)
    found, expected = tensors(first.policy), model.state_dict()
    for name, weight in found.items():
        # AdamW's first step is the rate times a sign where a gradient is not next to nothing.
        different = (weight - expected[name]).abs() > 1e-5
        assert different.float().mean() < 0.01, name
        assert (weight != tensors(tiny_ref)[name]).any(), f"{name} did not move"


def test_the_next_stage_goes_on_from_it_against_either_reference(
    pairs: Path, first: Report, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    ratios = summed_logprobs(first.policy, PAIRS) - summed_logprobs(tiny_ref, PAIRS)
    expected = float(-torch.nn.functional.logsigmoid(0.1 * (ratios[0] - ratios[1])).mean())
    against_base = train(DPO, pairs, first.policy, tmp_path / "base", reference=tiny_ref, batch=6, **WHOLE)
    assert against_base.metrics["first_loss"] == pytest.approx(expected, rel=1e-4)
    assert abs(expected - math.log(2)) > 0.01


@pytest.mark.slow
def test_an_interrupted_stage_ends_with_the_same_bytes(
    pairs: Path, first: Report, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    given = {**WHOLE, "batch": 2, "save_steps": 1, "keep_optimizer": True, "reference": tiny_ref}
    whole = train(DPO, pairs, first.policy, tmp_path / "whole", **given)
    tripwire = Tripwire(first.policy, "train conservative", 3)
    with pytest.raises(KeyboardInterrupt):
        train(DPO, pairs, first.policy, tmp_path / "cut", resources=tripwire, **given)
    resources = FakeResources(first.policy)
    again = train(DPO, pairs, first.policy, tmp_path / "cut", resources=resources, **given)
    assert again == whole
    for name in ("model/model.safetensors", "state/optimizer.safetensors", "report.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert next(count for task, count in resources.told if task.startswith("train")) == 1
    assert train(DPO, pairs, first.policy, tmp_path / "cut", **given) == whole


def test_what_cannot_train_whole_is_refused(tiny_ref: ModelRef, pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="which 4 bits cannot be"):
        DPO.Options(peft="none", quantize="4bit")
    adapted = tiny_ref.with_adapter(Adapter("0" * 64, "nowhere"))
    with pytest.raises(UdasaError, match="an adapter beside its weights: merge"):
        train(DPO, pairs, adapted, tmp_path / "one", **WHOLE)
    with pytest.raises(UdasaError, match="weights of 4 bits"):
        train(DPO, pairs, replace(tiny_ref, quantization="4bit"), tmp_path / "two", **WHOLE)


def test_check_refuses_stages_of_both_kinds_and_4_bits(tmp_path: Path, tiny_model_dir: Path) -> None:
    trainer: dict[str, Any] = {"use": "dpo", "peft": "none"}
    plain = configuration(tmp_path, tiny_model_dir, trainer=trainer)
    load(plain)
    trainer["moderate"] = {"peft": "lora"}
    with pytest.raises(ConfigError, match=r"trainer\.moderate\.peft: is 'lora', and \[trainer\] has 'none'"):
        load(plain)
    del trainer["moderate"]
    plain["model"]["quantization"] = "4bit"
    with pytest.raises(ConfigError, match=r"trainer\.peft: trains the model's own weights"):
        load(plain)


@pytest.mark.slow
def test_a_whole_run_samples_measures_and_exports_it(tmp_path: Path, tiny_model_dir: Path) -> None:
    trainer = {"use": "dpo", "reference": "base", "batch": 4, "keep_optimizer": True, **WHOLE}
    plain = configuration(tmp_path, tiny_model_dir, trainer=trainer)
    run = udasa_core.run(plain)
    stages = run.stages()
    assert [stage.adapter for stage in stages] == [None] * 3
    aligned = run.aligned()
    assert stages[-1].model is not None
    assert aligned.folder == str(stages[-1].model)
    folder = stages[-1].model.parent
    assert sorted(path.name for path in folder.iterdir()) == ["model", "stage.json", "state"]
    assert json.loads((folder / "stage.json").read_text())["model"] == aligned.revision
    moments = load_file(folder / "state" / "optimizer.safetensors")
    (steps,) = {float(one) for name, one in moments.items() if name.endswith(".step")}
    assert steps == sum(stage.metrics["steps"] for stage in stages)
    assert udasa_core.run(plain).made == 0
    # What was damaged is told, and made anew.
    weights = stages[-1].model / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    again = udasa_core.run(plain)
    assert again.made > 0
    assert weights.read_bytes() == whole

    export_merged(again, tmp_path / "merged")
    exported, trained = load_file(tmp_path / "merged" / "model.safetensors"), load_file(weights)
    assert exported.keys() == trained.keys()
    assert all(torch.equal(exported[name], trained[name]) for name in trained)
    assert aligned.revision in (tmp_path / "merged" / "README.md").read_text()
    with pytest.raises(UsageError, match="trained the model's own weights"):
        export_beside(again, tmp_path / "beside")


@pytest.mark.slow
def test_in_16_bits_weights_are_kept_and_trained_in_32(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    """Steps of 1e-5 vanish in bfloat16, and here do not."""
    policy = replace(tiny_ref, dtype="bfloat16")
    report = train(DPO, pairs, policy, tmp_path / "one", batch=6, peft="none", learning_rate=1e-5, warmup=0.0)
    assert report.metrics["first_loss"] == pytest.approx(math.log(2), abs=1e-3)
    found, before = tensors(report.policy), tensors(tiny_ref)
    assert {weight.dtype for weight in found.values()} == {torch.float32}
    assert all((found[name] != before[name]).any() for name in found)
    assert next(load_causal_lm(report.policy).model.parameters()).dtype == torch.bfloat16
