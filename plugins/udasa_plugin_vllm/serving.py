"""From a policy to what vLLM is told of it: its folder, how it is computed, and the adapter on top."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import Adapter, ModelRef, UdasaError, check_adapter_files, model_digest, parse_json

if TYPE_CHECKING:
    from udasa_plugin_vllm.options import VLLMOptions

# The ranks that vLLM makes room for.
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# What an adapter may have that vLLM leaves out or refuses.
_UNKNOWN = (
    "modules_to_save",
    "use_dora",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
)
# vLLM's name of what [model] quantization calls so.
_FOUR_BITS = "bitsandbytes"
_INSTEAD = 'sample by use = "transformers", or train with other options'


def settings(policy: ModelRef, options: VLLMOptions, who: str) -> dict[str, Any]:
    """Return vLLM's settings for a policy. Raises UdasaError where its files are not those that it is known
    by, or vLLM cannot apply its adapter."""
    found = model_digest(Path(policy.folder))
    if found != policy.revision:
        raise UdasaError(
            f"{who}: the files of {policy.source} in {policy.folder} have changed since they were read "
            f"(SHA-256 {found[:12]}…, not {policy.revision[:12]}…): run again"
        )
    told: dict[str, Any] = {
        "model": policy.folder,
        "dtype": options.dtype or policy.dtype,
        "seed": options.seed,
        "tensor_parallel_size": options.tensor_parallel_size,
        "gpu_memory_utilization": options.gpu_memory_utilization,
        "max_num_seqs": options.max_num_seqs,
        "enforce_eager": options.enforce_eager,
        "trust_remote_code": policy.trust_remote_code,
        "enable_prefix_caching": True,
        # Token ids in, token ids out: texts are made here, by the policy's own tokenizer.
        "skip_tokenizer_init": True,
        "logprobs_mode": "raw_logprobs",
        # Nothing but what is asked for: no sampling settings of the model's own.
        "generation_config": "vllm",
        "disable_log_stats": True,
    }
    if options.max_model_len:
        told["max_model_len"] = options.max_model_len
    quantization = options.quantization or (_FOUR_BITS if policy.quantization == "4bit" else "")
    if quantization:
        told["quantization"] = quantization
    if policy.adapters:
        if len(policy.adapters) > 1:
            raise UdasaError(
                f"{who}: the policy has {len(policy.adapters)} adapters on top of one another, and vLLM "
                f"applies one: merge them into a model folder (`udasa export`) and name that, or {_INSTEAD}"
            )
        rank = _rank(policy.adapters[0], who)
        told |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": rank}
    return told


def request(adapter: Adapter | None) -> dict[str, Any] | None:
    """Return what names an adapter to vLLM; None for none.

    Its number follows from what it holds: vLLM serves what it knows by a number, whatever lies in the folder
    by then.
    """
    if adapter is None:
        return None
    number = int(adapter.sha256[:12], 16) % (2**31 - 1) + 1
    return {"name": adapter.sha256[:12], "id": number, "folder": adapter.folder}


def _rank(adapter: Adapter, who: str) -> int:
    """Return the rank that vLLM has to make room for. Raises UdasaError where it would apply the adapter in
    part, or not at all."""
    from safetensors import safe_open

    check_adapter_files(adapter)
    folder = Path(adapter.folder)
    config = parse_json((folder / "adapter_config.json").read_text())
    unknown = [name for name in _UNKNOWN if config.get(name)]
    if config.get("bias", "none") != "none":
        unknown.append("bias")
    with safe_open(folder / "adapter_model.safetensors", framework="numpy") as file:
        keys = [*file.keys()]
    # vLLM measures texts without the head's adapter, and knows none of embeddings.
    ends = sorted({part for key in keys for part in ("lm_head", "embed_tokens") if part in key})
    if unknown or ends:
        raise UdasaError(
            f"{who}: vLLM cannot be trusted with the adapter in {folder}: it trains "
            f"{', '.join([*ends, *unknown])}, which vLLM leaves out, or applies in part; {_INSTEAD} "
            "(target_modules without it, say)"
        )
    needed = max([int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values())])
    room = next((rank for rank in _RANKS if rank >= needed), None)
    if room is None:
        raise UdasaError(f"{who}: vLLM takes adapters of rank {_RANKS[-1]} at most, not {needed}; {_INSTEAD}")
    return room
