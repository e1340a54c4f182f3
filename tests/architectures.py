"""Tiny random models of many families, each with the settings that make it tiny and its windows short."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import CausalLM, load_causal_lm

# Whatever a family calls its sizes; one that has no window is given one that its code does not have.
_SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 96,
    "initializer_range": 0.3,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "sliding_window": 8,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 96,
    "n_inner": 64,
    "n_ctx": 96,
    "d_model": 32,
    "n_layers": 2,
    "n_heads": 4,
    "ffn_dim": 64,
    "max_seq_len": 96,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_MIXED = {"layer_types": ["sliding_attention", "full_attention"]}
_CONVOLVED = {"layer_types": ["conv", "full_attention"]}
_HALF_WINDOWED = {"use_sliding_window": True, "max_window_layers": 1}
_LATENT = {
    "head_dim": None,
    "num_key_value_heads": 4,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "n_group": 2,
    "topk_group": 1,
}
_STATE = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8}

# Measured and sampled, all of it equal.
SAMPLED: dict[str, dict[str, Any]] = {
    "afmoe": {**_MIXED, "num_dense_layers": 1},
    "apertus": {},
    "arcee": {},
    "aria_text": {},
    "axk1": _LATENT,
    "bert": {"is_decoder": True},
    "bitnet": {},
    "cohere": {},
    "cohere2": _MIXED,
    "cohere2_moe": {},
    "ctrl": {},
    "cwm": {},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8},
        "ffn_config": {
            "ffn_hidden_size": 64,
            "moe_num_experts": 4,
            "moe_top_k": 2,
            "hidden_size": 32,
            "ffn_act_fn": {"name": "silu"},
        },
    },
    "deepseek_v2": _LATENT,
    "deepseek_v3": _LATENT,
    "diffllama": {},
    "doge": {},
    "dots1": {"n_shared_experts": 1, "n_group": 2, "topk_group": 1},
    "ernie4_5": {},
    "ernie4_5_moe": {},
    "exaone4": _MIXED,
    "exaone_moe": {},
    "flex_olmo": {},
    "gemma": {},
    "gemma2": {},
    "gemma3_text": _MIXED,
    "glm": {},
    "glm4": {},
    "glm4_moe": {},
    "glm4_moe_lite": _LATENT,
    "gpt2": {},
    "gpt_bigcode": {},
    "gpt_neox": {},
    "gpt_oss": {},
    "granite": {},
    "granitemoe": {},
    "granitemoeshared": {},
    "helium": {},
    "hunyuan_v1_dense": {},
    "hunyuan_v1_moe": {},
    "hy_v3": {},
    "internlm3": {},
    "jetmoe": {},
    "llama": {},
    "minicpm3": _LATENT,
    "minimax_m2": {},
    "ministral": _MIXED,
    "mistral": {},
    "mixtral": {},
    "modernbert-decoder": {},
    "moshi": {},
    "nanochat": {},
    "nemotron": {},
    "olmo": {},
    "olmo2": {},
    "olmo3": _MIXED,
    "olmoe": {},
    "opt": {},
    "persimmon": {},
    "phi": {},
    "phi3": {},
    "phimoe": {},
    "qwen2": _HALF_WINDOWED,
    "qwen2_moe": {},
    "qwen3": _HALF_WINDOWED,
    "qwen3_moe": {},
    "seed_oss": {},
    "smollm3": {},
    "starcoder2": {},
    "vaultgemma": {},
}
# Measured, all of it equal; the generator refuses to sample from them.
MEASURED: dict[str, dict[str, Any]] = {
    "bamba": {**_STATE, "attn_layer_indices": [1]},
    "biogpt": {},
    "bloom": {},
    "codegen": {"rotary_dim": 4},
    "falcon": {"head_dim": None, "alibi": False},
    "falcon_mamba": {},
    "gpt_neo": {
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
    },
    "gpt_neox_japanese": {},
    "gptj": {"rotary_dim": 4},
    "granitemoehybrid": {**_STATE, "layer_types": ["mamba", "attention"]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8, "mamba_dt_rank": 4},
    "lfm2": _CONVOLVED,
    "lfm2_moe": {**_CONVOLVED, "num_dense_layers": 1},
    "llama4_text": {
        "attention_chunk_size": 8,
        "layer_types": ["chunked_attention", "full_attention"],
        "intermediate_size_mlp": 64,
    },
    "mamba": {},
    "mamba2": {"num_heads": 8, "head_dim": 8, "state_size": 8, "n_groups": 1},
    "minimax": {},
    "mpt": {},
    "olmo_hybrid": {},
    "openai-gpt": {},
    "qwen3_next": {"layer_types": ["linear_attention", "full_attention"]},
    "recurrent_gemma": {"block_types": ["recurrent", "attention"], "attention_window_size": 8},
    "roberta": {"is_decoder": True},
    "rwkv": {},
    "stablelm": {},
    "trocr": {},
    "xglm": {},
    "zamba": {
        "num_hidden_layers": 4,
        "layer_types": ["mamba", "hybrid", "mamba", "hybrid"],
        "mamba_d_state": 8,
        "mamba_dt_rank": 4,
        "n_mamba_heads": 2,
    },
}
# No causal language models: refused when they are loaded.
REFUSED: dict[str, dict[str, Any]] = {
    "bert-generation": {},
    "camembert": {},
    "electra": {},
    "roformer": {},
    "xlm": {},
    "xlm-roberta": {},
}


def save_architecture(kind: str, folder: Path, **changes: Any) -> CausalLM:
    """Save a tiny random float32 model of a family, with the tiny model's tokenizer; return it, unread.

    changes: settings of its configuration beside the family's own.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    make_tiny_model(folder)
    own = next((some[kind] for some in (SAMPLED, MEASURED, REFUSED) if kind in some), {})
    settings = {**_SIZES, "vocab_size": len(load_causal_lm(tiny_ref_of(folder)).tokenizer), **own, **changes}
    config = AutoConfig.for_model(
        kind, **{name: value for name, value in settings.items() if value is not None}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for parameter in model.parameters():
            # What begins as nothing but zeros or ones (biases, gates, sinks) is to have a say, too.
            if 0 < parameter.numel() == int((parameter == parameter.flatten()[0]).sum()):
                parameter.data.add_(torch.randn_like(parameter) * 0.1)
    (folder / "model.safetensors").unlink()
    kept = shutil.copy(folder / "generation_config.json", folder.parent / "generation_config.json")
    model.save_pretrained(folder)
    shutil.copy(kept, folder / "generation_config.json")
    return load_causal_lm(tiny_ref_of(folder))
