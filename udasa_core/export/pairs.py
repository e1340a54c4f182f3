"""A run's pairs as a preference data set: the conversational format that TRL reads, with figures beside it.

A row: prompt (messages), chosen and rejected (one assistant message each), and the extra columns
chosen_thought and rejected_thought (what the model thought before it answered, its marks included), stage,
round (from 1), pair_id, gap, chosen_U, rejected_U, chosen_scores and rejected_scores (calibrated, by
dimension).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from udasa_core.errors import StoreError, UdasaError, UsageError
from udasa_core.files.whole import whole_file
from udasa_core.progress import Advance, Progress, silent
from udasa_core.records import Abstain, Response, Scores
from udasa_core.store.output import TRAINING, Output
from udasa_core.store.runs import Run
from udasa_core.store.tables import groups_from, read_pairs, scores_from
from udasa_core.text.printable import printable_json

SUFFIXES = (".jsonl", ".parquet")
_BATCH = 256

_Rows = Iterator[dict[str, Any]]
# The calibrated scores of a pair's two sides, by dimension.
_SideScores = dict[str, float | None]


def export_pairs(
    run: Run, file: Path, *, force: bool = False, unfinished: bool = False, progress: Progress = silent
) -> int:
    """Write every pair in training order to a .jsonl or .parquet file; return how many.

    Memory does not grow with their number. Raises UsageError where the suffix is another, or the file exists
    (force replaces it), and UdasaError where the run has no pair yet, or is not finished (unfinished:
    whatever it has counts).
    """
    if file.suffix not in SUFFIXES:
        raise UsageError(f"{file}: pairs are written as {' or '.join(SUFFIXES)}; name such a file")
    if file.exists() and not force:
        raise UsageError(f"{file} exists already; --force replaces it, or name another file")
    names = _dimensions(run.whole(unfinished=unfinished))
    total = sum(stage.size for stage in run.stages())
    if not total:
        raise UdasaError(f"run {run.name} has no pair yet (status: {run.status})")
    write = _write_jsonl if file.suffix == ".jsonl" else _write_parquet
    with (
        whole_file(file) as temporary,
        progress(f"writing {file.name}", total) as advance,
    ):
        return write(_counted(preference_rows(run), advance), temporary, names)


def _counted(rows: _Rows, advance: Advance) -> _Rows:
    for row in rows:
        yield row
        advance(1)


def preference_rows(run: Run) -> _Rows:
    """Yield each pair as a row of plain data."""
    for stage in run.stages():
        if not stage.size:
            continue
        scored = _scored_pairs(run, stage.round)
        for pair in read_pairs(stage.pairs):
            # A stage's pairs stand in the order of the shards they come from, so one pass finds them all.
            sides = next((sides for pair_id, sides in scored if pair_id == pair.id), None)
            if sides is None:
                raise UdasaError(f"run {run.name} is between two configurations; finish it with `udasa run`")
            chosen, rejected = sides
            yield {
                "prompt": [
                    {"role": message.role, "content": message.content} for message in pair.prompt.messages
                ],
                "chosen": _completion(pair.chosen),
                "rejected": _completion(pair.rejected),
                "chosen_thought": pair.chosen.thought,
                "rejected_thought": pair.rejected.thought,
                "stage": stage.name,
                "round": stage.round + 1,
                "pair_id": pair.id,
                "gap": pair.gap,
                "chosen_U": pair.chosen_U,
                "rejected_U": pair.rejected_U,
                "chosen_scores": chosen,
                "rejected_scores": rejected,
            }


def _completion(response: Response) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": response.text}]


def _dimensions(run: Run) -> Sequence[str]:
    return [str(table.get("name", table["use"])) for table in run.manifest.plain["config"]["dimension"]]


def _scored_pairs(run: Run, round: int) -> Iterator[tuple[str, tuple[_SideScores, _SideScores]]]:
    """Yield each pair's id and its sides' scores, shard by shard. Raises StoreError."""
    names = _dimensions(run)
    shards = [run.keys(Output(step, TRAINING, round)) for step in ("pair", "sample", "aggregate")]
    counts = [len(keys) for keys in shards]
    if len(set(counts)) > 1:
        raise StoreError(
            f"the manifest of run {run.name} points at {', '.join(map(str, counts))} shards of pairs, "
            "samples and scores, which do not belong together; run the same configuration again"
        )
    for pair_key, group_key, score_key in zip(*shards, strict=True):
        pairs = read_pairs(run.store.path("pair", pair_key))
        scores = {
            scored.prompt_id: scored for scored in scores_from(run.store.read_table("aggregate", score_key))
        }
        if strange := [name for name in names for one in scores.values() if name not in one.raw]:
            raise StoreError(
                f"the manifest of run {run.name} names a dimension {strange[0]!r} that its scores lack; "
                "run the same configuration again"
            )
        groups = {group.prompt.id: group for group in groups_from(run.store.read_table("sample", group_key))}
        for pair in pairs:
            responses, scored = groups[pair.prompt.id].responses, scores[pair.prompt.id]
            chosen, rejected = (
                _side(side, responses, scored, names) for side in (pair.chosen, pair.rejected)
            )
            yield pair.id, (chosen, rejected)


def _side(side: Response, responses: Sequence[Response], scores: Scores, names: Sequence[str]) -> _SideScores:
    """Return one side's scores; None where a dimension abstained, or the side is not one of the samples."""
    ids = [response.token_ids for response in responses]
    if side.token_ids not in ids:
        return dict.fromkeys(names)
    index = ids.index(side.token_ids)
    values = {name: scores.calibrated[name][index] for name in names}
    return {name: None if isinstance(value, Abstain) else value for name, value in values.items()}


def _write_jsonl(rows: _Rows, file: Path, names: Sequence[str]) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as opened:
        for row in rows:
            # Also without the line ends of other kinds, at which some readers would cut a row.
            opened.write(printable_json(json.dumps(row, ensure_ascii=False)) + "\n")
            count += 1
    return count


def _write_parquet(rows: _Rows, file: Path, names: Sequence[str]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    scores = pa.struct([(name, pa.float64()) for name in names])
    texts = {"prompt": messages, "chosen": messages, "rejected": messages}
    figures = dict.fromkeys(("gap", "chosen_U", "rejected_U"), pa.float64())
    columns = {
        **texts,
        "chosen_thought": pa.string(),
        "rejected_thought": pa.string(),
        "stage": pa.string(),
        "round": pa.int64(),
        "pair_id": pa.string(),
        **figures,
        "chosen_scores": scores,
        "rejected_scores": scores,
    }
    schema, count = pa.schema(columns), 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(rows, _BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count
