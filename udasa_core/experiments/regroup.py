"""Groups made of sampled groups: fewer responses of each, written answers beside the policy's own, or the
same responses as another model reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from udasa_core.job.job import Job
from udasa_core.models.measured import measured_group
from udasa_core.plugins.identity import core_digest
from udasa_core.records import Group, ModelRef, Response
from udasa_core.store.output import Output
from udasa_core.store.store import INFERENCE, Shards, versions
from udasa_core.store.tables import groups_from, groups_table

if TYPE_CHECKING:
    from udasa_core.models.causal_lm import CausalLM


def first_responses(job: Job, groups: Shards, responses: int) -> Shards:
    """Return groups of the first `responses` of each prompt's responses, a shard for each shard."""

    def first(group: Group, _: Group) -> Group:
        return replace(group, responses=group.responses[:responses])

    made = _regrouped(job, groups, f"first {responses}", {"first": responses}, first)
    # A split of its own: what is scored of it must not stand in the manifest in the place of the whole.
    return replace(made, split=f"{groups.split}, first {responses}")


def with_written(job: Job, groups: Shards, answers: Mapping[str, Sequence[str]]) -> Shards:
    """Return groups whose first responses are the written answers to their prompt, the sampled ones behind.

    answers: prompt id → texts, which get the policy's token statistics by one teacher-forced pass.
    """
    ingredients = {"written": dict(answers), "policy": job.base.key, "software": versions(*INFERENCE)}

    def joined(group: Group, _: Group) -> Group:
        return replace(group, responses=(*_written(job, group, answers[group.prompt.id]), *group.responses))

    return _regrouped(job, groups, "written answers", ingredients, joined)


def reread(job: Job, groups: Shards, voters: Sequence[Shards], policy: ModelRef) -> Shards:
    """Return the same responses as `policy` reads them, beside voters that it gave itself.

    voters: its blocks of voters to the same prompts, one at least; they say how it is shown a prompt, too. A
    policy that was trained from the base reads the very tokens, another model the texts by its own tokenizer.
    """
    shown, *_ = voters
    is_own = _is_trained_from(job.base, policy)
    ingredients = {"reread by": policy.key, "very tokens": is_own, "software": versions(*INFERENCE)}
    made = _regrouped(
        job,
        groups,
        f"as {policy.key} reads them",
        ingredients,
        lambda group, seen: _reread(job, group, seen, policy),
        beside=shown.fingerprints,
    )
    return replace(
        made,
        split=f"{shown.split}, read by {policy.key}",
        voters=tuple(block.fingerprints for block in voters),
    )


def _regrouped(
    job: Job,
    groups: Shards,
    name: str,
    ingredients: Mapping[str, Any],
    make: Callable[[Group, Group], Group],
    beside: Sequence[str] = (),
) -> Shards:
    """Return what `make` makes of each group, a shard for each shard; what is in the store is not made.

    beside: shards of groups of the same prompts, whose groups `make` gets second; default, its own ones.
    """
    code = core_digest(__name__)
    sources = [
        (key, other) for key, other in zip(groups.fingerprints, beside or groups.fingerprints, strict=True)
    ]
    keys = [
        job.fingerprint(
            "sample", {**ingredients, "groups": key, "regroup": code, **({"beside": other} if beside else {})}
        )
        for key, other in sources
    ]
    label = f"{name}, {groups}"
    job.outputs.point(Output("sample", groups.split, groups.round, name), label, keys)
    missing = {key for key in keys if not job.store.is_whole("sample", key)}
    with job.outputs.step(label, len(keys), len(missing)) as advance:
        for (whole, other), key in zip(sources, keys, strict=True):
            if key in missing:
                pairs = zip(_groups(job, whole), _groups(job, other), strict=True)
                job.store.write_table("sample", key, groups_table([make(*pair) for pair in pairs]))
                advance()
    return replace(groups, fingerprints=tuple(keys))


def _groups(job: Job, key: str) -> Sequence[Group]:
    return groups_from(job.store.read_table("sample", key))


def _reread(job: Job, group: Group, seen: Group, policy: ModelRef) -> Group:
    """Return a group with the statistics of another policy, `seen` being what that gave to the prompt."""
    lm = job.resources.causal_lm(policy)
    if not _is_trained_from(job.base, policy):
        texts = [lm.spelled(seen.prompt_token_ids, "", one.text) for one in group.responses]
        return measured_group(lm, group.prompt, seen.prompt_token_ids, texts, _end_of_turn(job, lm))
    said = [one.token_ids for one in group.responses]
    statistics = lm.token_statistics([group.prompt_token_ids] * len(said), said)
    responses = tuple(
        replace(one, logprobs=found.logprobs, entropies=found.entropies)
        for one, found in zip(group.responses, statistics, strict=True)
    )
    return replace(group, responses=responses, policy=policy.key)


def _is_trained_from(base: ModelRef, policy: ModelRef) -> bool:
    """Say whether a policy is the base, with an adapter or with weights of its own: it has its tokenizer."""
    return policy.revision == base.revision or policy.source == base.source


def _written(job: Job, group: Group, texts: Sequence[str]) -> tuple[Response, ...]:
    lm = job.resources.causal_lm(job.base)
    end = _end_of_turn(job, lm)
    return measured_group(lm, group.prompt, group.prompt_token_ids, texts, end).responses


def _end_of_turn(job: Job, lm: CausalLM) -> int:
    return lm.end_of_turn(**job.config.rendering) if lm.tokenizer.chat_template else lm.end_of_turn("plain")
