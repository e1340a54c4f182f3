"""A model's folder as transformers lays it out: what must be there, and what is read without loading it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_TOKENIZERS = (
    ("tokenizer.json",),
    ("tokenizer.model",),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
)
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_INDEX = "model.safetensors.index.json"


def folder_faults(folder: Path) -> list[tuple[str, str]]:
    """Return what keeps a folder from being loaded as a model, each as (message, what to type).

    Weights must be safetensors: a pickle can run code when it is loaded, so none ever is.
    """
    if not folder.is_dir():
        return [(f"{folder} is no folder", "name a model's folder, or a .gguf file")]
    faults = []
    if not (folder / "config.json").is_file():
        faults.append(_no_config(folder))
    elif not isinstance(_read_json(folder / "config.json"), dict):
        faults.append((f"{folder}/config.json is not valid JSON", "copy the model's folder again"))
    faults += _weight_faults(folder)
    if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZERS):
        faults.append(
            (
                f"{folder} holds no tokenizer",
                "copy the tokenizer's files beside the weights: tokenizer.json and tokenizer_config.json",
            )
        )
    return faults


def chat_template_hash(folder: Path) -> str:
    """Return the SHA-256 of a tokenizer's chat template, "" where it has none."""
    template = _chat_template(folder)
    return hashlib.sha256(template.encode()).hexdigest() if template else ""


def _chat_template(folder: Path) -> str:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text()
    config = _read_json(folder / "tokenizer_config.json")
    template = config.get("chat_template") if isinstance(config, dict) else None
    if isinstance(template, list):  # several templates, by name
        return json.dumps(template, sort_keys=True)
    return template or ""


def _no_config(folder: Path) -> tuple[str, str]:
    if (folder / "adapter_config.json").is_file():
        return (
            f"{folder} holds an adapter, not a model",
            "merge it into its base first (`udasa export RUN --model DIR` does), or name the base",
        )
    inner = sorted(child.name for child in folder.iterdir() if (child / "config.json").is_file())
    if inner:
        return f"{folder} holds no config.json", f"did you mean 'file:{folder / inner[0]}'?"
    return f"{folder} holds no config.json", "name the folder that holds config.json and model.safetensors"


def _weight_faults(folder: Path) -> list[tuple[str, str]]:
    if (folder / "model.safetensors").is_file():
        return []
    if (folder / _INDEX).is_file():
        index = _read_json(folder / _INDEX)
        if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict):
            return [(f"{folder}/{_INDEX} is no index of weights", "copy the model's folder again")]
        shards = sorted(set(index["weight_map"].values()))
        missing = [shard for shard in shards if not (folder / shard).is_file()]
        if missing:
            return [
                (
                    f"{folder} lacks {', '.join(missing)}, which {_INDEX} names",
                    "copy the model's folder again",
                )
            ]
        return []
    ggufs = sorted(folder.glob("*.gguf"))
    if ggufs:
        return [(f"{folder} holds no model.safetensors", f"did you mean 'file:{ggufs[0]}'?")]
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickles:
        return [
            (
                f"{folder} holds its weights as a pickle ({pickles[0]}), which can run code when loaded",
                "udasa loads safetensors only: take a revision that has model.safetensors, or convert "
                "it where you trust it: AutoModelForCausalLM.from_pretrained(old).save_pretrained(new)",
            )
        ]
    return [(f"{folder} holds no model.safetensors", "name the folder that holds the weights")]


def _read_json(path: Path) -> Any:
    """Read a JSON file; None where it is missing or is none."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
