"""Groups that hold written answers beside the policy's own: what does a dimension say of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from udasa_core import Group, Response
from udasa_core.job import Job
from udasa_core.store import INFERENCE, Shards, versions
from udasa_core.tables import groups_from, groups_table


def with_written(job: Job, groups: Shards, answers: Mapping[str, Sequence[str]]) -> Shards:
    """Return groups whose first responses are the written answers to their prompt, the sampled ones behind.

    answers: prompt id → texts. A written answer has the policy's token statistics, by one teacher-forced
    pass; consistency then compares it with what the policy says by itself.
    """
    keys = [
        job.fingerprint(
            "sample",
            {
                "written": dict(answers),
                "groups": key,
                "policy": job.base.key,
                "software": versions(*INFERENCE),
            },
        )
        for key in groups.fingerprints
    ]
    name = f"written answers {groups}"
    job.point(name, "sample", keys)
    todo = sum(not job.store.has("sample", key) for key in keys)
    with job.step(name, len(keys), todo) as advance:
        for sampled, key in zip(groups.fingerprints, keys, strict=True):
            if not job.store.has("sample", key):
                read = groups_from(job.store.read_table("sample", sampled))
                whole = [_joined(job, group, answers[group.prompt.id]) for group in read]
                job.store.write_table("sample", key, groups_table(whole))
                advance()
    return replace(groups, fingerprints=tuple(keys))


def _joined(job: Job, group: Group, texts: Sequence[str]) -> Group:
    lm = job.resources.causal_lm(job.base)
    # The last token of a rendered conversation's answer, whatever the template.
    end = lm.end_of_turn("chat" if lm.tokenizer.chat_template else "plain", {})
    token_ids = [[*lm.encode(text), end] for text in texts]
    statistics = lm.token_statistics([list(group.prompt_token_ids)] * len(texts), token_ids)
    written = tuple(
        Response(
            text=text,
            token_ids=tuple(ids),
            logprobs=figures.logprobs,
            sampling_logprobs=figures.logprobs,
            entropies=figures.entropies,
            finish_reason="stop",
        )
        for text, ids, figures in zip(texts, token_ids, statistics, strict=True)
    )
    return replace(group, responses=(*written, *group.responses))
