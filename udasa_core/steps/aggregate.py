"""Step `aggregate`: columns → scores. The calibration is fitted once, then frozen; U follows from it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from udasa_core.job.job import Job, log
from udasa_core.plugins.returned.scores import check_aggregate, check_calibrated, check_state
from udasa_core.records import Abstain, Column, Score, Scores
from udasa_core.store.agreed import Agreed, Agreements, agreed_from, counted
from udasa_core.store.output import Output
from udasa_core.store.store import Shards
from udasa_core.store.tables import column_from, scores_table

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is fitted once and then frozen.

    states: for each dimension, the fingerprint of its saved state. fall_back: for each dimension that another
    one takes the place of, where all responses give one answer, that one.
    """

    states: Mapping[str, str]
    fall_back: Mapping[str, str] = field(default_factory=dict)


def fit(job: Job, columns: Mapping[str, Shards], agreed: Shards) -> Calibration:
    """Fit the calibration to each dimension's raw training scores, and decide whether dimensions fall back on
    others where all responses give one answer: where such prompts are too many."""
    identity = job.identity(job.stack.calibration)
    states: dict[str, str] = {}
    payloads: dict[str, dict[str, Any]] = {}
    for name, shards in columns.items():
        made_of = {"dimension": name, "columns": shards.fingerprints}
        states[name] = key = job.fingerprint("fit", {"calibration": identity, **made_of})
        label = f"fit calibration {name}"
        job.outputs.point(Output("fit", shards.split, shards.round, name), label, [key])
        payloads[label] = {**made_of, "output": key}
    job.make_apart("fit calibrations", "fit", payloads)
    return Calibration(states, _fall_back(job, agreed))


def _fall_back(job: Job, agreed: Shards) -> dict[str, str]:
    """Return which dimension takes whose place, none where few prompts have one answer; warn of many."""
    found = counted(one for key in agreed.fingerprints for one in _agreed(job, key))
    if not found.rate > job.config.clusters.bound:
        return {}
    taken = places_taken(job, found)
    told = ", ".join(f"{other} takes the place of {name}" for name, other in taken.items())
    log.warning(
        "%d of %d prompts with answers to compare have one answer only (bound %.0f%%): to compare responses "
        "says nothing there; %s",
        *(found.single, found.compared, 100 * job.config.clusters.bound),
        f"there, {told}"
        if told
        else "no dimension has a fall_back, so they are ordered by their words alone",
    )
    return taken


def places_taken(job: Job, found: Agreements) -> dict[str, str]:
    """Return for each dimension the one that takes its place where all responses give one answer; none where
    such prompts are not too many.

    found: how far the responses of the training prompts agree.
    """
    if not found.rate > job.config.clusters.bound:
        return {}
    taken = {plugin.name: plugin.table.fall_back for plugin in job.stack.dimensions}
    return {name: other for name, other in taken.items() if other}


def _agreed(job: Job, key: str) -> tuple[Agreed, ...]:
    return agreed_from(job.store.read_table("agree", key))


def _raw_scores(job: Job, columns: Sequence[str]) -> NDArray[float64]:
    """Return one dimension's scores over all shards, abstentions left out: 8 bytes a response."""
    import numpy as np
    import pyarrow.compute as pc

    # It grows in place: parts that are put together would be there twice.
    scores = array("d")
    for key in columns:
        table = job.store.read_table("score", key)
        values = pc.struct_field(pc.list_flatten(table["scores"]), "value")
        scores.frombytes(values.drop_null().to_numpy().tobytes())
    return np.frombuffer(scores, dtype=np.float64)


def aggregate(
    job: Job, groups: Shards, columns: Mapping[str, Shards], calibration: Calibration, agreed: Shards
) -> Shards:
    """Return each group's Scores, a shard for each shard."""
    weights = {plugin.name: plugin.table.weight for plugin in job.stack.dimensions}
    ingredients = {
        "aggregation": job.identity(job.stack.aggregation),
        "calibration": job.identity(job.stack.calibration),
        "fits": dict(calibration.states),
        "weights": weights,
    }
    payloads = []
    for number, key in enumerate(groups.fingerprints):
        own = {name: shards.fingerprints[number] for name, shards in columns.items()}
        made_of = {"groups": key, "columns": own, "fall_back": {}, "agreed": ""}
        if calibration.fall_back:
            made_of |= {"fall_back": dict(calibration.fall_back), "agreed": agreed.fingerprints[number]}
        output = job.fingerprint("aggregate", {**ingredients, **made_of})
        payloads.append({**made_of, "fits": ingredients["fits"], "output": output})
    return job.map(groups, "aggregate", payloads)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Fit one dimension's calibration, or aggregate one shard."""
    (_fit if payload["step"] == "fit" else _aggregate)(job, payload)


def _fit(job: Job, payload: Mapping[str, Any]) -> None:
    plugin = job.stack.calibration
    raw = _raw_scores(job, payload["columns"])
    answer = job.stack.call(plugin, "udasa_fit", raw=raw, dimension=payload["dimension"])
    job.store.write_json("fit", payload["output"], check_state(plugin, answer))


def _aggregate(job: Job, payload: Mapping[str, Any]) -> None:
    ids = job.store.read_table("sample", payload["groups"], ["prompt_id"])["prompt_id"].to_pylist()
    raw = {
        name: column_from(job.store.read_table("score", key), name)
        for name, key in payload["columns"].items()
    }
    calibrated = {name: _calibrate(job, raw[name], payload["fits"][name]) for name in raw}
    if payload["fall_back"]:
        single = [
            one.is_single
            for one, scores in zip(
                _agreed(job, payload["agreed"]), next(iter(raw.values())).scores, strict=True
            )
            for _ in scores
        ]
        calibrated |= {
            name: [
                instead if is_single else score
                for score, instead, is_single in zip(calibrated[name], calibrated[other], single, strict=True)
            ]
            for name, other in payload["fall_back"].items()
        }
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
