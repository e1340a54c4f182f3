"""Step `train`: a stage → a report. Each stage's trainer continues the policy that the one before it left."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core.errors import PluginError, SourceError
from udasa_core.job.job import Job, log
from udasa_core.plugins.returned.report import check_report
from udasa_core.records import Adapter, Event, ModelRef, Report
from udasa_core.sources.digests import ADAPTER, adapter_digest, weights_digest
from udasa_core.store.output import Output
from udasa_core.store.store import TRAINING_SOFTWARE, StagedPairs, versions

# The core's own report in a stage's folder.
SEALED = "stage.json"
# What a trainer leaves for the one of the next stage, if it leaves anything.
STATE = "state"


def train_stage(job: Job, staged: StagedPairs, policy: ModelRef, anchor: ModelRef) -> Report:
    """Have one stage's trainer go on with `policy`; its report's policy is what the next stage goes on with.

    anchor: what `reference = "base"` compares with, in this round. A stage with too few pairs is skipped, and
    hands its policy on unchanged.
    """
    stage, training = staged.stage, job.config.training
    job.observe(Event("started", "stage", staged.label, 0, stage.size))
    if stage.size < training.min_pairs:
        reason = f"{stage.size} pairs, fewer than min_pairs = {training.min_pairs}"
        trainer = job.stack.trainer(stage.name).name
        report = Report(stage.name, trainer, stage.size, policy, skipped=reason)
    else:
        reference = policy if training.reference == "previous_stage" else anchor
        report = _trained(job, staged, policy, reference)
    if report.skipped:
        log.warning("stage %s is skipped: %s", staged.label, report.skipped)
    detail = {**report.metrics, "skipped": report.skipped}
    job.observe(Event("finished", "stage", staged.label, report.pairs, stage.size, detail))
    return report


@dataclass(frozen=True, slots=True)
class _Call:
    """What a stage's trainer is asked."""

    staged: StagedPairs
    policy: ModelRef
    reference: ModelRef
    seed: int
    earlier_state: Path | None


def _trained(job: Job, staged: StagedPairs, policy: ModelRef, reference: ModelRef) -> Report:
    stage = staged.stage
    plugin = job.stack.trainer(stage.name)
    seed = job.seed("train", staged.label)
    ingredients = {
        "trainer": job.identity(plugin),
        "stage": stage.name,
        "pairs": staged.pairs,
        "policy": policy.key,
        "reference": reference.key,
        "seed": seed,
        "software": versions(*TRAINING_SOFTWARE),
    }
    earlier_state = _state_beside(policy)
    if earlier_state is not None:
        ingredients["earlier"] = earlier_state.parent.name
    call = _Call(staged, policy, reference, seed, earlier_state)
    key = job.outputs.once(
        Output("train", round=staged.round, instance=stage.name),
        f"train {staged.label}",
        ingredients,
        lambda key: _make(job, call, key),
        suffix="",
    )
    return _read(job, key, policy)


def _state_beside(policy: ModelRef) -> Path | None:
    """Return the state that the trainer of the policy's adapter left beside it, None where it left none."""
    if not policy.adapters:
        return None
    state = Path(policy.adapters[-1].folder).parent / STATE
    return state if state.is_dir() else None


def _make(job: Job, call: _Call, key: str) -> None:
    """Have the stage trained in its working folder, then seal that and make it the output.

    The core's report is written first, under a name that no trainer uses: a kill at any later instant
    leaves a sealed folder, which the next call only tidies and moves.
    """
    with job.store.folder("train", key) as out_dir:
        if not _is_sealed(out_dir):
            report = _ask(job, call, out_dir)
            sha256 = "" if report.skipped else adapter_digest(out_dir / ADAPTER)
            job.store.write_json("train", f"{key}.partial/stage", _plain(report, sha256))
        for entry in sorted(out_dir.iterdir()):
            # Checkpoints have served; what is left of them is not part of the output.
            if entry.name not in (ADAPTER, STATE, SEALED):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        job.store.finish_folder("train", key)


def _is_sealed(out_dir: Path) -> bool:
    """Say whether a working folder holds a report of the core, and the adapter that it is of."""
    try:
        told = json.loads((out_dir / SEALED).read_bytes())["adapter"]
        return bool(told == (adapter_digest(out_dir / ADAPTER) if told else ""))
    except (OSError, ValueError, TypeError, KeyError, SourceError):
        return False


def _ask(job: Job, call: _Call, out_dir: Path) -> Report:
    stage = call.staged.stage
    plugin = job.stack.trainer(stage.name)
    job.resources.release()
    answer = job.stack.call(
        plugin,
        "udasa_train",
        stage=stage,
        pairs=job.store.path("stage", call.staged.pairs),
        policy=call.policy,
        reference=call.reference,
        out_dir=out_dir,
        seed=call.seed,
        earlier_state=call.earlier_state,
    )
    report = check_report(plugin, stage, call.policy, out_dir, answer)
    if not report.skipped:
        told, found = report.policy.adapters[-1].sha256, weights_digest(out_dir / ADAPTER)
        if told != found:
            raise PluginError(f"{plugin} reported an adapter {told[:12]}…, but its weights are {found[:12]}…")
    return report


def _plain(report: Report, sha256: str) -> dict[str, Any]:
    """Return a report as canonical data: no path, no time, so that equal training is equal bytes.

    sha256: the adapter's identity, its configuration included.
    """
    return {
        "stage": report.stage,
        "trainer": report.trainer,
        "pairs": report.pairs,
        "adapter": sha256,
        "metrics": dict(report.metrics),
        "history": [dict(one) for one in report.history],
        "skipped": report.skipped,
    }


def _read(job: Job, key: str, policy: ModelRef) -> Report:
    plain = job.store.read_json("train", f"{key}/stage")
    if not plain["skipped"]:
        adapter = Adapter(plain["adapter"], str(job.store.path("train", key, "") / ADAPTER))
        policy = policy.with_adapter(adapter)
    return Report(
        stage=plain["stage"],
        trainer=plain["trainer"],
        pairs=plain["pairs"],
        policy=policy,
        metrics=plain["metrics"],
        history=tuple(plain["history"]),
        skipped=plain["skipped"],
    )
