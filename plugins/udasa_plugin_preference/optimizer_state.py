"""AdamW's moments, handed on from one stage to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from udasa_core import UdasaError, file_digest, whole_folder

# In the folder `state` of a stage: by weight, its moments and the steps that went into them.
FILE = "optimizer.safetensors"
_PARTS = ("exp_avg", "exp_avg_sq", "step")


def digest_of_state(folder: Path | None) -> str:
    """Return the SHA-256 of the moments in a stage's folder `state`, "" where there are none."""
    if folder is None or not (folder / FILE).is_file():
        return ""
    return file_digest(folder / FILE)


def save_moments(trainer: Any, folder: Path) -> None:
    """Write the moments of all trainable weights, whole or not at all."""
    from safetensors.torch import save_file

    moments = {
        f"{name}.{part}": trainer.optimizer.state[weight][part].detach().cpu().contiguous()
        for name, weight in trainer.model.named_parameters()
        if weight.requires_grad
        for part in _PARTS
    }
    with whole_folder(folder) as partial:
        save_file(moments, partial / FILE)


def beginning_with(folder: Path) -> Any:
    """Return a callback that gives a fresh optimizer the moments in `folder`, before its first step.

    It raises UdasaError where they are those of other weights.
    """
    from safetensors.torch import load_file
    from transformers import TrainerCallback

    class BeginningWith(TrainerCallback):  # type: ignore[misc]  # transformers' types are not followed
        def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            if state.global_step:
                return  # it goes on from a checkpoint, which holds them
            moments = load_file(folder / FILE)
            weights = {name: w for name, w in given["model"].named_parameters() if w.requires_grad}
            shapes = {name: w.shape for name, w in weights.items()}
            if shapes != {
                name.removesuffix(".exp_avg"): moment.shape
                for name, moment in moments.items()
                if name.endswith(".exp_avg")
            }:
                raise UdasaError(f"{folder / FILE} holds the moments of other weights than this stage trains")
            for name, weight in weights.items():
                exp_avg, exp_avg_sq, step = (moments[f"{name}.{part}"] for part in _PARTS)
                given["optimizer"].state[weight] = {
                    "step": step,
                    "exp_avg": exp_avg.to(weight.device),
                    "exp_avg_sq": exp_avg_sq.to(weight.device),
                }

    return BeginningWith()
