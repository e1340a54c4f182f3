"""Records as Parquet tables and back: the schemas of everything that the store keeps.

A table's bytes depend on nothing but its records, so equal work gives equal files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from udasa_core.records import Abstain, Column, Group, Message, Pair, Prompt, Response, Score, Scores
from udasa_core.store.digests import check_noted
from udasa_core.store.store import Store

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_RESPONSE = pa.struct(
    [
        ("text", pa.string()),
        ("token_ids", pa.list_(pa.int32())),
        ("logprobs", pa.list_(pa.float32())),
        ("sampling_logprobs", pa.list_(pa.float32())),
        ("entropies", pa.list_(pa.float32())),
        ("finish_reason", pa.string()),
        ("thought", pa.string()),
        ("thought_tokens", pa.int32()),
        ("forced", pa.list_(pa.int32())),
    ]
)
# A score is a value or the reason of an abstention: one of the two is null.
_SCORE = pa.struct([("value", pa.float64()), ("abstained", pa.string())])

_PASSAGES = pa.list_(pa.string())
PROMPT_SCHEMA = pa.schema([("prompt_id", pa.string()), ("messages", _MESSAGES), ("passages", _PASSAGES)])
GROUP_SCHEMA = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("messages", _MESSAGES),
        ("passages", _PASSAGES),
        ("prompt_token_ids", pa.list_(pa.int32())),
        ("responses", pa.list_(_RESPONSE)),
        ("policy", pa.string()),
        ("voters", pa.list_(_RESPONSE)),
    ]
)
COLUMN_SCHEMA = pa.schema([("scores", pa.list_(_SCORE))])
SCORES_SCHEMA = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("U", pa.list_(_SCORE)),
        ("calibrated", pa.map_(pa.string(), pa.list_(_SCORE))),
        ("raw", pa.map_(pa.string(), pa.list_(_SCORE))),
    ]
)
PAIR_SCHEMA = pa.schema(
    [
        ("pair_id", pa.string()),
        ("prompt_id", pa.string()),
        ("messages", _MESSAGES),
        ("passages", _PASSAGES),
        ("prompt_token_ids", pa.list_(pa.int32())),
        ("chosen", _RESPONSE),
        ("rejected", _RESPONSE),
        ("gap", pa.float64()),
        ("chosen_U", pa.float64()),
        ("rejected_U", pa.float64()),
        ("origin", pa.string()),
        ("weight", pa.float64()),
        ("vote_margin", pa.float64()),
    ]
)


def _prompt_row(prompt: Prompt) -> dict[str, Any]:
    return {
        "prompt_id": prompt.id,
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "passages": prompt.passages,
    }


def _prompt(row: Mapping[str, Any]) -> Prompt:
    messages = tuple(Message(**message) for message in row["messages"])
    return Prompt(row["prompt_id"], messages, tuple(row["passages"]))


def _response_row(response: Response) -> dict[str, Any]:
    return {
        "text": response.text,
        "token_ids": response.token_ids,
        "logprobs": response.logprobs,
        "sampling_logprobs": response.sampling_logprobs,
        "entropies": response.entropies,
        "finish_reason": response.finish_reason,
        "thought": response.thought,
        "thought_tokens": response.thought_tokens,
        "forced": response.forced,
    }


def _response(row: Mapping[str, Any]) -> Response:
    return Response(
        text=row["text"],
        token_ids=tuple(row["token_ids"]),
        logprobs=tuple(row["logprobs"]),
        sampling_logprobs=tuple(row["sampling_logprobs"]),
        entropies=None if row["entropies"] is None else tuple(row["entropies"]),
        finish_reason=row["finish_reason"],
        # Older outputs know of no thought.
        thought=row.get("thought") or "",
        thought_tokens=row.get("thought_tokens") or 0,
        forced=tuple(row.get("forced") or ()),
    )


def _score_rows(scores: Sequence[Score]) -> list[dict[str, float | str | None]]:
    return [
        {"value": None, "abstained": score.reason}
        if isinstance(score, Abstain)
        else {"value": score, "abstained": None}
        for score in scores
    ]


def _scores(rows: Sequence[Mapping[str, Any]]) -> tuple[Score, ...]:
    return tuple(row["value"] if row["abstained"] is None else Abstain(row["abstained"]) for row in rows)


def prompts_table(prompts: Iterable[Prompt]) -> pa.Table:
    """Return prompts as a table, one row each."""
    return pa.Table.from_pylist([_prompt_row(prompt) for prompt in prompts], schema=PROMPT_SCHEMA)


def prompts_from(table: pa.Table) -> tuple[Prompt, ...]:
    """Read back what `prompts_table` made."""
    return tuple(_prompt(row) for row in table.to_pylist())


def groups_table(groups: Iterable[Group]) -> pa.Table:
    """Return groups as a table, one row a prompt."""
    rows = [
        {
            **_prompt_row(group.prompt),
            "prompt_token_ids": group.prompt_token_ids,
            "responses": [_response_row(response) for response in group.responses],
            "policy": group.policy,
            "voters": [_response_row(response) for response in group.voters],
        }
        for group in groups
    ]
    return pa.Table.from_pylist(rows, schema=GROUP_SCHEMA)


def remarked(remarks: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the small data under which a table of groups keeps what its generator remarked; None for
    nothing."""
    return {"remarks": list(remarks)} if remarks else None


def groups_from(table: pa.Table) -> tuple[Group, ...]:
    """Read back what `groups_table` made."""
    return tuple(
        Group(
            prompt=_prompt(row),
            prompt_token_ids=tuple(row["prompt_token_ids"]),
            responses=tuple(_response(response) for response in row["responses"]),
            policy=row["policy"],
            # Stores of contract 1 have none.
            voters=tuple(_response(response) for response in row.get("voters") or ()),
        )
        for row in table.to_pylist()
    )


def read_groups(store: Store, key: str, voters: Sequence[str] = ()) -> tuple[Group, ...]:
    """Read a shard of samples from a store, with the responses of further ones as its voters.

    voters: the keys of blocks of the same prompts. Raises StoreError where one is missing or damaged.
    """
    groups, *blocks = (groups_from(store.read_table("sample", one)) for one in (key, *voters))
    return tuple(
        replace(group, voters=tuple(voter for block in blocks for voter in block[number].responses))
        for number, group in enumerate(groups)
    )


def column_table(column: Column) -> pa.Table:
    """Return a dimension's column as a table, one row a group."""
    rows = [{"scores": _score_rows(scores)} for scores in column.scores]
    return pa.Table.from_pylist(rows, schema=COLUMN_SCHEMA)


def column_from(table: pa.Table, dimension: str) -> Column:
    """Read back what `column_table` made, under the dimension's name in this run."""
    return Column(dimension, tuple(_scores(row["scores"]) for row in table.to_pylist()))


def scores_table(scores: Iterable[Scores]) -> pa.Table:
    """Return scores as a table, one row a group."""
    rows = [
        {
            "prompt_id": scored.prompt_id,
            "U": _score_rows(scored.U),
            "calibrated": [(name, _score_rows(column)) for name, column in scored.calibrated.items()],
            "raw": [(name, _score_rows(column)) for name, column in scored.raw.items()],
        }
        for scored in scores
    ]
    return pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)


def scores_from(table: pa.Table) -> tuple[Scores, ...]:
    """Read back what `scores_table` made."""
    return tuple(
        Scores(
            prompt_id=row["prompt_id"],
            U=_scores(row["U"]),
            calibrated={name: _scores(column) for name, column in row["calibrated"]},
            raw={name: _scores(column) for name, column in row["raw"]},
        )
        for row in table.to_pylist()
    )


def pairs_table(pairs: Iterable[Pair]) -> pa.Table:
    """Return pairs as a table, one row each."""
    rows = [
        {
            "pair_id": pair.id,
            **_prompt_row(pair.prompt),
            "prompt_token_ids": pair.prompt_token_ids,
            "chosen": _response_row(pair.chosen),
            "rejected": _response_row(pair.rejected),
            "gap": pair.gap,
            "chosen_U": pair.chosen_U,
            "rejected_U": pair.rejected_U,
            "origin": pair.origin,
            "weight": pair.weight,
            "vote_margin": pair.vote_margin,
        }
        for pair in pairs
    ]
    return pa.Table.from_pylist(rows, schema=PAIR_SCHEMA)


def pairs_from(table: pa.Table) -> tuple[Pair, ...]:
    """Read back what `pairs_table` made."""
    return tuple(
        Pair(
            prompt=_prompt(row),
            prompt_token_ids=tuple(row["prompt_token_ids"]),
            chosen=_response(row["chosen"]),
            rejected=_response(row["rejected"]),
            gap=row["gap"],
            chosen_U=row["chosen_U"],
            rejected_U=row["rejected_U"],
            origin=row["origin"],
            # Stores of contract 1 know neither.
            weight=row.get("weight", 1.0),
            vote_margin=row.get("vote_margin"),
        )
        for row in table.to_pylist()
    )


def read_pairs(path: Path, start: int = 0, stop: int | None = None) -> Iterator[Pair]:
    """Yield the pairs of one Parquet file, some hundreds at a time, so that memory stays flat; or those from
    place `start` up to before `stop` alone.

    Raises StoreError where it lies in a store, and is not what was written there.
    """
    check_noted(path)
    with pq.ParquetFile(path) as file:
        place = 0
        for batch in file.iter_batches(batch_size=256):
            low, high = max(start - place, 0), batch.num_rows if stop is None else stop - place
            if high <= 0:
                return
            if low < batch.num_rows:
                yield from pairs_from(pa.Table.from_batches([batch.slice(low, high - low)]))
            place += batch.num_rows


def rows_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return a suite's rows as a table, a column for each key of any row; lists and mappings as JSON text.

    A column whose values are of several kinds is text.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [_cell(row.get(name)) for row in rows] for name in names}
    return pa.table({name: _column(values) for name, values in columns.items()})


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | Mapping) else value


def _column(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])
