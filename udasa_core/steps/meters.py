"""Step `meters`: a policy's groups and scores → figures of each prompt, by which policies are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udasa_core.job.job import Job
from udasa_core.job.parts import made_in_parts
from udasa_core.plugins.compared import same_answers
from udasa_core.records import Abstain, Group, Response, Scores
from udasa_core.store.agreed import Agreed, agreed_from
from udasa_core.store.meters import AGREEMENT, ENTROPY, HALVES_DIFFER, MAJORITY, QUESTION, SINGLE
from udasa_core.store.store import Shards
from udasa_core.store.tables import groups_from, read_groups, scores_from

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy import bool_
    from numpy.typing import NDArray

# Shards that are measured together.
_AT_A_TIME = 16
# Columns that are no figures.
_TEXTS = ("prompt_id", QUESTION, MAJORITY)


def meter(job: Job, groups: Shards, scores: Shards, agreed: Shards) -> str:
    """Return the fingerprint of a table: a row a prompt, a column a figure."""
    output = Shards("meters", groups.split, (), groups.round, policy=groups.policy).output()
    made_of = {
        "groups": groups.fingerprints,
        "voters": groups.voters,
        "scores": scores.fingerprints,
        "agreed": agreed.fingerprints,
    }
    starts = range(0, len(groups.fingerprints), _AT_A_TIME) or (0,)
    parts = [
        {
            **{name: made_of[name][start : start + _AT_A_TIME] for name in ("groups", "scores", "agreed")},
            "voters": [block[start : start + _AT_A_TIME] for block in groups.voters],
        }
        for start in starts
    ]
    return made_in_parts(job, output, f"meters {groups}", made_of, parts)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Measure the prompts of some shards."""
    job.store.write_table("meters", payload["output"], _table(_rows(job, payload)))


def _table(rows: Iterator[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    found = list(rows)
    names = dict.fromkeys(name for row in found for name in row) or dict.fromkeys(_TEXTS)
    kinds = {name: pa.string() if name in _TEXTS else pa.float64() for name in names}
    return pa.Table.from_pylist(found, schema=pa.schema(list(kinds.items())))


def _rows(job: Job, payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = ("groups", "scores", "agreed")
    for number, (group_key, score_key, agreed_key) in enumerate(
        zip(*(payload[name] for name in names), strict=True)
    ):
        agreements = agreed_from(job.store.read_table("agree", agreed_key))
        scored = scores_from(job.store.read_table("aggregate", score_key))
        alone = groups_from(job.store.read_table("sample", group_key))
        voters = [block[number] for block in payload["voters"]]
        heard = read_groups(job.store, group_key, voters)
        for group, whole, one, agreement in zip(alone, heard, scored, agreements, strict=True):
            told = {"prompt_id": group.prompt.id, QUESTION: group.prompt.messages[-1].content}
            yield {**told, **_figures(group, one), **_agreement(whole, agreement)}


def _figures(group: Group, scores: Scores) -> dict[str, float]:
    """Return one prompt's figures: uncertainties in [0, 1], entropy in nats a token, length in tokens,
    shares in [0, 1]; NaN where it has none."""
    responses = group.responses
    tokens = sum(len(one.token_ids) for one in responses)
    return {
        "U": _mean(scores.U),
        **{f"u {name}": _mean(column) for name, column in scores.calibrated.items()},
        **{f"u {name} (raw)": _mean(column) for name, column in scores.raw.items()},
        "abstained": sum(isinstance(score, Abstain) for score in scores.U) / len(scores.U),
        ENTROPY: _entropy(responses, tokens),
        "length": tokens / len(responses),
        "truncated": sum(one.finish_reason == "length" for one in responses) / len(responses),
        "distinct responses": len({one.text for one in responses}) / len(responses),
    }


def _agreement(group: Group, agreed: Agreed) -> dict[str, Any]:
    """Return how far responses and voters give one answer, what answer most give, and whether the halves of
    them say the same there; nothing where there is nothing to compare."""
    if agreed.agreement is None:
        return {AGREEMENT: math.nan, SINGLE: math.nan, HALVES_DIFFER: math.nan, MAJORITY: None}
    same, half = same_answers(group), len(group.heard) // 2
    first, second = _most(same[:half, :half]), half + _most(same[half:, half:])
    return {
        AGREEMENT: agreed.agreement,
        SINGLE: float(agreed.is_single),
        HALVES_DIFFER: float(not same[first, second]),
        MAJORITY: group.heard[_most(same)].text,
    }


def _most(same: NDArray[bool_]) -> int:
    """Return the first of those with which most agree."""
    return int(same.sum(axis=1).argmax())


def _entropy(responses: Sequence[Response], tokens: int) -> float:
    """Return the mean entropy of a token; NaN where a response came without."""
    known = [response.entropies for response in responses if response.entropies is not None]
    return sum(map(sum, known)) / tokens if len(known) == len(responses) else math.nan


def _mean(scores: Sequence[float | Abstain]) -> float:
    values = [score for score in scores if not isinstance(score, Abstain)]
    return sum(values) / len(values) if values else math.nan
