"""What generators and trainers owe: both work on a real model, which the caller brings (tiny will do)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.plugins.returned.groups import check_groups, check_refusals
from udasa_core.plugins.returned.report import check_report
from udasa_core.records import Group, ModelRef, Pair, Prompt, Report, SamplingOptions, Stage
from udasa_core.resources.shared import SharedResources
from udasa_core.sources.digests import ADAPTER, MODEL, weights_digest
from udasa_core.testing.factory import Tested, build, demand
from udasa_core.testing.fakes import FakeResources
from udasa_core.testing.planted import SEED, sample_pairs, sample_prompts

_SAMPLING = SamplingOptions(responses=3, temperature=1.0, max_new_tokens=8)


def check_generator(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    *,
    policy: ModelRef,
    resources: SharedResources | None = None,
    prompts: Sequence[Prompt] | None = None,
    sampling: SamplingOptions = _SAMPLING,
    seed: int = SEED,
) -> tuple[Group, ...]:
    """Check a generator on planted prompts, or on `prompts`; return its groups.

    Beside the contract of `udasa_generate`: the same arguments give the same groups from another instance;
    and `udasa_admit`, where it is there, says one text a prompt (those that it refuses are not sampled).
    """
    given = tuple(prompts) if prompts is not None else sample_prompts()
    shared = resources if resources is not None else FakeResources(policy)
    tested = build("generator", factory, options, shared)
    if tested.implements("udasa_admit"):
        answer = tested.call("udasa_admit", prompts=given, sampling=sampling)
        refusals = check_refusals(tested.plugin, given, answer)
        given = tuple(prompt for prompt, refusal in zip(given, refusals, strict=True) if not refusal)
    demand(bool(given), f"{tested.plugin} admits none of the prompts")
    groups = _groups(tested, given, sampling, policy, seed)
    again = _groups(build("generator", factory, options, shared), given, sampling, policy, seed)
    demand(groups == again, f"{tested.plugin} answers the same prompts and seed differently the second time")
    return groups


def _groups(
    tested: Tested, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
) -> tuple[Group, ...]:
    answer = tested.call("udasa_generate", prompts=prompts, sampling=sampling, policy=policy, seed=seed)
    return tuple(check_groups(tested.plugin, prompts, sampling, policy, answer))


def check_trainer(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    *,
    policy: ModelRef,
    folder: Path,
    resources: SharedResources | None = None,
    pairs: Sequence[Pair] | None = None,
    seed: int = SEED,
) -> Report:
    """Check a trainer on planted pairs, or on `pairs`, the policy being its own reference; return its report.

    folder: an empty one to work in. Beside the contract of `udasa_train`: the reported adapter is the one
    that lies there; figures are finite; the policy and the pairs are left as they are; the same call in
    another folder ends with the same weights and figures; and a call that is made again changes nothing.
    """
    import pyarrow.parquet as pq

    from udasa_core.store.tables import pairs_table

    given = tuple(pairs) if pairs is not None else sample_pairs()
    file = folder / "pairs.parquet"
    pq.write_table(pairs_table(given), file)
    before = [_digest(file), _digest(Path(policy.folder))]
    shared = resources if resources is not None else FakeResources(policy)
    tested = build("trainer", factory, options, shared)
    stage = Stage("planted", len(given), tested.plugin.name, dict(options or {}))

    def train(out_dir: Path, trainer: Tested = tested) -> Report:
        out_dir.mkdir(exist_ok=True)
        arguments = {"stage": stage, "pairs": file, "policy": policy, "reference": policy}
        answer = trainer.call("udasa_train", **arguments, out_dir=out_dir, seed=seed, earlier_state=None)
        return _checked(trainer, stage, policy, out_dir, answer)

    report = train(folder / "one")
    other = train(folder / "other", build("trainer", factory, options, shared))
    demand(
        _plain(other) == _plain(report),
        f"{tested.plugin}: the same call in another folder ends with other weights or figures",
    )
    made = folder / "one" / (ADAPTER if report.policy.adapters else MODEL)
    whole = _digest(made)
    demand(
        _plain(train(folder / "one")) == _plain(report) and _digest(made) == whole,
        f"{tested.plugin}: a call that is made again ends with other weights or figures",
    )
    demand(
        [_digest(file), _digest(Path(policy.folder))] == before,
        f"{tested.plugin} changed the pairs or the policy's own files; it writes under out_dir alone",
    )
    return report


def _checked(tested: Tested, stage: Stage, policy: ModelRef, out_dir: Path, answer: Any) -> Report:
    report = check_report(tested.plugin, stage, policy, out_dir, answer)
    if not report.policy.adapters:
        return report
    told = report.policy.adapters[-1].sha256
    found = weights_digest(out_dir / ADAPTER)
    demand(told == found, f"{tested.plugin} reports an adapter {told[:12]}…; its weights are {found[:12]}…")
    return report


def _plain(report: Report) -> str:
    history = [dict(figures) for figures in report.history]
    return json.dumps([report.policy.key, dict(report.metrics), history], sort_keys=True)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's names and contents; of nothing where it is not there."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
