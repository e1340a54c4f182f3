"""How much memory a model takes: its weights, sampling from it, training it. Computed, never measured."""

from __future__ import annotations

from udasa_core.models.hardware import best_dtype
from udasa_core.models.model_size import ModelSize

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# English takes about four characters a token; three stays on the safe side.
_CHARACTERS_A_TOKEN = 3
# Activations of one token in one layer, in numbers of the hidden size: 34 bytes in 16 bits (Korthikanti
# et al. 2022, arXiv 2205.05198, equation 2, without the attention maps).
_ACTIVATIONS = 17
# LoRA weights are trained in float32: weight, gradient, and AdamW's two moments.
_TRAINED_WEIGHT = 16


def dtype_of(dtype: str, device: str) -> str:
    """Return the dtype that a configuration's dtype and device come to; for device "auto" the processor's."""
    return best_dtype(device.replace("auto", "cpu")) if dtype == "auto" else dtype


def bytes_of_weights(model: ModelSize, dtype: str, device: str, quantization: str = "none") -> float:
    """Return the memory that a model's weights take. dtype, device: as a configuration names them."""
    width = BYTES[dtype_of(dtype, device)]
    if quantization == "none":
        return model.parameters * width
    # NF4 with its constants quantised again takes 4.13 bits; embeddings and norms stay as they are.
    kept = model.vocabulary * model.hidden
    return kept * width + (model.parameters - kept) * 4.13 / 8


def prompt_tokens(characters: int) -> int:
    """Return about how many tokens a prompt of so many characters has."""
    return -(-characters // _CHARACTERS_A_TOKEN)


def bytes_of_sampling(model: ModelSize, width: int, length: int, responses: int) -> int:
    """Return the memory of the keys and values of so many responses, `length` tokens each with their prompt.

    width: bytes a number.
    """
    return 2 * model.layers * model.key_width * width * length * responses


def bytes_of_training(
    model: ModelSize, width: int, length: int, batch: int, trained: int, *, is_recomputed: bool = False
) -> int:
    """Return the memory that a batch of pairs takes beside the weights: activations, gradients, optimizer.

    It may be twice that. length: tokens a response with its prompt; trained: weights that are trained.
    is_recomputed: of the activations one number a layer is kept, and one layer's are there at a time
    (gradient checkpointing).
    """
    tokens = 2 * batch * length
    kept = model.layers + _ACTIVATIONS if is_recomputed else model.layers * _ACTIVATIONS
    activations = tokens * (kept * model.hidden * width + 2 * model.vocabulary * 4)
    return activations + trained * _TRAINED_WEIGHT
