"""One stage of preference training, from pairs to a report: shared by all losses."""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import (
    Adapter,
    ModelRef,
    Report,
    Stage,
    UdasaError,
    content_key,
    file_digest,
    load_causal_lm,
    model_digest,
    refuse_longer,
)
from udasa_plugin_preference import trl_internals
from udasa_plugin_preference.adapters import (
    WEIGHTS,
    answering_as,
    load_tokenizer,
    load_trainable,
    save_adapter,
    save_model,
    whole_model,
)
from udasa_plugin_preference.checkpoints import latest_whole, steps_in, write_json
from udasa_plugin_preference.figures import Metrics, history_of, loss_metrics, stage_metrics
from udasa_plugin_preference.invariants import Invariants
from udasa_plugin_preference.optimizer_state import beginning_with, digest_of_state, save_moments
from udasa_plugin_preference.options import INCIDENTAL, PreferenceOptions
from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.ranks import Ranks, refuse_other_sharding
from udasa_plugin_preference.report_to import following
from udasa_plugin_preference.rows import open_rows, refuse_unknown, training_order, write_rows
from udasa_plugin_preference.schedule import over_the_run
from udasa_plugin_preference.session import arguments, quiet, watcher
from udasa_plugin_preference.shares import filled_up, share_of, with_stand_in
from udasa_plugin_preference.sweep import Sweep
from udasa_plugin_preference.weights import AS_GIVEN, weighed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from udasa_core import Resources

# A batch → what is minimised, a scalar.
Loss = Callable[[PairLogProbs], "Tensor"]


@dataclass(frozen=True, slots=True)
class Call:
    """What `udasa_train` was asked, with the name of the class whose loss is minimised."""

    trainer: str
    loss: str
    options: PreferenceOptions
    stage: Stage
    pairs: Path
    policy: ModelRef
    reference: ModelRef
    out_dir: Path
    seed: int
    earlier_state: Path | None
    ranks: Ranks

    @property
    def earlier(self) -> str:
        """The digest of the optimizer's moments to begin with, "" where it begins at 0."""
        return digest_of_state(self.earlier_state) if self.options.keep_optimizer else ""

    @property
    def key(self) -> str:
        """The identity of the work: equal keys end in equal bytes on one machine."""
        options = self.options.model_dump(mode="json", exclude=set(INCIDENTAL))
        return content_key(
            self.loss,
            options,
            self.stage.name,
            file_digest(self.pairs),
            self.policy.key,
            self.reference.key,
            self.seed,
            self.earlier,
            # Where in the run the stage stands.
            [self.stage.before, self.stage.after, self.stage.size, self.stage.replayed],
            # Sums of several ranks' gradients are rounded otherwise.
            *([self.ranks.count] if self.ranks.count > 1 else []),
        )


def train(call: Call, loss: Loss, metrics: Metrics, resources: Resources) -> Report:
    """Train the policy on one stage; go on where an earlier, killed call with the same arguments stopped.

    Every rank of `call` calls it and returns the same report; rank 0 alone writes, but for each rank's random
    state in a checkpoint. out_dir ends with `adapter/` or `model/`, `report.json` and, with keep_optimizer,
    `state/`; meanwhile `work/` holds rows, measurements, checkpoints. The report counts the pairs that were
    trained on; where every pair is too long, the stage is skipped.
    Raises UdasaError where the stage cannot be trained, the loss is not finite, or no weight changed.
    """
    _refuse_impossible(call)
    work, key, ranks = call.out_dir / "work", call.key, call.ranks
    finished = ranks.told(lambda: _finished(call, key))
    if finished is None:
        ranks.told(lambda: _claim(work / "call.json", key))
        with quiet(), trl_internals.lean_head(call.policy.device):
            finished = _train(call, loss, metrics, key, work, resources)
        gc.collect()  # a Trainer is a knot of references: without this its model outlives it
    ranks.wait()
    if ranks.leads and work.is_dir():
        shutil.rmtree(work)
    return finished


def _train(call: Call, loss: Loss, metrics: Metrics, key: str, work: Path, resources: Resources) -> Report:
    options, ranks = call.options, call.ranks
    model = load_trainable(call.policy, options, call.seed)
    limit = options.max_length or load_causal_lm(call.policy).context_length
    # A longer pair would be read otherwise, and with it the shorter ones of its batch.
    refuse_longer(model, options.max_length or 0)
    own = call.stage.size - call.stage.replayed if call.stage.replayed else None
    rows = ranks.told(lambda: write_rows(call.pairs, work / "rows.arrow", limit, options.tokens, own))
    if rows.count == rows.replayed:
        reason = f"all {rows.overlong} pairs are longer than max_length = {limit}"
        return Report(call.stage.name, call.trainer, 0, call.policy, skipped=reason)
    refuse_unknown(rows, options.pair_figures)
    rows = weighed(rows, options.weights_from)
    dataset = open_rows(rows)
    order = training_order(rows.count, options.epochs, call.seed)
    steps = -(-len(order) // (options.batch * options.accumulation))
    trainer = _open_trainer(call, loss, model, dataset.select(order), work / "checkpoints", steps)

    sweep = Sweep(
        dataset,
        training_order(rows.count, 1, call.seed),
        options.batch,
        options.batch * options.accumulation * options.save_steps,
        work / "measured",
        ranks,
    )
    before = sweep.measure(trainer, "before", resources)
    reference = before
    if call.reference.key != call.policy.key:
        reference = _measured_reference(call, sweep, trainer, resources)
    with (
        resources.progress(f"train {call.stage.name}", steps) as advance,
        following(
            options.report_to if ranks.leads else (), work / "told.json", call.stage, resources
        ) as followers,
    ):
        for callback in (watcher(call.stage.name, advance, ranks), *followers):
            trainer.add_callback(callback)
        if call.earlier and call.earlier_state is not None:
            trainer.add_callback(beginning_with(call.earlier_state))
        stand_in = int(rows.tokens.argmin())
        _train_against(call, trainer, with_stand_in(_with_reference(dataset, reference), stand_in), order)
    after = sweep.measure(trainer, "after", resources)

    weights = trl_internals.whole_weights(trainer)
    made = ranks.told(lambda: _save(trainer, call, weights))
    history = history_of(trainer.state.log_history)
    measured = {
        **loss_metrics(history),
        **stage_metrics(rows, order, (before, after, reference), metrics),
        "pairs": rows.count - rows.replayed,
        "pairs_overlong": rows.overlong,
        "pairs_of_weight_0": int((rows.columns[AS_GIVEN] == 0).sum()),
        "tokens": int(rows.tokens[order].sum()),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }
    report = {"pairs": rows.count, "metrics": measured, "history": history, "made": made}
    if ranks.leads:
        write_json(call.out_dir / "report.json", {"call": key, **report})
    return _report(call, report)


def _measured_reference(call: Call, sweep: Sweep, trainer: Any, resources: Resources) -> NDArray[np.float64]:
    """Return what the reference says of all rows: the base that the adapter is on, or a model of its own."""
    if call.options.peft == "lora":
        under = answering_as(trainer.model, call.reference)
        return sweep.measure(trainer, "reference", resources, under=under)
    other = trl_internals.with_fused_head(whole_model(call.reference)).to(trainer.args.device)
    return sweep.measure(trainer, "reference", resources, other=other)


def _save(trainer: Any, call: Call, weights: Any) -> str:
    """Save what was trained, and return the SHA-256 that the report tells of it.

    weights: see `whole_weights`.
    """
    model = trainer.model
    if call.options.keep_optimizer:
        save_moments(trainer, call.out_dir / "state")
    if call.options.peft == "lora":
        return save_adapter(model, call.policy, call.out_dir / "adapter", weights).sha256
    return save_model(model, call.policy, call.out_dir / "model", weights).revision


def _open_trainer(call: Call, loss: Loss, model: Any, dataset: Any, folder: Path, steps: int) -> Any:
    """Return TRL's trainer on rows of token ids."""
    from transformers import PrinterCallback

    tokenizer = load_tokenizer(call.policy)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    trainer = trl_internals.pair_trainer(
        loss,
        call.options.beta,
        over_the_run(call.options, call.stage, steps) if call.options.keep_schedule else None,
        call.ranks,
        model=model,
        args=arguments(call.options, call.policy, folder, steps, call.seed, call.ranks),
        train_dataset=dataset,
        processing_class=tokenizer,
        data_collator=trl_internals.collator(pad),
    )
    trainer.remove_callback(PrinterCallback)
    refuse_other_sharding(trainer.accelerator)
    return trainer


def _with_reference(dataset: Any, reference: NDArray[np.float64]) -> Any:
    columns = dataset.add_column("ref_chosen_logps", reference[0])
    return columns.add_column("ref_rejected_logps", reference[1])


def _train_against(call: Call, trainer: Any, dataset: Any, order: NDArray[np.int64]) -> None:
    """Run the optimizer from the last whole checkpoint on, and check what has to hold then.

    dataset: all rows, with what the reference says of them; its last one stands in for none.
    """
    options, ranks = call.options, call.ranks
    trainer.train_dataset = dataset.select(filled_up(order, options.batch, ranks, len(dataset) - 1))
    begin = Invariants.of(trainer.model, call.stage.name)
    checkpoint = ranks.told(lambda: latest_whole(Path(trainer.args.output_dir)))
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    done = steps_in(checkpoint) * options.batch * options.accumulation
    begin.check_visits(trainer.seen, share_of(order[done:].tolist(), options.batch, ranks))
    begin.check(trainer.model)
    begin.check_agreement(trainer.model, ranks)


def _refuse_impossible(call: Call) -> None:
    policy, reference = call.policy, call.reference
    if call.options.peft == "none":
        return  # the reference is a model of its own
    same_base = (reference.revision, reference.dtype) == (policy.revision, policy.dtype)
    if reference.key != policy.key and not (same_base and len(reference.adapters) <= 1):
        raise UdasaError(
            f"stage {call.stage.name}: the reference is neither the policy at the stage's start, nor its "
            "bare base, nor that under another adapter. "
            'Set [trainer] reference to "previous_stage" or "base".'
        )


def _claim(file: Path, key: str) -> None:
    """Write whose work the folder holds; refuse a folder with somebody else's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        write_json(file, key)
    elif json.loads(file.read_text()) != key:
        raise UdasaError(
            f"{file.parent} holds unfinished training of other pairs, models or options: delete it"
        )


def _finished(call: Call, key: str) -> Report | None:
    """Return the report of an earlier call that came to its end, if what it trained still lies there."""
    file = call.out_dir / "report.json"
    if not file.is_file():
        return None
    report = json.loads(file.read_text())
    # What lies there may be somebody else's.
    if not isinstance(report, dict) or report.get("call") != key:
        return None
    weights, model = call.out_dir / "adapter" / WEIGHTS, call.out_dir / "model"
    if call.options.peft == "lora":
        made = file_digest(weights) if weights.is_file() else None
    else:
        made = model_digest(model) if model.is_dir() else None
    return _report(call, report) if report.get("made") == made else None


def _report(call: Call, plain: dict[str, Any]) -> Report:
    if call.options.peft == "lora":
        policy = call.policy.with_adapter(Adapter(plain["made"], str(call.out_dir / "adapter")))
    else:
        policy = call.policy.with_weights(plain["made"], str(call.out_dir / "model"))
    return Report(
        stage=call.stage.name,
        trainer=call.trainer,
        pairs=plain["pairs"],
        policy=policy,
        metrics=plain["metrics"],
        history=tuple(plain["history"]),
    )
