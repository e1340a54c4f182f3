"""Whether an adapter is at work in a model: every tensor of its file loaded, and of effect."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_core.errors import UdasaError
from udasa_core.records import Adapter
from udasa_core.sources.digests import ADAPTER_WEIGHTS

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor

_TOLD = 3
# The second of a layer's two matrices: 0 until it is trained.
_IS_B = re.compile(r"\.lora_(?:embedding_)?B\b")


def check_adapter(model: PeftModel, adapter: Adapter, name: str) -> None:
    """Refuse an adapter that PEFT has loaded in part, or not at all, under its own name: the base would be
    measured as if it were trained.

    name: the adapter's in the model. Raises UdasaError where a tensor of its file is in no layer, a layer has
    none in the file, one was loaded with other numbers, has numbers that are not finite, or a trained one
    is multiplied by 0 or changes no log-probability.
    """
    import torch
    from safetensors.torch import load_file

    file = Path(adapter.folder) / ADAPTER_WEIGHTS
    given = load_file(file)
    found = adapter_tensors(model, given, name)
    check_names(file, given, found)
    for key, tensor in given.items():
        if not bool(tensor.isfinite().all()):
            raise UdasaError(f"adapter {file}: {key} has numbers that are not finite: train it anew")
        loaded = found[key].detach().cpu()
        if loaded.shape != tensor.shape or not torch.equal(loaded, tensor.to(loaded.dtype)):
            raise UdasaError(f"adapter {file}: {key} was loaded with other numbers than the file has")
    trained = [key for key, tensor in given.items() if _IS_B.search(key) and bool(tensor.any())]
    idle = [key for key in trained if _scaling(model, key, name) == 0.0]
    if idle or (trained and not _changes(model)):
        where = f" in {len(idle)} layers ({_some(sorted(idle))})" if idle and len(idle) < len(trained) else ""
        raise UdasaError(
            f"adapter {file} is loaded and changes nothing{where}: look at lora_alpha and alpha_pattern in "
            "adapter_config.json"
        )


def adapter_tensors(model: PeftModel, given: Collection[str], name: str) -> dict[str, Tensor]:
    """Return the tensors that a model has of an adapter, by their names in its file.

    given: the names that the file has: whether embeddings and head are among them, only it knows.
    """
    from peft import get_peft_model_state_dict

    has_ends = any("lora_" not in key and ("embed" in key or "head" in key) for key in given)
    found: dict[str, Tensor] = get_peft_model_state_dict(
        model, adapter_name=name, save_embedding_layers=has_ends
    )
    return found


def check_names(file: Path, given: Collection[str], found: Collection[str]) -> None:
    """Raise UdasaError where an adapter's file has tensors that the model has not, or the reverse."""
    strangers, missing = sorted(set(given) - set(found)), sorted(set(found) - set(given))
    if strangers or missing:
        told = [f"{len(strangers)} of its tensors are of no layer ({_some(strangers)})"] if strangers else []
        told += [f"{len(missing)} layers have no tensor in it ({_some(missing)})"] if missing else []
        raise UdasaError(
            f"adapter {file} does not fit this model: {'; '.join(told)}. Name the base that it was trained "
            "on, or save it anew"
        )


def _scaling(model: PeftModel, key: str, name: str) -> float:
    """Return what an adapter's change is multiplied by in the layer of one of its tensors."""
    layer = model.get_submodule(_IS_B.split(key)[0])
    return float(layer.scaling[name])


def _changes(model: PeftModel) -> bool:
    """Say whether the model's adapters change the log-probabilities of a fixed text."""
    import torch

    size = int(model.config.get_text_config().vocab_size)
    ids = torch.arange(1, 9, device=model.device)[None] % size
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            adapted = model(input_ids=ids).logits
            with model.disable_adapter():
                bare = model(input_ids=ids).logits
    finally:
        model.train(was_training)
    # In 16 bits a light adapter's change may round away on so short a text.
    return bare.dtype != torch.float32 or not torch.equal(adapted, bare)


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_TOLD]) + (", …" if len(keys) > _TOLD else "")
