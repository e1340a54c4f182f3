"""Groups made of sampled groups: fewer responses of each, or written answers beside the policy's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from udasa_core.job.job import Job
from udasa_core.models.measured import measured_group
from udasa_core.plugins.identity import core_digest
from udasa_core.records import Group, Response
from udasa_core.store.output import Output
from udasa_core.store.store import INFERENCE, Shards, versions
from udasa_core.store.tables import groups_from, groups_table


def first_responses(job: Job, groups: Shards, responses: int) -> Shards:
    """Return groups of the first `responses` of each prompt's responses, a shard for each shard."""

    def first(group: Group) -> Group:
        return replace(group, responses=group.responses[:responses])

    made = _regrouped(job, groups, f"first {responses}", {"first": responses}, first)
    # A split of its own: what is scored of it must not stand in the manifest in the place of the whole.
    return replace(made, split=f"{groups.split}, first {responses}")


def with_written(job: Job, groups: Shards, answers: Mapping[str, Sequence[str]]) -> Shards:
    """Return groups whose first responses are the written answers to their prompt, the sampled ones behind.

    answers: prompt id → texts, which get the policy's token statistics by one teacher-forced pass.
    """
    ingredients = {"written": dict(answers), "policy": job.base.key, "software": versions(*INFERENCE)}

    def joined(group: Group) -> Group:
        return replace(group, responses=(*_written(job, group, answers[group.prompt.id]), *group.responses))

    return _regrouped(job, groups, "written answers", ingredients, joined)


def _regrouped(
    job: Job, groups: Shards, name: str, ingredients: Mapping[str, Any], make: Callable[[Group], Group]
) -> Shards:
    """Return what `make` makes of each group, a shard for each shard; what is in the store is not made."""
    code = core_digest(__name__)
    keys = [
        job.fingerprint("sample", {**ingredients, "groups": key, "regroup": code})
        for key in groups.fingerprints
    ]
    label = f"{name}, {groups}"
    job.outputs.point(Output("sample", groups.split, groups.round, name), label, keys)
    missing = {key for key in keys if not job.store.is_whole("sample", key)}
    with job.outputs.step(label, len(keys), len(missing)) as advance:
        for whole, key in zip(groups.fingerprints, keys, strict=True):
            if key in missing:
                made = [make(group) for group in groups_from(job.store.read_table("sample", whole))]
                job.store.write_table("sample", key, groups_table(made))
                advance()
    return replace(groups, fingerprints=tuple(keys))


def _written(job: Job, group: Group, texts: Sequence[str]) -> tuple[Response, ...]:
    lm = job.resources.causal_lm(job.base)
    if not lm.tokenizer.chat_template:
        end = lm.end_of_turn("plain")
    else:
        end = lm.end_of_turn(**job.config.rendering)
    return measured_group(lm, group.prompt, group.prompt_token_ids, texts, end).responses
