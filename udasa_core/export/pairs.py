"""A run's pairs as a preference data set: the conversational format that TRL reads, with figures beside it.

A row: prompt (messages), chosen and rejected (one assistant message each), and the extra columns prompt_id,
the user's own columns, chosen_thought and rejected_thought (what the model thought before it answered, its
marks included), stage, round (from 1), pair_id, gap, chosen_U, rejected_U, chosen_scores and rejected_scores
(calibrated, by dimension).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import UdasaError, UsageError
from udasa_core.files.whole import whole_file
from udasa_core.progress import Advance, Progress, silent
from udasa_core.records import Response, Scores
from udasa_core.store.answered import dimensions, value_of
from udasa_core.store.output import TRAINING
from udasa_core.store.own import OwnColumns
from udasa_core.store.pair_rows import staged_pairs
from udasa_core.store.runs import Run
from udasa_core.text.printable import printable_json

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".jsonl", ".parquet")
# What TRL takes for something of its own where a row has it: a user's column of such a name is renamed.
_READ_BY_TRL = (
    "messages",
    "completion",
    "label",
    "images",
    "image",
    "videos",
    "tools",
    "chat_template_kwargs",
)
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
    run.whole(unfinished=unfinished)
    total = sum(stage.size for stage in run.stages())
    if not total:
        raise UdasaError(f"run {run.name} has no pair yet (status: {run.status})")
    with (
        whole_file(file) as temporary,
        progress(f"writing {file.name}", total) as advance,
    ):
        rows = _counted(preference_rows(run), advance)
        if file.suffix == ".jsonl":
            return _write_jsonl(rows, temporary)
        import pyarrow as pa

        columns = list(_columns(dimensions(run)).items())
        return _write_parquet(rows, temporary, pa.schema([*columns, *own_columns(run).fields]))


def _counted(rows: _Rows, advance: Advance) -> _Rows:
    for row in rows:
        yield row
        advance(1)


def preference_rows(run: Run) -> _Rows:
    """Yield each pair as a row of plain data."""
    names = dimensions(run)
    for one in staged_pairs(run, own_columns(run)):
        pair = one.pair
        yield {
            "prompt": [
                {"role": message.role, "content": message.content} for message in pair.prompt.messages
            ],
            "chosen": _completion(pair.chosen),
            "rejected": _completion(pair.rejected),
            "prompt_id": pair.prompt.id,
            **one.own,
            "chosen_thought": pair.chosen.thought,
            "rejected_thought": pair.rejected.thought,
            "stage": one.stage.name,
            "round": one.stage.round + 1,
            "pair_id": pair.id,
            "gap": pair.gap,
            "chosen_U": pair.chosen_U,
            "rejected_U": pair.rejected_U,
            "chosen_scores": _side(one.places[0], one.scores, names),
            "rejected_scores": _side(one.places[1], one.scores, names),
        }


def own_columns(run: Run) -> OwnColumns:
    """Return the user's own columns of the training prompts, under names that nothing else of a row has."""
    return OwnColumns(run, TRAINING, (*_columns([]), *_READ_BY_TRL))


def _completion(response: Response) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": response.text}]


def _side(place: int | None, scores: Scores, names: Sequence[str]) -> _SideScores:
    """Return one side's scores; None where a dimension abstained, or the side is not one of the samples."""
    if place is None:
        return dict.fromkeys(names)
    return {name: value_of(scores.calibrated[name][place]) for name in names}


def _columns(names: Sequence[str]) -> dict[str, pa.DataType]:
    """Return the columns that every run has, and their types. names: of the dimensions."""
    import pyarrow as pa

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    scores = pa.struct([(name, pa.float64()) for name in names])
    return {
        **dict.fromkeys(("prompt", "chosen", "rejected"), messages),
        **dict.fromkeys(("prompt_id", "chosen_thought", "rejected_thought", "stage"), pa.string()),
        "round": pa.int64(),
        "pair_id": pa.string(),
        **dict.fromkeys(("gap", "chosen_U", "rejected_U"), pa.float64()),
        **dict.fromkeys(("chosen_scores", "rejected_scores"), scores),
    }


def _write_jsonl(rows: _Rows, file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as opened:
        for row in rows:
            # Also without the line ends of other kinds, at which some readers would cut a row.
            opened.write(printable_json(json.dumps(row, ensure_ascii=False)) + "\n")
            count += 1
    return count


def _write_parquet(rows: _Rows, file: Path, schema: pa.Schema) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(rows, _BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count
