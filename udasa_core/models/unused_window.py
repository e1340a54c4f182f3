"""Windows that a configuration names and a model's code does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from udasa_core.models.cache_use import apart, trial_tokens

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_WINDOWS = ("sliding_window", "attention_chunk_size")
_WINDOWED = ("sliding_attention", "chunked_attention")
# Tokens that are read to find out, and the window that they are read by.
_TOKENS, _SHORT = 12, 2
_ENDLESS = 2**30
# How far two readings are apart (see `apart`) where a window was at work. Without one it is 0.
_SEEN = 0.01


def forget_unused_window(model: PreTrainedModel) -> None:
    """Take a window out of the configuration of a model whose code has none (Llama's or OLMoE's, say).

    Such a model attends to everything, while caches and masks that are made from its configuration would keep
    a window of it alone. Configurations that were made from another family's still name one. What the code
    does is tried: by a window of two tokens a short text reads otherwise, or there is no window.
    """
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None) or ()
    named = [name for name in _WINDOWS if getattr(config, name, None) is not None]
    if not named and not any(kind in _WINDOWED for kind in kinds):
        return
    with _windows(model, _SHORT):
        short = _log_probabilities(model)
    with _windows(model, _TOKENS):
        long = _log_probabilities(model)
    if apart(short, long) > _SEEN:
        return
    for settings in _settings(model):
        if types := getattr(settings, "layer_types", None):
            # These decide. The length is left: some models ask for it even where no layer has a window.
            if any(kind in _WINDOWED for kind in types):
                settings.layer_types = ["full_attention" if kind in _WINDOWED else kind for kind in types]
            continue
        for name in named:
            if hasattr(settings, name):
                _put_out(settings, name)


def _put_out(settings: Any, name: str) -> None:
    try:
        setattr(settings, name, None)
    except Exception:
        # Some configurations want a number there: one that no sequence reaches.
        setattr(settings, name, _ENDLESS)


def _settings(model: PreTrainedModel) -> list[Any]:
    """Return the configurations that the model's modules go by, each once."""
    found = [model.config.get_text_config()]
    found += [module.config for module in model.modules() if hasattr(module, "config")]
    return list({id(config): config for config in found}.values())


@contextmanager
def _windows(model: PreTrainedModel, length: int) -> Iterator[None]:
    """Set every window that is named to `length` while the context lasts."""
    kept = [
        (settings, name, getattr(settings, name))
        for settings in _settings(model)
        for name in _WINDOWS
        if getattr(settings, name, None) is not None
    ]
    try:
        for settings, name, _ in kept:
            setattr(settings, name, length)
        yield
    finally:
        for settings, name, value in kept:
            setattr(settings, name, value)


def _log_probabilities(model: PreTrainedModel) -> Tensor:
    import torch

    with torch.no_grad():
        ids = torch.tensor([trial_tokens(model, _TOKENS)], device=model.device)
        found: Tensor = model(ids, use_cache=False).logits[0].float().log_softmax(dim=-1)
        return found
