"""Step `pair-logprobs`: a stage's pairs, read by a policy → how likely it finds both sides of each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from udasa_core.job.job import Job
from udasa_core.records import ModelRef, Response
from udasa_core.store.output import Output
from udasa_core.store.store import INFERENCE, StagedPairs, versions
from udasa_core.store.tables import read_pairs

if TYPE_CHECKING:
    from udasa_core.models.causal_lm import CausalLM

# Pairs that are read before the task tells of them.
_AT_A_TIME = 16


def read_stage(job: Job, staged: StagedPairs, policy: ModelRef, label: str) -> str:
    """Return the fingerprint of a table with a row a pair: prompt_id, and chosen and rejected, each side's
    log-probability under `policy` in nats, summed over the tokens that its model drew.

    label: the policy's.
    """

    def make(key: str) -> None:
        import pyarrow as pa

        lm = job.resources.causal_lm(policy)
        schema = pa.schema([("prompt_id", pa.string()), ("chosen", pa.float64()), ("rejected", pa.float64())])
        rows = list(_rows(job, staged, lm, f"{label} reads {staged.label}"))
        job.store.write_table("pair-logprobs", key, pa.Table.from_pylist(rows, schema=schema))

    output = Output("pair-logprobs", round=staged.round, instance=staged.stage.name, policy=label)
    ingredients = {"pairs": staged.pairs, "policy": policy.key, "software": versions(*INFERENCE)}
    what = f"pairs of {staged.label} read by {label}"
    return job.outputs.once(output, what, ingredients, make, suffix=".parquet")


def _rows(job: Job, staged: StagedPairs, lm: CausalLM, task: str) -> Iterator[dict[str, Any]]:
    pairs = read_pairs(job.store.path("stage", staged.pairs))
    with job.resources.progress(task, staged.stage.size) as advance:
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
