"""A model's folder as transformers lays it out: what must be there, and what is read without loading it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from udasa_core.files.json_text import parse_json
from udasa_core.sources.digests import ADAPTER_CONFIG, MODEL_SUFFIXES

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
# A key of config.json by which transformers takes the weights from a file of another name.
_NAMED_WEIGHTS = "transformers_weights"
# transformers reads further templates from here.
_TEMPLATES = "additional_chat_templates"
_LEGAL = ("LICENSE", "LICENCE", "NOTICE", "COPYING", "USE_POLICY", "ACCEPTABLE_USE")
_CODE_NAMERS = ("config.json", "tokenizer_config.json")


def folder_faults(folder: Path, *, with_code: bool = False) -> list[tuple[str, str]]:
    """Return what keeps a folder from being loaded as a model, each as (message, what to type).

    Weights must be safetensors: a pickle can run code when it is loaded, so none ever is. They lie in the
    folder itself, and so does its code (with_code: it will be run): what lies elsewhere is in no digest.
    """
    if not folder.is_dir():
        return [(f"{folder} is no folder", "name a model's folder, or a .gguf file")]
    faults = []
    if not (folder / "config.json").is_file():
        faults.append(_no_config(folder))
    elif not isinstance(_read_json(folder / "config.json"), dict):
        faults.append((f"{folder}/config.json is not valid JSON", "copy the model's folder again"))
    faults += _weight_faults(folder)
    faults += _code_faults(folder) if with_code else []
    if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZERS):
        faults.append(
            (
                f"{folder} holds no tokenizer",
                "copy the tokenizer's files beside the weights: tokenizer.json and tokenizer_config.json",
            )
        )
    return faults


def legal_files(folder: Path) -> list[Path]:
    """Return a model's licence, and what goes with it: notices, and for what it may not be used."""
    return [
        file for file in sorted(folder.iterdir()) if file.is_file() and file.name.upper().startswith(_LEGAL)
    ]


def files_beside_weights(folder: Path) -> list[Path]:
    """Return what of a loadable model's folder belongs to it whatever its weights are, in order:
    configuration, tokenizer, chat templates, code and licence. Other forms of its weights do not."""
    there = [*folder.iterdir(), *(folder / _TEMPLATES).glob("*")]
    names = [file for file in there if file.suffix in MODEL_SUFFIXES and not file.name.startswith(".")]
    own = [file for file in names if not file.name.endswith((".safetensors", ".index.json"))]
    return sorted({file for file in own if file.is_file()} | {*legal_files(folder)})


def weight_files(folder: Path) -> list[Path]:
    """Return the files of a loadable model's folder that its weights are read from, in order; the index that
    names them is among them."""
    config = _read_json(folder / "config.json")
    named = str(config.get(_NAMED_WEIGHTS) or "") if isinstance(config, dict) else ""
    first = named or ("model.safetensors" if (folder / "model.safetensors").is_file() else _INDEX)
    if not first.endswith(".index.json"):
        return [folder / first]
    shards = set(_read_json(folder / first)["weight_map"].values())
    return [folder / name for name in sorted({first, *shards})]


def architectures(folder: Path) -> tuple[str, ...]:
    """Return what a model's config.json says it is (LlamaForCausalLM, say); none where it does not say."""
    config = _read_json(folder / "config.json")
    named = config.get("architectures") if isinstance(config, dict) else None
    return tuple(name for name in named if isinstance(name, str)) if isinstance(named, list) else ()


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
    if (folder / ADAPTER_CONFIG).is_file():
        return (
            f"{folder} holds an adapter, not a model",
            "merge it into its base first (`udasa export RUN --model DIR` does), or name the base",
        )
    inner = sorted(child.name for child in folder.iterdir() if (child / "config.json").is_file())
    if inner:
        return f"{folder} holds no config.json", f"did you mean 'file:{folder / inner[0]}'?"
    return f"{folder} holds no config.json", "name the folder that holds config.json and model.safetensors"


def _weight_faults(folder: Path) -> list[tuple[str, str]]:
    config = _read_json(folder / "config.json")
    if (folder / ADAPTER_CONFIG).is_file() and isinstance(config, dict):
        # transformers applies an adapter that lies beside the weights, whether it fits or not, and a new one
        # that is trained would take its place.
        return [
            (
                f"{folder} holds an adapter beside its weights",
                "remove adapter_config.json, or merge the adapter into the weights",
            )
        ]
    named = config.get(_NAMED_WEIGHTS) if isinstance(config, dict) else None
    if named is not None:
        if isinstance(named, str) and named.endswith(".safetensors.index.json") and _is_plain(named):
            return _index_faults(folder, named)
        return _shard_faults(folder, "config.json", [named])
    if (folder / "model.safetensors").is_file():
        return []
    if (folder / _INDEX).is_file():
        return _index_faults(folder, _INDEX)
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


def _index_faults(folder: Path, name: str) -> list[tuple[str, str]]:
    index = _read_json(folder / name)
    if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict):
        return [(f"{folder}/{name} is no index of weights", "copy the model's folder again")]
    return _shard_faults(folder, name, list(index["weight_map"].values()))


def _shard_faults(folder: Path, by: str, named: Sequence[Any]) -> list[tuple[str, str]]:
    """Say which of the weights' files that a file of the folder names are none, or are missing."""
    strange = sorted({str(name) for name in named if not _is_shard(name)})
    if strange:
        return [
            (
                f"{folder}/{by} names as weights {', '.join(map(repr, strange[:3]))}: only *.safetensors in "
                "the folder itself are read",
                "copy the model's folder again from where you trust it, or convert it there: "
                "AutoModelForCausalLM.from_pretrained(old).save_pretrained(new)",
            )
        ]
    missing = sorted({name for name in named if not (folder / name).is_file()})
    if missing:
        return [(f"{folder} lacks {', '.join(missing)}, which {by} names", "copy the model's folder again")]
    return []


def _is_shard(name: object) -> bool:
    return isinstance(name, str) and name.endswith(".safetensors") and _is_plain(name)


def _is_plain(name: str) -> bool:
    """Say whether a name is one of a file in the folder itself, and not hidden: then it is in the digest."""
    return not name.startswith(".") and not any(sign in name for sign in "/\\\0:")


def _code_faults(folder: Path) -> list[tuple[str, str]]:
    """Say whose code a model would run beside its own folder's: "owner/name--module.Class" is fetched."""
    named = [_read_json(folder / name) for name in _CODE_NAMERS]
    maps = [plain.get("auto_map") for plain in named if isinstance(plain, dict)]
    texts = [text for known in maps for text in _texts(known)]
    elsewhere = sorted({text for text in texts if "--" in text})
    if not elsewhere:
        return []
    return [
        (
            f"{folder} runs code of another place, which is in no digest: {', '.join(elsewhere[:3])}",
            "copy that code into the folder, and write auto_map without what stands before the `--`",
        )
    ]


def _texts(plain: Any) -> list[str]:
    if isinstance(plain, dict | list):
        return [
            text for one in (plain.values() if isinstance(plain, dict) else plain) for text in _texts(one)
        ]
    return [plain] if isinstance(plain, str) else []


def _read_json(path: Path) -> Any:
    """Read a JSON file; None where it is missing or is none."""
    try:
        return parse_json(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
