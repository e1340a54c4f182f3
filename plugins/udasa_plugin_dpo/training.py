"""One stage of preference training, from pairs to a report: shared by `dpo`, `ipo` and `sft`."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import Adapter, ModelRef, Report, Stage, UdasaError, content_key
from udasa_plugin_dpo import trl_doors
from udasa_plugin_dpo.adapters import WEIGHTS, digest_of, load_tokenizer, load_trainable, save_adapter
from udasa_plugin_dpo.checkpoints import latest_whole, write_json
from udasa_plugin_dpo.figures import history_of, metrics_of
from udasa_plugin_dpo.logprobs import Sweep
from udasa_plugin_dpo.options import TrainerOptions
from udasa_plugin_dpo.rows import open_rows, training_order, write_rows
from udasa_plugin_dpo.session import arguments, quiet, watcher

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from udasa_core import Resources


@dataclass(frozen=True, slots=True)
class Call:
    """What `udasa_train` was asked, with the loss (TRL's name for it) that the entry point stands for."""

    trainer: str
    loss: str
    beta: float
    options: TrainerOptions
    stage: Stage
    pairs: Path
    policy: ModelRef
    reference: ModelRef
    out_dir: Path
    seed: int

    @property
    def key(self) -> str:
        """The identity of the work: equal keys end in equal bytes on one machine."""
        with self.pairs.open("rb") as file:
            pairs = hashlib.file_digest(file, "sha256").hexdigest()
        options = self.options.model_dump(mode="json")
        return content_key(
            self.loss,
            self.beta,
            options,
            self.stage.name,
            pairs,
            self.policy.key,
            self.reference.key,
            self.seed,
        )


def train(call: Call, resources: Resources) -> Report:
    """Train the policy on one stage; go on where an earlier, killed call with the same arguments stopped.

    out_dir ends with `adapter/` and `report.json`; meanwhile `work/` holds rows, measurements, checkpoints.
    The report counts the pairs that were trained on; where every pair is too long, the stage is skipped.
    Raises UdasaError where the stage cannot be trained, the loss is not finite, or no weight changed.
    """
    _refuse_impossible(call)
    work = call.out_dir / "work"
    work.mkdir(parents=True, exist_ok=True)
    key = call.key
    finished = _finished(call, key)
    if finished is None:
        _claim(work / "call.json", key)
        with quiet(), trl_doors.lean_head(call.policy.device):
            finished = _train(call, key, work, resources)
        gc.collect()  # a Trainer is a knot of references: without this its model outlives it
    shutil.rmtree(work)
    return finished


def _train(call: Call, key: str, work: Path, resources: Resources) -> Report:
    options = call.options
    model = load_trainable(call.policy, options, call.seed)
    limit = options.max_length or getattr(model.config, "max_position_embeddings", None)
    rows = write_rows(call.pairs, work / "rows.arrow", limit)
    if not rows.count:
        reason = f"all {rows.overlong} pairs are longer than max_length = {limit}"
        return Report(call.stage.name, call.trainer, 0, call.policy, skipped=reason)
    dataset = open_rows(rows)
    order = training_order(rows.count, options.epochs, call.seed)
    steps = -(-len(order) // (options.batch * options.accumulation))
    trainer = _open_trainer(call, model, dataset.select(order), work / "checkpoints", steps)

    sweep = Sweep(
        dataset,
        training_order(rows.count, 1, call.seed),
        options.batch,
        options.batch * options.accumulation * options.save_steps,
        work / "measured",
    )
    before = sweep.measure(trainer, "before", resources)
    reference = before
    if call.reference.key != call.policy.key:
        reference = sweep.measure(trainer, "reference", resources, adapted=False)
    with resources.progress(f"train {call.stage.name}", steps) as advance:
        trainer.add_callback(watcher(call.stage.name, advance))
        _train_against(trainer, dataset, reference, order, call.stage.name)
    after = sweep.measure(trainer, "after", resources)

    adapter = save_adapter(trainer.model, call.policy, call.out_dir / "adapter")
    history = history_of(trainer.state.log_history)
    metrics = {
        **metrics_of(call.loss, call.beta, before, after, reference, rows.lengths, history),
        "pairs": rows.count,
        "pairs_overlong": rows.overlong,
        "tokens": int(rows.tokens[order].sum()),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }
    report = {"pairs": rows.count, "metrics": metrics, "history": history, "adapter": adapter.sha256}
    write_json(call.out_dir / "report.json", {"call": key, **report})
    return _report(call, report)


def _open_trainer(call: Call, model: Any, dataset: Any, folder: Path, steps: int) -> Any:
    """Return TRL's trainer on rows of token ids, its own copy of the reference thrown away."""
    from transformers import PrinterCallback
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    tokenizer = load_tokenizer(call.policy)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    trainer = trl_doors.token_id_trainer()(
        model=model,
        args=arguments(call.loss, call.beta, call.options, call.policy, folder, steps, call.seed),
        train_dataset=dataset,
        processing_class=tokenizer,
        data_collator=DataCollatorForPreference(pad_token_id=pad, max_length=None),
    )
    trainer.remove_callback(PrinterCallback)
    trl_doors.drop_reference_copy(trainer)
    return trainer


def _train_against(
    trainer: Any, dataset: Any, reference: NDArray[np.float64], order: NDArray[np.int64], stage: str
) -> None:
    """Run the optimizer from the last whole checkpoint on; check that it saw all rows, changed a weight."""
    columns = dataset.add_column("ref_chosen_logps", reference[0])
    columns = columns.add_column("ref_rejected_logps", reference[1])
    trl_doors.use_measured_reference(trainer, columns.select(order))
    if not any(parameter.requires_grad for parameter in trainer.model.parameters()):
        raise UdasaError(f"stage {stage}: no weight is trainable. Check [trainer] targets against the model.")
    start = digest_of(trainer.model)
    checkpoint = latest_whole(Path(trainer.args.output_dir))
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if len(trainer.train_dataset) != len(order):
        raise UdasaError(
            f"stage {stage}: TRL trained on {len(trainer.train_dataset)} rows, not on {len(order)}."
        )
    if digest_of(trainer.model) == start:
        raise UdasaError(
            f"stage {stage}: training changed no weight. Raise [trainer] learning_rate or epochs."
        )


def _refuse_impossible(call: Call) -> None:
    policy, reference = call.policy, call.reference
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UdasaError('this trainer runs in one process: set [train] launcher = "none"')
    same_base = (reference.revision, reference.dtype) == (policy.revision, policy.dtype)
    if reference.key != policy.key and not (same_base and not reference.adapters):
        raise UdasaError(
            f"stage {call.stage.name}: the reference is neither the policy at the stage's start nor its bare "
            'base. Set [trainer] reference to "previous_stage" or "base".'
        )


def _claim(file: Path, key: str) -> None:
    """Write whose work the folder holds; refuse a folder with somebody else's."""
    if not file.is_file():
        write_json(file, key)
    elif json.loads(file.read_text()) != key:
        raise UdasaError(
            f"{file.parent} holds unfinished training of other pairs, models or options: delete it"
        )


def _finished(call: Call, key: str) -> Report | None:
    """Return the report of an earlier call that came to its end, if its adapter still lies there."""
    file, weights = call.out_dir / "report.json", call.out_dir / "adapter" / WEIGHTS
    if not (file.is_file() and weights.is_file()):
        return None
    report = json.loads(file.read_text())
    # What lies there may be somebody else's.
    if not isinstance(report, dict) or report.get("call") != key:
        return None
    if report.get("adapter") != hashlib.sha256(weights.read_bytes()).hexdigest():
        return None
    return _report(call, report)


def _report(call: Call, plain: dict[str, Any]) -> Report:
    adapter = Adapter(plain["adapter"], str(call.out_dir / "adapter"))
    return Report(
        stage=call.stage.name,
        trainer=call.trainer,
        pairs=plain["pairs"],
        policy=call.policy.with_adapter(adapter),
        metrics=plain["metrics"],
        history=tuple(plain["history"]),
    )
