"""Step `train`: a stage → a report. Each stage's trainer continues the policy that the one before it left."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from udasa_core.errors import PluginError, SourceError, UdasaError
from udasa_core.job.job import Job, log
from udasa_core.job.observers import TEXTS
from udasa_core.launching.launch import launch_of
from udasa_core.launching.ranks import train_by_ranks
from udasa_core.plugins.returned.report import check_report
from udasa_core.records import Event, ModelRef, Report
from udasa_core.sources.digests import ADAPTER, MODEL, trained_digest, weights_digest
from udasa_core.store.output import Output
from udasa_core.store.run_folder import trained
from udasa_core.store.store import TRAINING_SOFTWARE, StagedPairs, versions
from udasa_core.store.tables import read_pairs

# The core's own report in a stage's folder.
SEALED = "stage.json"
# What a trainer leaves for the one of the next stage, if it leaves anything.
STATE = "state"


def train_stage(
    job: Job, staged: StagedPairs, policy: ModelRef, anchor: ModelRef, earlier: Sequence[StagedPairs] = ()
) -> Report:
    """Have one stage's trainer go on with `policy`; its report's policy is what the next stage goes on with.

    anchor: what `reference = "base"` compares with, in this round. earlier: the stages that were trained
    before, of whose pairs `replay` draws some once more. A stage with too few pairs of its own is skipped,
    and hands its policy on unchanged.
    """
    stage, training = staged.stage, job.config.training_of(staged.stage.name)
    asked = {TEXTS: _texts(job, staged)} if job.observed_texts else {}
    job.observe(Event("started", "stage", staged.label, 0, stage.size, asked))
    if stage.size < training.min_pairs:
        reason = f"{stage.size} pairs, fewer than min_pairs = {training.min_pairs}"
        trainer = job.stack.trainer(stage.name).name
        report = Report(stage.name, trainer, stage.size, policy, skipped=reason)
    else:
        reference = policy if training.reference == "previous_stage" else anchor
        staged = _with_replayed(job, staged, earlier, training.replay)
        report = _trained(job, staged, policy, reference)
    if report.skipped:
        log.warning("stage %s is skipped: %s", staged.label, report.skipped)
    detail = {**report.metrics, "skipped": report.skipped}
    job.observe(Event("finished", "stage", staged.label, report.pairs, staged.stage.size, detail))
    return report


def _texts(job: Job, staged: StagedPairs) -> list[dict[str, Any]]:
    """Return the first of a stage's pairs as texts, as many as some observer asks for."""
    pairs = read_pairs(job.store.path(staged.step, staged.pairs))
    return [
        {
            "prompt": [{"role": one.role, "content": one.content} for one in pair.prompt.messages],
            "chosen": pair.chosen.text,
            "rejected": pair.rejected.text,
        }
        for pair in islice(pairs, job.observed_texts)
    ]


def _with_replayed(
    job: Job, staged: StagedPairs, earlier: Sequence[StagedPairs], share: float
) -> StagedPairs:
    """Return a stage's pairs, and behind them a share of those of earlier stages, drawn by the run's seed."""
    if not share:
        return staged
    import numpy as np

    name = staged.stage.name
    ids = [job.store.read_table("stage", one.pairs, ["pair_id"])["pair_id"].to_pylist() for one in earlier]
    pool = [(one.pairs, pair) for one, its in zip(earlier, ids, strict=True) for pair in its]
    count = round(share * len(pool))
    if not count:
        return staged
    drawn = np.random.default_rng(job.seed("replay", staged.label)).choice(len(pool), count, replace=False)
    again = [pool[place] for place in sorted(drawn.tolist())]
    key = job.outputs.once(
        Output("replay", round=staged.round, instance=name),
        f"pairs of stage {staged.label} with {count} replayed",
        {"pairs": staged.pairs, "replayed": again},
        lambda key: _write_with_replayed(job, staged.pairs, again, key),
        suffix=".parquet",
    )
    stage = replace(staged.stage, size=staged.stage.size + count, replayed=count)
    return replace(staged, stage=stage, pairs=key, step="replay")


def _write_with_replayed(job: Job, own: str, again: Sequence[tuple[str, str]], key: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = [job.store.read_table("stage", own)]
    for source in dict.fromkeys(pairs for pairs, _ in again):
        wanted = pa.array([pair for pairs, pair in again if pairs == source], type=pa.string())
        table = job.store.read_table("stage", source)
        parts.append(table.filter(pc.is_in(table["pair_id"], value_set=wanted)))
    job.store.write_table("replay", key, pa.concat_tables(parts))


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
        "place": [stage.before, stage.after],
        "policy": policy.key,
        "reference": reference.key,
        "seed": seed,
        "software": versions(*TRAINING_SOFTWARE),
    }
    launch = launch_of(job.config)
    if launch is not None and launch.identity:
        ingredients["launch"] = launch.identity
    earlier_state = None if policy.key == job.base.key else _state_beside(policy)
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
    """Return the state that the trainer of a policy left beside it, None where it left none."""
    made = policy.adapters[-1].folder if policy.adapters else policy.folder
    state = Path(made).parent / STATE
    return state if state.is_dir() else None


def _make(job: Job, call: _Call, key: str) -> None:
    """Have the stage trained in its working folder, then seal that and make it the output.

    The core's report is written first, under a name that no trainer uses: a kill at any later instant
    leaves a sealed folder, which the next call only tidies and moves.
    """
    # Whoever waits for another run needs no model meanwhile.
    job.release()
    with job.store.folder("train", key, f"run {job.config.run.name}") as out_dir:
        if out_dir is None:
            return
        if not _is_sealed(out_dir):
            report = _ask(job, call, out_dir)
            made = {} if report.skipped else dict([trained_digest(out_dir)])
            job.store.write_json("train", f"{key}.partial/stage", _plain(report, made))
        for entry in sorted(out_dir.iterdir()):
            # Checkpoints have served; what is left of them is not part of the output.
            if entry.name not in (ADAPTER, MODEL, STATE, SEALED):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        job.store.finish_folder("train", key)


def _is_sealed(out_dir: Path) -> bool:
    """Say whether a working folder holds a report of the core, and the adapter or model that it is of."""
    try:
        plain = json.loads((out_dir / SEALED).read_bytes())
        told = {name: plain[name] for name in (ADAPTER, MODEL) if plain[name]}
        return bool(not told or told == dict([trained_digest(out_dir)]))
    except (OSError, ValueError, TypeError, KeyError, SourceError):
        return False


def _ask(job: Job, call: _Call, out_dir: Path) -> Report:
    stage = call.staged.stage
    plugin = job.stack.trainer(stage.name)
    asked = {
        "stage": stage,
        "pairs": job.store.path(call.staged.step, call.staged.pairs),
        "policy": call.policy,
        "reference": call.reference,
        "out_dir": out_dir,
        "seed": call.seed,
        "earlier_state": call.earlier_state,
    }
    launch = launch_of(job.config)
    if launch is not None:
        answer = train_by_ranks(job, launch, plugin, asked)
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UdasaError(
            "this run was itself started by a launcher, as one of several (WORLD_SIZE is set): start it by "
            'itself, and name the launcher in its TOML: [train] launcher = "torchrun", processes = …'
        )
    else:
        answer = job.stack.call(plugin, "udasa_train", **asked)
    report = check_report(plugin, stage, call.policy, out_dir, answer)
    if stage.replayed and not report.skipped:
        report = replace(report, metrics={"pairs_replayed": stage.replayed, **report.metrics})
    if report.policy.adapters and not report.skipped:
        told, found = report.policy.adapters[-1].sha256, weights_digest(out_dir / ADAPTER)
        if told != found:
            raise PluginError(f"{plugin} reported an adapter {told[:12]}…, but its weights are {found[:12]}…")
    return report


def _plain(report: Report, made: Mapping[str, str]) -> dict[str, Any]:
    """Return a report as canonical data: no path, no time, so that equal training is equal bytes.

    made: the identity of the adapter, its configuration included, or of the model, by which of the two it is.
    """
    return {
        "stage": report.stage,
        "trainer": report.trainer,
        "pairs": report.pairs,
        ADAPTER: made.get(ADAPTER, ""),
        MODEL: made.get(MODEL, ""),
        "metrics": dict(report.metrics),
        "history": [dict(one) for one in report.history],
        "skipped": report.skipped,
    }


def _read(job: Job, key: str, policy: ModelRef) -> Report:
    plain = job.store.read_json("train", f"{key}/stage")
    if not plain["skipped"]:
        policy = trained(policy, plain, job.store.path("train", key, ""))
    return Report(
        stage=plain["stage"],
        trainer=plain["trainer"],
        pairs=plain["pairs"],
        policy=policy,
        metrics=plain["metrics"],
        history=tuple(plain["history"]),
        skipped=plain["skipped"],
    )
