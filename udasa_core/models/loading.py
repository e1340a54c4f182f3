"""Reading a model's weights: safetensors only, quantised where asked, adapters applied."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import UdasaError
from udasa_core.models.adapter_fit import check_adapter
from udasa_core.models.cache_use import cache_use
from udasa_core.models.unused_window import forget_unused_window
from udasa_core.models.weight_fit import filled
from udasa_core.records import Adapter, ModelRef
from udasa_core.sources.digests import ADAPTER_WEIGHTS, check_adapter_files

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


NO_BITSANDBYTES = "needs bitsandbytes, which is not installed"
WITHOUT_BITSANDBYTES = (
    'pip install bitsandbytes, or set [model] quantization = "none" and [trainer] quantize = "none"'
)


def has_bitsandbytes() -> bool:
    """Say whether weights can be kept in 4 bits here. Imports nothing."""
    return importlib.util.find_spec("bitsandbytes") is not None


def bare_model(folder: Path) -> PreTrainedModel:
    """Return the model that a folder's config.json describes, its modules without their weights: it takes no
    memory, and computes nothing. Its own code is not run."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with quiet(), torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            AutoConfig.from_pretrained(folder, local_files_only=True)
        )
        return model


def load_model(ref: ModelRef) -> PreTrainedModel:
    """Return the model of `ref` in evaluation mode, no parameter asking for a gradient.

    In float32 the adapters are merged into the weights. In 16 or 4 bits they stay beside them: a light
    adapter's change is smaller than half a unit of a bfloat16 weight, so merging would round it away.

    Raises UdasaError where there are no safetensors (a pickle is never opened), bitsandbytes is missing, or
    the model is not causal (see `cache_use`).
    """
    model = load_base(ref)
    # Tried bare: what a model's code does is the same with adapters.
    cache_use(model.eval())
    if ref.adapters:
        model = _with_adapters(model, ref)
    return model.eval().requires_grad_(False)


def load_base(ref: ModelRef) -> PreTrainedModel:
    """Return the bare model of `ref` on its device, quantised where it says so: no adapter, nothing frozen.

    Raises as `load_model` does, and where the folder lacks some of the weights.
    """
    import torch
    from transformers import AutoModelForCausalLM

    if not any(Path(ref.folder).glob("*.safetensors")):
        raise UdasaError(
            f"{ref.source} holds no *.safetensors in {ref.folder}, and pickled weights are never opened: "
            "convert the model to safetensors (save_pretrained does) and name that folder"
        )
    with quiet():
        loaded = AutoModelForCausalLM.from_pretrained(
            ref.folder,
            dtype=getattr(torch, ref.dtype),
            use_safetensors=True,
            trust_remote_code=ref.trust_remote_code,
            output_loading_info=True,
            **_placement(ref),
        )
        model: PreTrainedModel = filled(loaded, ref.source)
        model = model.to(ref.device) if ref.quantization == "none" else model
        forget_unused_window(model)
        return model


def empty_cache() -> None:
    """Give back the memory of GPUs that this process holds without need: another one cannot use it."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' own progress bars and deprecation notes off the terminal while the context lasts."""
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # peft asks models by a name that transformers is about to change.
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        if bars:
            logging.enable_progress_bar()


def _placement(ref: ModelRef) -> dict[str, Any]:
    if ref.quantization == "none":
        return {}
    if ref.quantization != "4bit":
        raise UdasaError(f'quantization {ref.quantization!r} is unknown: set quantization = "none" or "4bit"')
    import torch
    from transformers import BitsAndBytesConfig

    if not has_bitsandbytes():
        raise UdasaError(f'quantization = "4bit" {NO_BITSANDBYTES}: {WITHOUT_BITSANDBYTES}')
    # The settings of QLoRA (Dettmers et al. 2023, arXiv 2305.14314): NF4, its constants quantised again.
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, ref.dtype),
    )
    return {"quantization_config": four_bits, "device_map": {"": ref.device}}


def _with_adapters(model: PreTrainedModel, ref: ModelRef) -> PreTrainedModel:
    peft_model = beside(model, ref.adapters)
    if ref.dtype == "float32" and ref.quantization == "none":
        return peft_model.merge_and_unload(adapter_names=peft_model.active_adapters)
    return peft_model.get_base_model()


@contextmanager
def readable(folder: str) -> Iterator[None]:
    """Tell what keeps peft from reading the files of an adapter's folder, which anybody may have written."""
    from safetensors import SafetensorError

    try:
        yield
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise
        raise UdasaError(
            f"the adapter in {folder} does not fit this model: {' '.join(str(error).split()[:24])} …"
        ) from error
    except (LookupError, ValueError, TypeError, SafetensorError) as error:
        raise UdasaError(
            f"the adapter in {folder} cannot be read: {type(error).__name__}: {error}"
        ) from error


def beside(model: PreTrainedModel, adapters: Sequence[Adapter]) -> PeftModel:
    """Return a model with adapters beside its weights, all of them at work. Raises UdasaError where one has
    no weights, is not what it is known by, or does not fit."""
    from peft import PeftModel

    for adapter in adapters:
        if not (Path(adapter.folder) / ADAPTER_WEIGHTS).is_file():
            raise UdasaError(
                f"adapter {adapter.sha256[:12]} has no adapter_model.safetensors in {adapter.folder!r}: "
                "run again so that its stage is trained anew"
            )
        check_adapter_files(adapter)
    names = [f"adapter_{number}" for number in range(len(adapters))]
    first, *others = adapters
    with quiet():
        with readable(first.folder):
            peft_model = PeftModel.from_pretrained(model, first.folder, adapter_name=names[0])
        for name, adapter in zip(names[1:], others, strict=True):
            with readable(adapter.folder):
                peft_model.load_adapter(adapter.folder, adapter_name=name)
        for name, adapter in zip(names, adapters, strict=True):
            peft_model.base_model.set_adapter([name])
            check_adapter(peft_model, adapter, name)
        peft_model.base_model.set_adapter(names)
    return peft_model
