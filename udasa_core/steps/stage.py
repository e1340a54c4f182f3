"""Step `stage`: pairs → stages. The policy sees ids and gaps; texts are copied from disk to disk."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udasa_core.errors import FewPairsError, NoPairsError
from udasa_core.job.job import Job
from udasa_core.plugins.returned.pairs import check_plan
from udasa_core.records import Ids, PairTable, Stage
from udasa_core.store.output import Output
from udasa_core.store.store import Shards, StagedPairs, stage_label
from udasa_core.store.tables import PAIR_SCHEMA

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy import bool_, int16
    from numpy.typing import NDArray

# Pairs that are written at once, at least: of each lot the file's description, some 40 kB, is in memory until
# the file is whole.
_LOT = 1024
# A pair's column in the store → in the PairTable.
_COLUMNS = {
    "gap": "gaps",
    "chosen_U": "chosen_U",
    "rejected_U": "rejected_U",
    "vote_margin": "vote_margins",
    **{
        f"{side}_{what}": f"{side}_{what}"
        for side in ("chosen", "rejected")
        for what in ("tokens", "logprobs")
    },
}


def stage(job: Job, pairs: Shards) -> tuple[StagedPairs, ...]:
    """Return the stages in training order. Raises NoPairsError where there is nothing to train on."""
    plugin = job.stack.stages
    ingredients = {"stages": job.identity(plugin), "pairs": pairs.fingerprints, "seed": _seed(job, pairs)}
    key = job.outputs.once(
        Output("stage", round=pairs.round),
        " ".join(("stage", *pairs.fresh)),
        ingredients,
        lambda key: _assign(job, pairs, key),
        is_whole=lambda key: _is_whole(job, key),
    )
    plan = job.store.read_json("stage", key)
    for made in plan["stages"]:
        output = Output("stage", round=pairs.round, instance=made["name"])
        label = stage_label(made["name"], pairs.round)
        job.outputs.point(output, f"pairs of stage {label}", [made["pairs"]])
    if not any(one["size"] for one in plan["stages"]):
        raise NoPairsError(Counter(plan["refused"]) + Counter(reason for _, reason in plan["dropped"]))
    _refuse_few(job, plan)
    staged = []
    before, total = 0, sum(one["size"] for one in plan["stages"])
    for one in plan["stages"]:
        trainer = job.stack.trainer(one["name"])
        overrides = trainer.options.model_dump(mode="json", exclude_unset=True)
        after = total - before - one["size"]
        record = Stage(one["name"], one["size"], trainer.offer.name, overrides, before, after)
        staged.append(StagedPairs(record, one["pairs"], round=pairs.round))
        before += one["size"]
    return tuple(staged)


def _seed(job: Job, pairs: Shards) -> int:
    return job.seed("stage", *pairs.fresh)


def _refuse_few(job: Job, plan: Mapping[str, Any]) -> None:
    """Stop where too small a share of prompts gave a pair, whatever stage it is in."""
    refused = sum(plan["refused"].values())
    paired = len(plan["dropped"]) + sum(one["size"] for one in plan["stages"])
    least = job.config.training.min_paired
    if paired < least * (paired + refused):
        raise FewPairsError(paired, paired + refused, least, plan["refused"])


def _is_whole(job: Job, key: str) -> bool:
    """Say whether the plan is there, and the pairs of every stage in it."""
    if not job.store.is_whole("stage", key, ".json"):
        return False
    return all(
        job.store.is_whole("stage", one["pairs"]) for one in job.store.read_json("stage", key)["stages"]
    )


def _assign(job: Job, pairs: Shards, key: str) -> None:
    """Have the policy decide, write each stage's pairs to a file of its own, and the plan last."""
    table = _pair_table(job, pairs)
    plugin = job.stack.stages
    plan = check_plan(
        plugin, table, job.stack.call(plugin, "udasa_stage", pairs=table, seed=_seed(job, pairs))
    )
    # The figures have served.
    placed = _placed(table.ids, list(plan.stages.values()))
    del table
    stages = []
    for number, (name, ids) in enumerate(plan.stages.items()):
        stage_key = job.fingerprint("stage", {"plan": key, "name": name})
        _write_stage(job, pairs, placed == number, stage_key)
        stages.append({"name": name, "size": len(ids), "pairs": stage_key})
    refused: Counter[str] = Counter()
    for shard in pairs.fingerprints:
        refused.update(job.store.read_metadata("pair", shard)["refused"])
    whole = {"stages": stages, "dropped": sorted(plan.dropped), "refused": refused}
    job.store.write_json("stage", key, whole)


def _pair_table(job: Job, pairs: Shards) -> PairTable:
    import numpy as np
    import pyarrow.compute as pc

    # They grow in place: parts that are put together would be there twice.
    ids = bytearray()
    columns = {name: array("d") for name in _COLUMNS}
    for key in pairs.fingerprints:
        names = ["pair_id", "gap", "chosen_U", "rejected_U", "vote_margin"]
        table = job.store.read_table("pair", key, [*names, "chosen.logprobs", "rejected.logprobs"])
        # As long as `Pair.id` is.
        ids += np.array(table["pair_id"].to_pylist(), dtype="S16").tobytes()
        for name in ("gap", "chosen_U", "rejected_U", "vote_margin"):
            columns[name].frombytes(_floats(table[name]).tobytes())
        for side in ("chosen", "rejected"):
            logprobs = pc.struct_field(table[side], "logprobs")
            tokens = _floats(pc.list_value_length(logprobs))
            starts = np.cumsum(tokens, dtype=np.int64) - tokens.astype(np.int64)
            columns[f"{side}_tokens"].frombytes(tokens.tobytes())
            summed = np.add.reduceat(_floats(pc.list_flatten(logprobs)), starts)
            columns[f"{side}_logprobs"].frombytes(summed.tobytes())
    found = {_COLUMNS[name]: np.frombuffer(columns.pop(name)) for name in _COLUMNS}
    # A column that no pair has takes no room.
    needed = found.pop("gaps"), found.pop("chosen_U")
    known = {name: column for name, column in found.items() if not np.isnan(column).all()}
    del found
    return PairTable(Ids(np.frombuffer(ids, dtype="S16")), *needed, **known)


def _floats(column: pa.ChunkedArray) -> Any:
    """Return a nullable column as float64, NaN where it is null."""
    import numpy as np

    return np.asarray(column.to_numpy(), dtype=np.float64)


def _placed(ids: Sequence[str], stages: Sequence[Sequence[str]]) -> NDArray[int16]:
    """Return for each pair, in the order of `ids`, the number of the stage that has it; −1 for none."""
    import numpy as np

    known = np.asarray(ids, dtype="S")
    order = np.argsort(known)
    placed = np.full(len(known), -1, dtype=np.int16)
    for number, wanted in enumerate(stages):
        places = np.searchsorted(known, np.asarray(wanted, dtype="S"), sorter=order)
        placed[order[places]] = number
    return placed


def _write_stage(job: Job, pairs: Shards, wanted: NDArray[bool_], key: str) -> None:
    """Copy a stage's pairs into one file, a shard at a time. wanted: whether it has each pair, in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def chosen() -> Iterator[pa.Table]:
        place = 0
        for shard in pairs.fingerprints:
            table = job.store.read_table("pair", shard).replace_schema_metadata(None)
            yield table.filter(pa.array(wanted[place : place + len(table)]))
            place += len(table)

    with (
        job.store.writing("stage", key) as temporary,
        pq.ParquetWriter(temporary, PAIR_SCHEMA, compression="zstd") as writer,
    ):
        for lot in _lots(chosen()):
            writer.write_table(pa.concat_tables(lot))


def _lots(tables: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    """Yield tables, in order, in lots of at least `_LOT` rows; the last one may have fewer, and none has
    none."""
    lot: list[pa.Table] = []
    for table in tables:
        lot.append(table)
        if sum(map(len, lot)) >= _LOT:
            yield lot
            lot = []
    if any(map(len, lot)):
        yield lot
