"""Step `aggregate`: columns → scores. The calibration is fitted once, then frozen; U follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udasa_core.job.job import Job
from udasa_core.plugins.returned.scores import check_aggregate, check_calibrated, check_state
from udasa_core.records import Abstain, Column, Score, Scores
from udasa_core.store.output import Output
from udasa_core.store.store import Shards
from udasa_core.store.tables import column_from, scores_table

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# A fitted calibration: for each dimension, the fingerprint of its saved state.
Calibration = Mapping[str, str]


def fit(job: Job, columns: Mapping[str, Shards]) -> Calibration:
    """Fit the calibration to each dimension's raw training scores; return where the states lie."""
    plugin = job.stack.calibration
    identity = job.identity(plugin)

    def fitted(name: str, shards: Shards) -> str:
        def make(key: str) -> None:
            answer = job.stack.call(plugin, "udasa_fit", raw=_raw_scores(job, shards), dimension=name)
            job.store.write_json("fit", key, check_state(plugin, answer))

        ingredients = {"calibration": identity, "dimension": name, "columns": shards.fingerprints}
        output = Output("fit", shards.split, shards.round, name)
        return job.outputs.once(output, f"fit calibration {name}", ingredients, make)

    return {name: fitted(name, shards) for name, shards in columns.items()}


def _raw_scores(job: Job, shards: Shards) -> NDArray[float64]:
    """Return one dimension's scores over all shards, abstentions left out: 8 bytes a response."""
    import numpy as np
    import pyarrow.compute as pc

    parts = []
    for key in shards.fingerprints:
        table = job.store.read_table("score", key)
        values = pc.struct_field(pc.list_flatten(table["scores"]), "value")
        parts.append(values.drop_null().to_numpy())
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float64)


def aggregate(job: Job, groups: Shards, columns: Mapping[str, Shards], calibration: Calibration) -> Shards:
    """Return each group's Scores, a shard for each shard."""
    weights = {plugin.name: plugin.table.weight for plugin in job.stack.dimensions}
    ingredients = {
        "aggregation": job.identity(job.stack.aggregation),
        "calibration": job.identity(job.stack.calibration),
        "fits": dict(calibration),
        "weights": weights,
    }
    payloads = []
    for number, key in enumerate(groups.fingerprints):
        own = {name: shards.fingerprints[number] for name, shards in columns.items()}
        output = job.fingerprint("aggregate", {**ingredients, "groups": key, "columns": own})
        payloads.append({"groups": key, "columns": own, "fits": dict(calibration), "output": output})
    return job.map(groups, "aggregate", payloads)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Aggregate one shard."""
    ids = job.store.read_table("sample", payload["groups"], ["prompt_id"])["prompt_id"].to_pylist()
    raw = {
        name: column_from(job.store.read_table("score", key), name)
        for name, key in payload["columns"].items()
    }
    calibrated = {name: _calibrate(job, raw[name], payload["fits"][name]) for name in raw}
    sizes = [len(scores) for scores in next(iter(raw.values())).scores]
    plugin = job.stack.aggregation
    weights = {one.name: one.table.weight for one in job.stack.dimensions}
    answer = job.stack.call(plugin, "udasa_aggregate", columns=calibrated, weights=weights)
    U = iter(check_aggregate(plugin, sum(sizes), answer))
    columns = {name: iter(scores) for name, scores in calibrated.items()}
    scores = [
        Scores(
            prompt_id=prompt_id,
            U=_take(U, size),
            calibrated={name: _take(column, size) for name, column in columns.items()},
            raw={name: column.scores[number] for name, column in raw.items()},
        )
        for number, (prompt_id, size) in enumerate(zip(ids, sizes, strict=True))
    ]
    job.store.write_table("aggregate", payload["output"], scores_table(scores))


def _take(scores: Any, size: int) -> tuple[Score, ...]:
    return tuple(next(scores) for _ in range(size))


def _calibrate(job: Job, column: Column, fit_key: str) -> Sequence[Score]:
    """Return a column's scores, flat and calibrated; abstentions stay what they are."""
    import numpy as np

    flat = [score for scores in column.scores for score in scores]
    values = np.array([score for score in flat if not isinstance(score, Abstain)], dtype=np.float64)
    plugin = job.stack.calibration
    state = job.store.read_json("fit", fit_key)
    answer = job.stack.call(plugin, "udasa_calibrate", raw=values, state=state)
    calibrated = iter(check_calibrated(plugin, len(values), answer))
    return [score if isinstance(score, Abstain) else next(calibrated) for score in flat]
