"""A Llama in numpy, float32, one pass a call: another one than that which it is compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file


class Llama:
    def __init__(self, folder: Path, weights: dict[str, Any] | None = None) -> None:
        self._folder = folder
        self._config = json.loads((folder / "config.json").read_text())
        self._weights = weights or load_file(folder / "model.safetensors")

    def under(self, adapter: Path) -> Llama:
        """The same with an adapter in its weights."""
        config = json.loads((adapter / "adapter_config.json").read_text())
        given, weights = load_file(adapter / "adapter_model.safetensors"), dict(self._weights)
        for key, a in given.items():
            if ".lora_A." in key:
                name = key.removeprefix("base_model.model.").replace(".lora_A.", ".")
                b = given[key.replace(".lora_A.", ".lora_B.")]
                weights[name] = weights[name] + config["lora_alpha"] / config["r"] * (b @ a)
        return Llama(self._folder, weights)

    def logprobs(self, ids: list[int]) -> Any:
        """(positions, vocabulary) log-probabilities of what comes next."""
        config, weights = self._config, self._weights
        x = weights["model.embed_tokens.weight"][ids]
        for layer in range(config["num_hidden_layers"]):
            name = f"model.layers.{layer}"
            x = x + self._attention(f"{name}.self_attn", self._norm(x, f"{name}.input_layernorm"))
            h = self._norm(x, f"{name}.post_attention_layernorm")
            gate = h @ weights[f"{name}.mlp.gate_proj.weight"].T
            up = h @ weights[f"{name}.mlp.up_proj.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * up) @ weights[f"{name}.mlp.down_proj.weight"].T
        logits = self._norm(x, "model.norm") @ weights["model.embed_tokens.weight"].T
        logits = logits - logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def _norm(self, x: Any, name: str) -> Any:
        scale = np.sqrt((x**2).mean(-1, keepdims=True) + self._config["rms_norm_eps"])
        return x / scale * self._weights[f"{name}.weight"]

    def _attention(self, name: str, x: Any) -> Any:
        heads, shared = self._config["num_attention_heads"], self._config["num_key_value_heads"]
        size, count = self._config["hidden_size"] // heads, len(x)
        theta = self._config["rope_parameters"]["rope_theta"]
        angles = np.arange(count)[:, None] * theta ** (-np.arange(0, size, 2) / size)
        cos, sin = (np.concatenate([f(angles)] * 2, -1).astype(np.float32) for f in (np.cos, np.sin))

        def turned(of: str, number: int) -> Any:
            y = (x @ self._weights[f"{name}.{of}_proj.weight"].T).reshape(count, number, size)
            y = y.transpose(1, 0, 2)
            half = np.concatenate([-y[..., size // 2 :], y[..., : size // 2]], -1)
            return y if of == "v" else y * cos + half * sin

        q, k, v = turned("q", heads), turned("k", shared), turned("v", shared)
        k, v = (np.repeat(states, heads // shared, axis=0) for states in (k, v))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(size)
        scores = np.where(np.tril(np.ones((count, count), dtype=bool)), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        seen = (weights / weights.sum(-1, keepdims=True)).astype(np.float32) @ v
        return seen.transpose(1, 0, 2).reshape(count, -1) @ self._weights[f"{name}.o_proj.weight"].T
