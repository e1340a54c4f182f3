"""How TRL is run: its arguments, its silence, and what is watched while it trains."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from udasa_core import ModelRef, UdasaError
from udasa_plugin_preference.checkpoints import seal
from udasa_plugin_preference.options import PreferenceOptions
from udasa_plugin_preference.ranks import Ranks
from udasa_plugin_preference.shares import passes_each

# Tells that a number of steps were done.
Advance = Callable[[int], None]


def arguments(
    options: PreferenceOptions, policy: ModelRef, folder: Path, steps: int, seed: int, ranks: Ranks
) -> Any:
    """Return TRL's DPOConfig: one pass over rows already in order, a checkpoint each `save_steps`."""
    from trl import DPOConfig

    on_cpu = policy.device == "cpu"
    return DPOConfig(
        output_dir=str(folder),
        # TRL would load a reference beside a model that has no adapter.
        precompute_ref_log_probs=options.peft == "none",
        remove_unused_columns=False,  # a column that TRL does not know is the pairs' weight
        max_length=None,
        disable_dropout=False,  # it would silence LoRA's own; the base's was set to 0 on loading
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        per_device_train_batch_size=options.batch,
        gradient_accumulation_steps=passes_each(options.batch, options.accumulation, ranks.count),
        # Otherwise gradients are summed in another order after the first step than after a resumption.
        ddp_find_unused_parameters=True if ranks.count > 1 else None,
        gradient_checkpointing=options.gradient_checkpointing,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.scheduler,
        warmup_steps=math.floor(options.warmup * steps),
        max_grad_norm=options.max_grad_norm,
        weight_decay=options.weight_decay,
        optim="adamw_torch",
        bf16=policy.dtype == "bfloat16",
        fp16=policy.dtype == "float16",
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        seed=seed,
        data_seed=seed,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=options.save_steps,
        save_total_limit=2,
        report_to="none",  # whom `report_to` names is told by a callback of ours
        disable_tqdm=True,
        log_level="error",
    )


def watcher(stage: str, advance: Advance, ranks: Ranks) -> Any:
    """Return a callback that tells of progress, stops at a loss that is no number, seals checkpoints, and has
    each rank draw its own dropout."""
    from transformers import TrainerCallback, set_seed

    class Watcher(TrainerCallback):  # type: ignore[misc]  # transformers' types are not followed
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            advance(state.global_step)
            if ranks.number:  # a checkpoint's own state is read afterwards
                set_seed(args.seed + ranks.number)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            advance(1)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
            if not math.isfinite(logs.get("loss", 0.0)):
                raise UdasaError(
                    f"stage {stage}: the loss at step {state.global_step} is {logs['loss']}. "
                    "Lower [trainer] learning_rate, or raise beta."
                )

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            ranks.wait()  # each has written its own random state
            if ranks.leads:
                seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Watcher()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from writing to the terminal, and give it its voice back afterwards."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # TRL sets arguments by the names that transformers is about to rename.
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
