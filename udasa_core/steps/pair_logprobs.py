"""Step `pair-logprobs`: a stage's pairs, read by a policy → how likely it finds both sides of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from udasa_core.job.job import Job
from udasa_core.job.parts import made_in_parts
from udasa_core.records import ModelRef, Response
from udasa_core.store.output import Output
from udasa_core.store.store import INFERENCE, StagedPairs, versions
from udasa_core.store.tables import read_pairs

# Pairs that are read before the task tells of them, and those of one part, a multiple.
_AT_A_TIME = 16
_PART = 1024


def read_stage(job: Job, staged: StagedPairs, policy: ModelRef, label: str) -> str:
    """Return the fingerprint of a table with a row a pair: prompt_id, and chosen and rejected, each side's
    log-probability under `policy` in nats, summed over the tokens that its model drew.

    label: the policy's.
    """
    output = Output("pair-logprobs", round=staged.round, instance=staged.stage.name, policy=label)
    ingredients = {"pairs": staged.pairs, "policy": policy.key, "software": versions(*INFERENCE)}
    size = staged.stage.size
    told = {"pairs": staged.pairs, "policy": policy.to_json(), "task": f"{label} reads {staged.label}"}
    parts = [
        {**told, "start": start, "stop": min(start + _PART, size)} for start in range(0, size or 1, _PART)
    ]
    return made_in_parts(job, output, f"pairs of {staged.label} read by {label}", ingredients, parts)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Read some of a stage's pairs."""
    import pyarrow as pa

    schema = pa.schema([("prompt_id", pa.string()), ("chosen", pa.float64()), ("rejected", pa.float64())])
    table = pa.Table.from_pylist(list(_rows(job, payload)), schema=schema)
    job.store.write_table("pair-logprobs", payload["output"], table)


def _rows(job: Job, payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    lm = job.resources.causal_lm(ModelRef.from_json(payload["policy"]))
    start, stop = payload["start"], payload["stop"]
    pairs = read_pairs(job.store.path("stage", payload["pairs"]), start, stop)
    with job.resources.progress(payload["task"], stop - start) as advance:
        while some := list(islice(pairs, _AT_A_TIME)):
            prompts = [pair.prompt_token_ids for pair in some for _ in range(2)]
            sides = [side for pair in some for side in (pair.chosen, pair.rejected)]
            figures = lm.token_statistics(prompts, [side.token_ids for side in sides])
            sums = iter(_summed(side, read.logprobs) for side, read in zip(sides, figures, strict=True))
            for pair in some:
                yield {"prompt_id": pair.prompt.id, "chosen": next(sums), "rejected": next(sums)}
            advance(len(some))


def _summed(side: Response, logprobs: tuple[float, ...]) -> float:
    return sum(logprobs[place] for place in side.places("all"))
