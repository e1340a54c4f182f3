"""Step `train`: stages → reports. Each stage's trainer continues the policy that the one before it left."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from udasa_core import doors
from udasa_core.errors import PluginError
from udasa_core.job import Job
from udasa_core.records import Adapter, Event, ModelRef, Report
from udasa_core.store import StagedPairs, fingerprint, versions

ADAPTER = "adapter"
_WEIGHTS = "adapter_model.safetensors"


def train(job: Job, stages: Sequence[StagedPairs]) -> tuple[Report, ...]:
    """Train stage after stage, and return a report each; the last one's policy is the aligned model."""
    reports: list[Report] = []
    policy = job.base
    for staged in stages:
        reports.append(_train_stage(job, staged, policy))
        policy = reports[-1].policy
    return tuple(reports)


def _train_stage(job: Job, staged: StagedPairs, policy: ModelRef) -> Report:
    stage, training = staged.stage, job.config.training
    plugin = job.stack.trainer(stage.name)
    if stage.size < training.min_pairs:
        reason = f"{stage.size} pairs, fewer than min_pairs = {training.min_pairs}"
        with job.step(f"train {stage.name} (skipped: {reason})", 0, 0):
            return Report(stage.name, plugin.name, 0, policy, skipped=reason)
    reference = policy if training.reference == "previous_stage" else job.base
    seed = job.seed("train", stage.name)
    key = fingerprint(
        "train",
        {
            "trainer": job.identity(plugin),
            "stage": stage.name,
            "pairs": staged.pairs,
            "policy": policy.key,
            "reference": reference.key,
            "seed": seed,
            "software": versions("torch", "transformers", "trl", "peft", "accelerate"),
        },
    )
    job.point(f"train {stage.name}", "train", [key])
    todo = int(not job.store.has("train", key, ""))
    with job.step(f"train {stage.name}", 1, todo) as advance:
        if todo:
            _make(job, staged, policy, reference, key, seed)
            advance()
    report = _read(job, key, policy)
    job.observe(Event("finished", "stage", stage.name, 1, 1, dict(report.metrics)))
    return report


def _make(job: Job, staged: StagedPairs, policy: ModelRef, reference: ModelRef, key: str, seed: int) -> None:
    stage = staged.stage
    plugin = job.stack.trainer(stage.name)
    job.resources.release()
    with job.store.folder("train", key) as out_dir:
        if job.store.has("train", key, ""):
            return  # another process finished it while this one waited to look
        answer = job.stack.call(
            plugin,
            "udasa_train",
            stage=stage,
            pairs=job.store.path("stage", staged.pairs),
            policy=policy,
            reference=reference,
            out_dir=out_dir,
            seed=seed,
        )
        report = doors.check_report(plugin, stage, policy, out_dir, answer)
        told = report.policy.adapters[-1].sha256
        found = weights_digest(out_dir / ADAPTER)
        if told != found:
            raise PluginError(f"{plugin} reported an adapter {told[:12]}…, but its weights are {found[:12]}…")
        for entry in sorted(out_dir.iterdir()):
            # Checkpoints have served; what is left of them is not part of the output.
            if entry.name != ADAPTER:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        job.store.write_json("train", f"{key}.partial/report", _plain(report))
        job.store.finish_folder("train", key)


def _plain(report: Report) -> dict[str, Any]:
    """Return a report as canonical data: no path, no time, so that equal training is equal bytes."""
    return {
        "stage": report.stage,
        "trainer": report.trainer,
        "pairs": report.pairs,
        "adapter": report.policy.adapters[-1].sha256,
        "metrics": dict(report.metrics),
        "history": [dict(one) for one in report.history],
    }


def _read(job: Job, key: str, policy: ModelRef) -> Report:
    plain = job.store.read_json("train", f"{key}/report")
    adapter = Adapter(plain["adapter"], str(job.store.path("train", key, "") / ADAPTER))
    return Report(
        stage=plain["stage"],
        trainer=plain["trainer"],
        pairs=plain["pairs"],
        policy=policy.with_adapter(adapter),
        metrics=plain["metrics"],
        history=tuple(plain["history"]),
    )


def weights_digest(adapter: Path) -> str:
    """Return the SHA-256 of an adapter's weights."""
    with (adapter / _WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
