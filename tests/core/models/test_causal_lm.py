"""Rendering, decoding and teacher forcing on the tiny model, against one plain forward pass."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import (
    Adapter,
    CausalLM,
    Message,
    ModelRef,
    UdasaError,
    adapter_digest,
    keeps_every_position,
    load_causal_lm,
)
from udasa_core.sources.digests import weights_digest

ASKED = [Message("system", "be kind"), Message("user", "what is the sun?")]


@pytest.fixture(scope="module")
def lm(tiny_ref: ModelRef) -> CausalLM:
    return load_causal_lm(tiny_ref)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> CausalLM:
    folder = make_tiny_model(tmp_path_factory.mktemp("base") / "model", chat_template=False)
    return load_causal_lm(tiny_ref_of(folder))


def forward(lm: CausalLM, prompt: list[int], response: list[int]) -> torch.Tensor:
    """Return float64 logits (T, V) of a response's positions from one plain pass."""
    with torch.inference_mode():
        logits: torch.Tensor = lm.model(torch.tensor([prompt + response])).logits
    return logits[0, len(prompt) - 1 : -1].double()


# Rendering


def test_chat_renders_every_turn_and_opens_the_answer(lm: CausalLM) -> None:
    turns = [*ASKED, Message("assistant", "a star"), Message("user", "why?")]
    text = lm.tokenizer.decode(lm.render(turns))
    assert text == (
        "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nwhat is the sun?<|im_end|>\n"
        "<|im_start|>assistant\na star<|im_end|>\n<|im_start|>user\nwhy?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_template_options_reach_the_template(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_dir, tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{% if thinking %}think {% endif %}{{ messages[0].content }}")
    lm = load_causal_lm(tiny_ref_of(folder))
    question = [Message("user", "hi")]
    assert lm.decode(lm.render(question)) == "hi"
    assert lm.decode(lm.render(question, "chat", {"thinking": True})) == "think hi"


def test_a_base_model_says_what_to_type(base: CausalLM) -> None:
    with pytest.raises(UdasaError, match='template = "plain"'):
        base.render(ASKED)


def test_plain_adds_nothing(base: CausalLM) -> None:
    assert base.tokenizer.decode(base.render(ASKED, "plain")) == "be kind\n\nwhat is the sun?"


def test_plain_takes_the_start_token_alone(base: CausalLM, tmp_path: Path) -> None:
    from tokenizers import processors

    folder = shutil.copytree(base.ref.folder, tmp_path / "model")
    lm = load_causal_lm(replace(base.ref, folder=str(folder)))
    start, end = lm.tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    lm.tokenizer.bos_token = "<|im_start|>"
    lm.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A <|im_end|>", special_tokens=[("<|im_start|>", start), ("<|im_end|>", end)]
    )
    assert lm.render([Message("user", "hi")], "plain") == [start, *lm.encode("hi")]


def test_a_template_that_refuses_says_why(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_dir, tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no system role') }}")
    with pytest.raises(ValueError, match="no system role"):
        load_causal_lm(tiny_ref_of(folder)).render(ASKED)


def test_decoding_leaves_special_tokens_out(lm: CausalLM) -> None:
    assert lm.decode([*lm.encode("the ñ 雪"), *lm.stop_ids]) == "the ñ 雪"


# What the model declares


def test_context_and_stop_tokens_come_from_the_folder(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_dir, tmp_path / "model")
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": [2, 7]}))
    lm = load_causal_lm(tiny_ref_of(folder))
    assert lm.context_length == 512
    assert lm.stop_ids == {2, 7}
    (folder / "generation_config.json").unlink()
    assert load_causal_lm(tiny_ref_of(folder)).stop_ids == {2}


def test_the_end_of_a_turn_is_the_templates_own(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_dir, tmp_path / "model")
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").write_text(
        template.replace("'<|im_end|>\n' }}{% endfor", "'<pad>' }}{% endfor")
    )
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 0]}))
    lm = load_causal_lm(tiny_ref_of(folder))
    assert lm.tokenizer.convert_ids_to_tokens(lm.end_of_turn()) == "<pad>"
    assert lm.tokenizer.convert_ids_to_tokens(lm.end_of_turn("plain")) == "<|im_end|>"


def test_rendering_reads_no_weights(tiny_ref: ModelRef, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_ref.folder, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    lm = load_causal_lm(replace(tiny_ref, folder=str(folder)))
    assert lm.render(ASKED)
    assert lm.context_length == 512
    assert lm.end_of_turn() in lm.stop_ids


# Teacher forcing


@pytest.mark.parametrize(
    ("temperature", "top_p", "top_k"),
    [(1.0, 1.0, 0), (0.7, 1.0, 0), (1.3, 1.0, 20), (0.7, 0.9, 0), (0.8, 0.8, 30)],
)
def test_statistics_equal_a_plain_pass(lm: CausalLM, temperature: float, top_p: float, top_k: int) -> None:
    short, long = lm.render([Message("user", "hi")]), lm.render(ASKED)
    prompts = [long, short, long, long]
    responses = [[5, 6, 7, 2], [9], [10, 20, 30, 40, 50, 60], [2]]
    found = lm.token_statistics(prompts, responses, temperature, top_p, top_k)
    for prompt, response, figures in zip(prompts, responses, found, strict=True):
        logits = forward(lm, prompt, response)
        raw = logits.log_softmax(dim=-1)
        tempered = logits / temperature
        if top_k:
            tempered[tempered < tempered.topk(top_k).values[:, -1:]] = -torch.inf
        ordered, order = tempered.sort(descending=True)
        before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
        if top_p < 1:
            tempered = tempered.scatter(1, order, ordered.masked_fill(before >= top_p, -torch.inf))
        at = torch.tensor(response)[:, None]
        assert figures.logprobs == pytest.approx(raw.gather(1, at)[:, 0].tolist(), abs=1e-4)
        assert figures.entropies == pytest.approx((-(raw.exp() * raw).sum(dim=-1)).tolist(), abs=1e-4)
        assert figures.sampling_logprobs == pytest.approx(
            tempered.log_softmax(dim=-1).gather(1, at)[:, 0].tolist(), abs=1e-4
        )


def test_many_long_responses_are_read_in_slices(lm: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    from udasa_core.models import token_statistics as teacher_forcing

    generator = torch.Generator().manual_seed(0)
    prompt = lm.render(ASKED)
    responses = [torch.randint(3, 290, (n,), generator=generator).tolist() for n in (40, 3, 25, 1, 40, 17)]
    whole = lm.token_statistics([prompt] * 6, responses)
    monkeypatch.setattr(teacher_forcing, "_ROWS", 4)
    monkeypatch.setattr(teacher_forcing, "_LOGITS", 4 * 302 * 3)
    largest = 0
    original = lm.model.forward

    def spy(*args: object, **kwargs: object) -> object:
        nonlocal largest
        output = original(*args, **kwargs)
        largest = max(largest, output.logits.numel())
        return output

    monkeypatch.setattr(lm.model, "forward", spy)
    sliced = lm.token_statistics([prompt] * 6, responses)
    assert 0 < largest <= 4 * 302 * 3
    for one, other in zip(whole, sliced, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
        assert one.entropies == pytest.approx(other.entropies, abs=1e-5)


def test_an_empty_sequence_is_refused(lm: CausalLM) -> None:
    with pytest.raises(ValueError, match="sequence 1"):
        lm.token_statistics([[5], [5]], [[5], []])
    assert lm.token_statistics([], []) == []


# Loading


def test_the_loaded_model_is_frozen_and_in_its_dtype(tiny_ref: ModelRef) -> None:
    model = load_causal_lm(replace(tiny_ref, dtype="bfloat16")).model
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_pickle_is_never_opened(lm: CausalLM, tiny_ref: ModelRef, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_ref.folder, tmp_path / "model")
    torch.save(lm.model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UdasaError, match="never opened"):
        _ = load_causal_lm(replace(tiny_ref, folder=str(folder))).model


def test_quantization_is_refused_clearly(tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UdasaError, match="8bit"):
        _ = load_causal_lm(replace(tiny_ref, quantization="8bit")).model
    monkeypatch.setattr("udasa_core.models.loading.has_bitsandbytes", lambda: False)
    with pytest.raises(UdasaError, match=r"pip install bitsandbytes"):
        _ = load_causal_lm(replace(tiny_ref, quantization="4bit")).model


def make_adapter(lm: CausalLM, folder: Path, seed: int) -> Adapter:
    """Save a LoRA adapter with random weights; leaves `lm` as it was."""
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = get_peft_model(
            lm.model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
        )
        model.save_pretrained(folder)
        model.unload()
    return Adapter(adapter_digest(folder), str(folder))


def test_adapters_add_up_whether_merged_or_beside(tiny_ref: ModelRef, tmp_path: Path) -> None:
    from peft import PeftModel

    first = make_adapter(load_causal_lm(tiny_ref), tmp_path / "first", 1)
    second = make_adapter(load_causal_lm(tiny_ref), tmp_path / "second", 2)
    ids = torch.tensor([[5, 6, 7, 8]])
    plain = load_causal_lm(tiny_ref).model(ids).logits
    peft_model = PeftModel.from_pretrained(load_causal_lm(tiny_ref).model, first.folder)
    alone = load_causal_lm(replace(tiny_ref, adapters=(first,))).model
    assert "LlamaForCausalLM" in type(alone).__name__
    assert not any("lora" in name for name, _ in alone.named_parameters())
    assert torch.allclose(alone(ids).logits, peft_model(ids).logits, atol=1e-4)
    assert not torch.allclose(alone(ids).logits, plain, atol=0.1)

    both = load_causal_lm(replace(tiny_ref, adapters=(first, second))).model(ids).logits
    other = load_causal_lm(replace(tiny_ref, adapters=(second, first))).model(ids).logits
    assert torch.allclose(both, other, atol=1e-4)
    assert not torch.allclose(both, alone(ids).logits, atol=0.1)


def test_in_sixteen_bits_a_light_adapter_is_not_rounded_away(tiny_ref: ModelRef, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    adapter = make_adapter(load_causal_lm(tiny_ref), tmp_path / "light", 1)
    weights = tmp_path / "light" / "adapter_model.safetensors"
    # A change of a thousandth of the weights: half a unit of bfloat16 is two to four thousandths.
    save_file({name: tensor * 0.02 for name, tensor in load_file(weights).items()}, weights)
    adapter = replace(adapter, sha256=adapter_digest(tmp_path / "light"))
    model = load_causal_lm(replace(tiny_ref, dtype="bfloat16", adapters=(adapter,))).model
    names = [name for name, _ in model.named_parameters() if "lora" in name]
    assert names
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_missing_adapter_says_what_to_do(tiny_ref: ModelRef, tmp_path: Path) -> None:
    lost = Adapter(sha256="ab" * 32, folder=str(tmp_path))
    with pytest.raises(UdasaError, match=r"adapter_model\.safetensors"):
        _ = load_causal_lm(replace(tiny_ref, adapters=(lost,))).model


def test_importing_the_module_imports_no_torch() -> None:
    imported = "import sys, udasa_core.models.causal_lm, udasa_core.models.loading"
    code = f"{imported}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def rewritten(adapter: Adapter, change: Any) -> Adapter:
    """Save an adapter's tensors anew as `change` has them."""
    from safetensors.torch import load_file, save_file

    file = Path(adapter.folder) / "adapter_model.safetensors"
    save_file(change(load_file(file)), file)
    return replace(adapter, sha256=adapter_digest(file.parent))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: {f"module.{key}": tensor for key, tensor in found.items()}, "are of no layer"),
        (lambda found: {key: found[key] for key in list(found)[2:]}, "have no tensor in it"),
        (lambda found: {key: found[key] for key in found if "lora_B" not in key}, "have no tensor in it"),
    ],
    ids=["another prefix", "a missing layer", "without its B"],
)
def test_an_adapter_that_does_not_fit_is_never_measured_as_the_base(
    tiny_ref: ModelRef, tmp_path: Path, change: Any, told: str
) -> None:
    adapter = rewritten(make_adapter(load_causal_lm(tiny_ref), tmp_path / "adapter", 1), change)
    with pytest.raises(UdasaError, match=told):
        _ = load_causal_lm(replace(tiny_ref, adapters=(adapter,))).model


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("changed", [{"lora_alpha": 0}, {"alpha_pattern": {"q_proj": 0}}], ids=str)
def test_an_adapter_that_is_loaded_and_changes_nothing_is_refused(
    tiny_ref: ModelRef, tmp_path: Path, changed: dict[str, Any], dtype: str
) -> None:
    adapter = make_adapter(load_causal_lm(tiny_ref), tmp_path / "adapter", 1)
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    adapter = replace(adapter, sha256=adapter_digest(file.parent))
    with pytest.raises(UdasaError, match="changes nothing"):
        _ = load_causal_lm(replace(tiny_ref, adapters=(adapter,), dtype=dtype)).model


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_adapter_of_numbers_that_are_none_is_refused(
    tiny_ref: ModelRef, tmp_path: Path, number: float
) -> None:
    adapter = rewritten(
        make_adapter(load_causal_lm(tiny_ref), tmp_path / "adapter", 1),
        lambda found: {key: tensor * number for key, tensor in found.items()},
    )
    with pytest.raises(UdasaError, match="not finite"):
        _ = load_causal_lm(replace(tiny_ref, adapters=(adapter,))).model


def test_an_adapter_of_another_rank_is_refused_by_name(tiny_ref: ModelRef, tmp_path: Path) -> None:
    adapter = make_adapter(load_causal_lm(tiny_ref), tmp_path / "adapter", 1)
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "r": 3}))
    adapter = replace(adapter, sha256=adapter_digest(file.parent))
    with pytest.raises(UdasaError, match=r"does not fit this model: .*size mismatch"):
        _ = load_causal_lm(replace(tiny_ref, adapters=(adapter,))).model


@pytest.mark.parametrize("changed", ["its weights", "its alpha"])
@pytest.mark.parametrize("use", ["loaded", "put beside"])
def test_an_adapter_that_was_changed_since_is_never_used(
    tiny_ref: ModelRef, tmp_path: Path, changed: str, use: str
) -> None:
    adapter = make_adapter(load_causal_lm(tiny_ref), tmp_path / "adapter", 1)
    if changed == "its weights":
        rewritten(adapter, lambda found: {key: tensor * 1.01 for key, tensor in found.items()})
    else:
        file = tmp_path / "adapter" / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "lora_alpha": 800}))
    with pytest.raises(UdasaError, match="is not the one that was made there"):
        if use == "loaded":
            _ = load_causal_lm(replace(tiny_ref, adapters=(adapter,))).model
        else:
            with load_causal_lm(tiny_ref).adapted([adapter]):
                pass


def test_an_adapter_may_be_known_by_its_weights_alone(tiny_ref: ModelRef, tmp_path: Path) -> None:
    make_adapter(load_causal_lm(tiny_ref), tmp_path / "adapter", 1)
    new = Adapter(weights_digest(tmp_path / "adapter"), str(tmp_path / "adapter"))
    assert load_causal_lm(replace(tiny_ref, adapters=(new,))).model is not None


def test_a_fresh_adapter_is_no_fault(tiny_ref: ModelRef, tmp_path: Path) -> None:
    import torch

    fresh = rewritten(
        make_adapter(load_causal_lm(tiny_ref), tmp_path / "adapter", 1),
        lambda found: {
            key: torch.zeros_like(tensor) if "lora_B" in key else tensor for key, tensor in found.items()
        },
    )
    ids = torch.tensor([[5, 6, 7, 8]])
    adapted = load_causal_lm(replace(tiny_ref, adapters=(fresh,))).model(ids).logits
    assert torch.allclose(adapted, load_causal_lm(tiny_ref).model(ids).logits, atol=1e-5)


def configured(folder: Path, target: Path, **changes: object) -> CausalLM:
    """Return the model of a folder under a changed config.json."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | changes))
    return load_causal_lm(tiny_ref_of(target))


@pytest.mark.parametrize(
    "unused",
    [
        {"sliding_window": 8},
        {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
        {"attention_chunk_size": 8},
    ],
)
def test_a_window_that_the_models_code_does_not_have_is_not_used(
    unused: dict[str, object], lm: CausalLM, tiny_model_dir: Path, tmp_path: Path
) -> None:
    odd = configured(tiny_model_dir, tmp_path / "odd", **unused)
    prompt, response = list(range(3, 40)), list(range(50, 75))
    found = odd.token_statistics([prompt], [response])
    assert found == lm.token_statistics([prompt], [response])
    assert keeps_every_position(odd.model)


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0},
        {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "factor": 4.0,
            "original_max_position_embeddings": 32,
            "short_factor": [1.0] * 8,
            "long_factor": [4.0] * 8,
        },
    ],
)
def test_rope_that_depends_on_length_ends_where_it_would_change(
    rope: dict[str, object], tiny_model_dir: Path, tmp_path: Path
) -> None:
    length = 128 if rope["rope_type"] == "longrope" else 32
    scaled = configured(
        tiny_model_dir, tmp_path / "scaled", rope_parameters=rope, max_position_embeddings=length
    )
    assert scaled.context_length == 32
    prompt, response = list(range(3, 23)), list(range(50, 62))
    (found,) = scaled.token_statistics([prompt], [response])
    raw = forward(scaled, prompt, response).log_softmax(-1)
    assert found.logprobs == pytest.approx(
        raw.gather(-1, torch.tensor(response)[:, None])[:, 0].tolist(), abs=1e-4
    )
    with pytest.raises(UdasaError, match=r"beyond 32 tokens, and 33 are asked"):
        scaled.token_statistics([prompt], [[*response, 5]])


@pytest.mark.parametrize("lost", ["layers.1", "layers.0.mlp.up_proj", "embed_tokens"])
def test_weights_that_the_folder_lacks_are_never_drawn_at_random(
    tiny_model_dir: Path, tmp_path: Path, lost: str
) -> None:
    from safetensors.torch import load_file, save_file

    file = Path(shutil.copytree(tiny_model_dir, tmp_path / "model")) / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(file).items() if lost not in name}
    save_file(kept, file, metadata={"format": "pt"})
    with pytest.raises(UdasaError, match=r"lacks \d+ of the weights"):
        _ = load_causal_lm(tiny_ref_of(tmp_path / "model")).model


# Templates that are not as they should be

_TURNS = "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}CLOSE{% endfor %}"


def templated(folder: Path, target: Path, template: str) -> CausalLM:
    """Return the model of a folder with another chat template."""
    shutil.copytree(folder, target)
    (target / "chat_template.jinja").write_text(template)
    return load_causal_lm(tiny_ref_of(target))


def test_the_token_that_the_template_closes_a_turn_with_stops(tiny_model_dir: Path, tmp_path: Path) -> None:
    lm = templated(tiny_model_dir, tmp_path / "other", _TURNS.replace("CLOSE", "<pad>\n"))
    closing = lm.tokenizer.convert_tokens_to_ids("<pad>")
    assert closing != lm.tokenizer.eos_token_id
    assert lm.end_of_turn() == closing
    assert lm.stop_ids == {closing, lm.tokenizer.eos_token_id}


def test_a_token_that_opens_the_next_turn_closes_none(tiny_model_dir: Path, tmp_path: Path) -> None:
    lm = templated(tiny_model_dir, tmp_path / "open", _TURNS.replace("CLOSE", ""))
    assert lm.end_of_turn() == lm.tokenizer.eos_token_id
    assert lm.stop_ids == {lm.tokenizer.eos_token_id}


_ONE_MESSAGE = "{{ m.role }}:{{ m.content }}<pad>"


@pytest.mark.parametrize(
    "template",
    [
        "{% if messages[0].role != 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{% for m in messages %}ONE{% endfor %}",
        "{% if messages | length > 2 %}{{ raise_exception('one turn') }}{% endif %}"
        "{% for m in messages %}ONE{% endfor %}",
        "{% for m in messages %}<|im_start|>{{ m.role }}:{{ m.content }}"
        "{% if not loop.last %}<pad>{% endif %}{% endfor %}",
    ],
    ids=["asks for a system message", "takes one turn", "leaves the last turn open"],
)
def test_the_closing_token_is_found_where_a_template_takes_or_closes_less(
    tiny_model_dir: Path, tmp_path: Path, template: str
) -> None:
    lm = templated(tiny_model_dir, tmp_path / "other", template.replace("ONE", _ONE_MESSAGE))
    assert lm.end_of_turn() == lm.tokenizer.convert_tokens_to_ids("<pad>")


def test_a_template_that_drops_a_users_message_says_so(tiny_model_dir: Path, tmp_path: Path) -> None:
    lm = templated(
        tiny_model_dir,
        tmp_path / "pictures",
        # As templates for pictures are written: a text is no list of parts.
        "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}",
    )
    with pytest.raises(ValueError, match="drops the user message"):
        lm.render([Message("user", "why")])


def test_a_system_message_that_is_the_templates_own_is_no_dropped_one(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    lm = templated(
        tiny_model_dir,
        tmp_path / "kind",
        "{% if messages[0].role != 'system' %}system:Be kind.{% endif %}"
        "{% for m in messages %}{{ m.role }}:{{ m.content }}{% endfor %}",
    )
    own = [Message("system", "Be kind."), Message("user", "why")]
    assert lm.render(own) == lm.render(own[1:])


def test_a_template_that_drops_the_system_message_says_so(tiny_model_dir: Path, tmp_path: Path) -> None:
    deaf = templated(
        tiny_model_dir,
        tmp_path / "deaf",
        "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}",
    )
    assert deaf.render(ASKED[1:])
    with pytest.raises(ValueError, match="drops the system message"):
        deaf.render(ASKED)


def test_a_template_that_fails_says_what_failed(tiny_model_dir: Path, tmp_path: Path) -> None:
    broken = templated(tiny_model_dir, tmp_path / "broken", "{{ messages[0].content + 1 }}")
    with pytest.raises(ValueError, match="fails at the conversation: TypeError"):
        broken.render(ASKED)


def test_a_misspelt_option_of_the_template_is_refused(tiny_model_dir: Path, tmp_path: Path) -> None:
    lm = templated(tiny_model_dir, tmp_path / "think", _TURNS + "{% if enable_thinking %}!{% endif %}")
    assert lm.render(ASKED, template_options={"enable_thinking": True}) != lm.render(ASKED)
    with pytest.raises(UdasaError, match="has no option enable_thinkin: see"):
        lm.render(ASKED, template_options={"enable_thinkin": True})


def test_a_template_that_writes_the_date_writes_the_same_every_day(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    lm = templated(
        tiny_model_dir, tmp_path / "dated", "{{ strftime_now('%d %b %Y') }} {{ messages[-1].content }}"
    )
    assert lm.decode(lm.render(ASKED[1:])) == "26 Jul 2024 what is the sun?"


@pytest.mark.parametrize(
    ("template", "written"),
    [
        # As Llama 3.1, Llama 3.2, Mistral Small, gpt-oss, and SmolLM3 write it.
        (
            "{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}"
            "{{ date_string }}",
            "26 Jul 2024",
        ),
        (
            "{% if not date_string is defined %}{% if strftime_now is defined %}"
            "{% set date_string = strftime_now('%d %b %Y') %}{% else %}{% set date_string = '?' %}{% endif %}"
            "{% endif %}{{ date_string }}",
            "26 Jul 2024",
        ),
        (
            "{% set today = strftime_now('%Y-%m-%d') %}{% set day = strftime_now('%d') | int - 1 %}"
            "{{ today }}, yesterday {{ strftime_now('%Y-%m-') }}{{ day }}",
            "2024-07-26, yesterday 2024-07-25",
        ),
        (
            "{% macro top() %}{{ strftime_now(format='%B %-d, %Y') }}{% endmacro %}{{ top() }}",
            "July 26, 2024",
        ),
        (
            "{% set clock = strftime_now %}{{ clock('%A %d %B %Y, %H:%M:%S, %G-W%V, 100%%') }}",
            "Friday 26 July 2024, 00:00:00, 2024-W30, 100%",
        ),
    ],
)
def test_every_way_to_the_date_is_the_one_that_stands_still(
    template: str, written: str, tiny_model_dir: Path, tmp_path: Path
) -> None:
    lm = templated(tiny_model_dir, tmp_path / "dated", template + " {{ messages[-1].content }}")
    assert lm.decode(lm.render(ASKED[1:])) == f"{written} what is the sun?"


@pytest.mark.parametrize("clock", ["now()", "now.year", "datetime.now()", "today.strftime('%Y')"])
def test_a_template_that_takes_another_clock_is_refused(
    clock: str, tiny_model_dir: Path, tmp_path: Path
) -> None:
    lm = templated(tiny_model_dir, tmp_path / "clock", f"{{{{ {clock} }}}} {{{{ messages[-1].content }}}}")
    with pytest.raises(ValueError, match="chat template refuses the conversation"):
        lm.render(ASKED[1:])


def test_the_users_own_date_goes_before(tiny_model_dir: Path, tmp_path: Path) -> None:
    template = "{{ date_string if date_string else strftime_now('%Y') }} {{ messages[-1].content }}"
    lm = templated(tiny_model_dir, tmp_path / "own", template)
    assert lm.decode(lm.render(ASKED[1:], "chat", {"date_string": "May"})) == "May what is the sun?"
