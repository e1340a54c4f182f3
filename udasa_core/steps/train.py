"""Step `train`: stages → reports. Each stage's trainer continues the policy that the one before it left."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from udasa_core.errors import PluginError, UdasaError
from udasa_core.plugins import returned
from udasa_core.records import Adapter, Event, ModelRef, Report
from udasa_core.running.job import Job, log
from udasa_core.sources.digests import ADAPTER, weights_digest
from udasa_core.store.store import StagedPairs, versions

# The core's own report in a stage's folder.
SEALED = "stage.json"


def train(job: Job, stages: Sequence[StagedPairs]) -> tuple[Report, ...]:
    """Train stage after stage, and return a report each; the last one's policy is the aligned model.

    Raises UdasaError where every stage was skipped: there is no aligned model then.
    """
    reports: list[Report] = []
    policy = job.base
    for staged in stages:
        reports.append(_train_stage(job, staged, policy))
        policy = reports[-1].policy
    if all(report.skipped for report in reports):
        told = "\n".join(f"  {report.stage}: {report.skipped}" for report in reports)
        raise UdasaError(
            f"every stage was skipped, so nothing was trained:\n{told}\n"
            "Give more prompts, or lower [trainer] min_pairs."
        )
    return tuple(reports)


def _train_stage(job: Job, staged: StagedPairs, policy: ModelRef) -> Report:
    stage, training = staged.stage, job.config.training
    plugin = job.stack.trainer(stage.name)
    job.observe(Event("started", "stage", stage.name, 0, stage.size))
    if stage.size < training.min_pairs:
        reason = f"{stage.size} pairs, fewer than min_pairs = {training.min_pairs}"
        report = Report(stage.name, plugin.name, stage.size, policy, skipped=reason)
    else:
        reference = policy if training.reference == "previous_stage" else job.base
        report = _trained(job, staged, policy, reference)
    if report.skipped:
        log.warning("stage %s is skipped: %s", stage.name, report.skipped)
    detail = {**report.metrics, "skipped": report.skipped}
    job.observe(Event("finished", "stage", stage.name, report.pairs, stage.size, detail))
    return report


def _trained(job: Job, staged: StagedPairs, policy: ModelRef, reference: ModelRef) -> Report:
    stage = staged.stage
    plugin = job.stack.trainer(stage.name)
    seed = job.seed("train", stage.name)
    key = job.fingerprint(
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
    return _read(job, key, policy)


def _make(job: Job, staged: StagedPairs, policy: ModelRef, reference: ModelRef, key: str, seed: int) -> None:
    """Have the stage trained in its working folder, then seal that and make it the output.

    The core's report is written first, under a name that no trainer uses: a kill at any later instant
    leaves a sealed folder, which the next call only tidies and moves.
    """
    with job.store.folder("train", key) as out_dir:
        if not (out_dir / SEALED).exists():
            report = _call(job, staged, policy, reference, out_dir, seed)
            job.store.write_json("train", f"{key}.partial/stage", _plain(report))
        for entry in sorted(out_dir.iterdir()):
            # Checkpoints have served; what is left of them is not part of the output.
            if entry.name not in (ADAPTER, SEALED):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        job.store.finish_folder("train", key)


def _call(
    job: Job, staged: StagedPairs, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
) -> Report:
    stage = staged.stage
    plugin = job.stack.trainer(stage.name)
    job.resources.release()
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
    report = returned.check_report(plugin, stage, policy, out_dir, answer)
    if not report.skipped:
        told, found = report.policy.adapters[-1].sha256, weights_digest(out_dir / ADAPTER)
        if told != found:
            raise PluginError(f"{plugin} reported an adapter {told[:12]}…, but its weights are {found[:12]}…")
    return report


def _plain(report: Report) -> dict[str, Any]:
    """Return a report as canonical data: no path, no time, so that equal training is equal bytes."""
    return {
        "stage": report.stage,
        "trainer": report.trainer,
        "pairs": report.pairs,
        "adapter": "" if report.skipped else report.policy.adapters[-1].sha256,
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
