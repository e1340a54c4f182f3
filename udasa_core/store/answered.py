"""Which policies answered a run's prompts, and their shards: samples, with scores and pairs made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from udasa_core.errors import StoreError
from udasa_core.records import Abstain, Group, Pair, Response, Score, Scores
from udasa_core.store.output import BASE, Output
from udasa_core.store.run_folder import RunFolder
from udasa_core.store.tables import groups_from, pairs_from, scores_from


@dataclass(frozen=True, slots=True)
class Shard:
    """Groups, their scores and their pairs by prompt id, and why a prompt has no pair; no scores, pairs or
    reasons where they are not made, or the prompts are not trained on."""

    groups: tuple[Group, ...]
    scores: Mapping[str, Scores]
    pairs: Mapping[str, tuple[Pair, ...]]
    reasons: Mapping[str, str]


def dimensions(run: RunFolder) -> list[str]:
    """Return the names of a run's dimensions, in order."""
    return [str(table.get("name", table["use"])) for table in run.manifest.plain["config"]["dimension"]]


def answered(run: RunFolder, split: str) -> Iterator[tuple[Output, str]]:
    """Yield each output with answers to a split's prompts, and the label of the policy that gave them."""
    for entry in run.manifest.outputs():
        output = Output.from_json(entry)
        # What is held out may be nothing.
        if entry["keys"] and (output.step, output.split, output.instance) == ("sample", split, ""):
            yield output, output.policy or _left_before(run, output.round)


def _left_before(run: RunFolder, round: int) -> str:
    """Return the label of the policy that a round begins with, and the one before it left."""
    standing = [one for one in run.stages() if one.trained and not one.rolled_back]
    return next((one.label for one in reversed(standing) if one.round < round), BASE)


def shards(run: RunFolder, samples: Output) -> Iterator[Shard]:
    """Yield the shards of what a policy answered. Raises StoreError where what was made of it is of another
    configuration."""
    keys = {step: run.keys(replace(samples, step=step)) for step in ("sample", "aggregate", "pair")}
    counts = {step: len(found) for step, found in keys.items() if found}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of {step}" for step, count in counts.items())
        raise StoreError(
            f"the manifest of run {run.name} points at shards that do not belong together ({told}); run the "
            "same configuration again"
        )
    for place, key in enumerate(keys["sample"]):
        if run.store.has("sample", key):
            scores, pair = (keys[step][place] if keys[step] else "" for step in ("aggregate", "pair"))
            yield _shard(run, key, scores, pair)


def _shard(run: RunFolder, groups: str, scores: str, pair: str) -> Shard:
    scored: dict[str, Scores] = {}
    if scores and run.store.has("aggregate", scores):
        scored = {one.prompt_id: one for one in scores_from(run.store.read_table("aggregate", scores))}
        lacking = [name for name in dimensions(run) for one in scored.values() if name not in one.raw]
        if lacking:
            raise StoreError(
                f"the manifest of run {run.name} names a dimension {lacking[0]!r} that its scores lack; "
                "run the same configuration again"
            )
    pairs: dict[str, tuple[Pair, ...]] = {}
    reasons: dict[str, str] = {}
    if pair and run.store.has("pair", pair):
        for one in pairs_from(run.store.read_table("pair", pair)):
            pairs[one.prompt.id] = (*pairs.get(one.prompt.id, ()), one)
        reasons = dict(run.store.read_metadata("pair", pair).get("unpaired", ()))
    return Shard(groups_from(run.store.read_table("sample", groups)), scored, pairs, reasons)


def place_of(side: Response, responses: Sequence[Response]) -> int | None:
    """Return which of the responses, from 0, a side of a pair is; None where it comes from elsewhere."""
    ids = [response.token_ids for response in responses]
    return ids.index(side.token_ids) if side.token_ids in ids else None


def score_cells(
    scores: Scores | None, place: int | None, names: Sequence[str], of: str = ""
) -> dict[str, Any]:
    """Return one response's scores as cells: raw, calibrated, and why a dimension abstained.

    place: which response; None, as scores, where there is none. of: what the columns' names begin with.
    """
    cells: dict[str, Any] = {}
    for name in names:
        raw: Score | None = None
        calibrated: Score | None = None
        if scores is not None and place is not None:
            raw, calibrated = scores.raw[name][place], scores.calibrated[name][place]
        cells |= {
            f"{of}raw {name}": value_of(raw),
            f"{of}calibrated {name}": value_of(calibrated),
            f"{of}abstained {name}": reason_of(raw),
        }
    return cells


def value_of(score: Score | None) -> float | None:
    """Return a score's value, None where there is none."""
    return None if isinstance(score, Abstain) else score


def reason_of(score: Score | None) -> str | None:
    """Return why there is no score, None where there is one, or nobody was asked."""
    return score.reason if isinstance(score, Abstain) else None
