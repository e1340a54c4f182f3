"""Scores with errors planted in them: noise, and prompts whose order is turned round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from udasa_core.job.job import Job
from udasa_core.job.outputs import seed_of
from udasa_core.plugins.identity import core_digest
from udasa_core.records import Abstain, Score, Scores
from udasa_core.store.output import Output
from udasa_core.store.store import Shards
from udasa_core.store.tables import scores_from, scores_table


def disturbed(job: Job, scores: Shards, noise: float, flips: float) -> Shards:
    """Return scores whose U are disturbed, a shard for each shard; see `OpenRun.disturb`."""
    name = " and ".join(
        told for told, dose in ((f"noise {noise:g}", noise), (f"flips {flips:g}", flips)) if dose
    )
    made_of = {"noise": noise, "flips": flips, "seed": job.seed("disturb"), "disturb": core_digest(__name__)}
    keys = [job.fingerprint("aggregate", {**made_of, "scores": key}) for key in scores.fingerprints]
    label = f"{name}, {scores}"
    job.outputs.point(Output("aggregate", scores.split, scores.round, name), label, keys)
    missing = {key for key in keys if not job.store.is_whole("aggregate", key)}
    with job.outputs.step(label, len(keys), len(missing)) as advance:
        for whole, key in zip(scores.fingerprints, keys, strict=True):
            if key in missing:
                read = scores_from(job.store.read_table("aggregate", whole))
                made = [_disturbed(one, noise, flips, job.seed("disturb")) for one in read]
                job.store.write_table("aggregate", key, scores_table(made))
                advance()
    # A split of its own: what is paired of it must not stand in the place of what is undisturbed.
    return replace(scores, split=f"{scores.split}, {name}", fingerprints=tuple(keys))


def _disturbed(scores: Scores, noise: float, flips: float, seed: int) -> Scores:
    import numpy as np

    # By the prompt alone: a larger dose disturbs what a smaller one does, and more of it.
    random = np.random.default_rng(seed_of(seed, scores.prompt_id))
    is_flipped = random.random() < flips
    drawn = random.standard_normal(len(scores.U))
    us = [u for u in scores.U if not isinstance(u, Abstain)]
    turned = min(us) + max(us) if us and is_flipped else None

    def told() -> Iterator[Score]:
        for u, one in zip(scores.U, drawn, strict=True):
            if isinstance(u, Abstain):
                yield u
            else:
                plain = u if turned is None else turned - u
                yield min(1.0, max(0.0, plain + noise * float(one)))

    return replace(scores, U=tuple(told()))
