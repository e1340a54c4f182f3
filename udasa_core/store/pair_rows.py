"""A run's pairs, stage by stage, each with its sides' scores, its prompt's own columns and its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from udasa_core.errors import UdasaError
from udasa_core.records import Pair, Scores
from udasa_core.store.answered import answered, dimensions, place_of, score_cells, shards
from udasa_core.store.output import TRAINING
from udasa_core.store.own import OwnColumns
from udasa_core.store.rows import Parts
from udasa_core.store.run_folder import RunFolder, StageSummary
from udasa_core.store.run_tables import Fields, asked, messages_text, of_dimensions, schema
from udasa_core.store.tables import read_pairs

_SIDES = ("chosen", "rejected")
_BATCH = 256
_PAIR: Fields = [
    *(("pair_id", pa.string()), ("round", pa.int64()), ("stage", pa.string()), ("trained", pa.bool_())),
    *(("reason", pa.string()), ("prompt", pa.string()), ("messages", pa.string())),
    *(("chosen", pa.string()), ("rejected", pa.string()), ("gap", pa.float64())),
    *(("chosen_U", pa.float64()), ("rejected_U", pa.float64())),
    *((f"{side}_thought", pa.string()) for side in _SIDES),
    *((f"{side}_tokens", pa.int64()) for side in _SIDES),
    *((f"{side}_cut_off", pa.bool_()) for side in _SIDES),
    *((f"{side}_logprob", pa.float64()) for side in _SIDES),
    *(("origin", pa.string()), ("weight", pa.float64()), ("vote_margin", pa.float64())),
]


@dataclass(frozen=True, slots=True)
class StagedPair:
    """A pair in its stage.

    scores: of its prompt's responses. places: which of them the chosen and the rejected one are, None for one
    from elsewhere. own: the user's own columns of its prompt, by their names in the table.
    """

    stage: StageSummary
    pair: Pair
    scores: Scores
    places: tuple[int | None, int | None]
    own: Mapping[str, Any]


def staged_pairs(run: RunFolder, own: OwnColumns) -> Iterator[StagedPair]:
    """Yield every pair in training order. Raises StoreError, and UdasaError where a stage's pairs are not
    those of the run as it is configured."""
    for stage in run.stages():
        if not stage.size:
            continue
        scored = _scored(run, stage.round)
        for pair in read_pairs(stage.pairs):
            # A stage's pairs stand in the order of the shards they come from, so one pass finds them all.
            found = next((rest for pair_id, rest in scored if pair_id == pair.id), None)
            if found is None:
                raise UdasaError(f"run {run.name} is between two configurations; finish it with `udasa run`")
            scores, places = found
            yield StagedPair(stage, pair, scores, places, own.of([pair.prompt.id])[pair.prompt.id])


def _scored(run: RunFolder, round: int) -> Iterator[tuple[str, tuple[Scores, tuple[int | None, int | None]]]]:
    """Yield each pair's id, its prompt's scores and its sides' places, shard by shard."""
    for output, _ in answered(run, TRAINING):
        for shard in shards(run, output) if output.round == round else ():
            for group in shard.groups:
                for pair in shard.pairs.get(group.prompt.id, ()):
                    chosen, rejected = (
                        place_of(side, group.responses) for side in (pair.chosen, pair.rejected)
                    )
                    if group.prompt.id in shard.scores:
                        yield pair.id, (shard.scores[group.prompt.id], (chosen, rejected))


def pairs(run: RunFolder) -> Parts:
    """Return a row a pair."""
    names = dimensions(run)
    fields = [*_PAIR, *(field for side in _SIDES for field in of_dimensions(names, f"{side} "))]
    own = OwnColumns(run, TRAINING, ["prompt_id", *(name for name, _ in fields)])

    def parts() -> Iterator[list[dict[str, Any]]]:
        rows: list[dict[str, Any]] = []
        for one in staged_pairs(run, own):
            rows.append(_row(one, names))
            if len(rows) == _BATCH:
                yield rows
                rows = []
        yield rows

    return Parts(schema(own, fields), parts())


def _row(one: StagedPair, names: list[str]) -> dict[str, Any]:
    pair, stage = one.pair, one.stage
    row: dict[str, Any] = {
        "prompt_id": pair.prompt.id,
        **one.own,
        "pair_id": pair.id,
        "round": stage.round + 1,
        "stage": stage.name,
        "trained": stage.trained and not stage.rolled_back,
        "reason": stage.untrained or None,
        "prompt": asked(pair.prompt),
        "messages": messages_text(pair.prompt),
        "gap": pair.gap,
        "chosen_U": pair.chosen_U,
        "rejected_U": pair.rejected_U,
        "origin": pair.origin,
        "weight": pair.weight,
        "vote_margin": pair.vote_margin,
    }
    for side, response, place in zip(_SIDES, (pair.chosen, pair.rejected), one.places, strict=True):
        row |= {
            side: response.text,
            f"{side}_thought": response.thought or None,
            f"{side}_tokens": len(response.token_ids),
            f"{side}_cut_off": response.finish_reason == "length",
            f"{side}_logprob": sum(response.logprobs),
            **score_cells(one.scores, place, names, f"{side} "),
        }
    return row
