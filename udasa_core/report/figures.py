"""A run's figures as plain data: what `show` prints, and `show --json` prints as it is.

Read shard by shard from columns, so that memory does not grow with the number of prompts. What an unfinished
run has not made yet is missing, and nothing else is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.config.schema import ClustersTable
from udasa_core.records import SamplingOptions
from udasa_core.store.agreed import agreed_from, counted
from udasa_core.store.digests import check_noted
from udasa_core.store.output import TRAINING, Output
from udasa_core.store.run_folder import StageSummary
from udasa_core.store.runs import Run

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy import float64
    from numpy.typing import NDArray

_PAIR_COLUMNS = ("gap", "chosen_U", "rejected_U", "chosen.token_ids", "rejected.token_ids")


def figures(run: Run) -> dict[str, Any]:
    """Return everything that is measured in a run as JSON data; absent values are None.

    Of several rounds, "responses", "uncertainty" and "agreement" are of the one that "sampled_in" names: the
    last whose responses are scored.
    """
    last = _last_scored(run)
    return {
        "name": run.name,
        "folder": str(run.folder),
        "status": run.status,
        "error": run.manifest.plain.get("error", ""),
        "label_free": run.manifest.plain.get("label_free"),
        "is_recorded": run.manifest.plain.get("is_recorded", False),
        "labels_untold": list(run.manifest.plain.get("labels_untold", ())),
        "model": run.manifest.plain["models"]["base"],
        "adopted": list(run.manifest.plain.get("adopted", ())),
        "remarks": list(run.remarks()),
        "prompts": _prompts(run),
        "sampled_in": {"round": last + 1, "of": max(last + 1, len(run.rounds()))},
        "responses": _responses(run, last),
        "uncertainty": uncertainty_of(run, last),
        "agreement": _agreement(run, last),
        "controls": [dict(figures) for figures in run.controls()],
        "pairs": _pairs(run),
        "training": [_training(stage) for stage in run.stages()],
        "transitions": [dict(transition) for transition in run.transitions()],
        "gates": [dict(decision) for decision in run.decisions()],
        "rounds": [dict(transition) for transition in run.transitions("round")],
        "ended": run.manifest.plain.get("rounds", {}).get("ended", ""),
        "held_out": [dict(change) for change in run.changes()],
        "suites": {name: list(rows) for name, rows in run.suites().items()},
        "judge_biases": dict(run.judge_biases()),
        "artifacts": _artifacts(run),
    }


def untold_by(figures: Mapping[str, Any]) -> str:
    """Say which plugins do not tell whether they use human labels; older runs do not name them."""
    names = figures["labels_untold"]
    told = ", ".join(names) if names else "a plugin of this run"
    return f"{told} {'do' if len(names) > 1 else 'does'} not say"


@dataclass(slots=True)
class _Spread:
    """Count, mean, standard deviation and range of numbers that come in parts."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: NDArray[float64]) -> None:
        """Add a part. The parts' moments are joined without taking the difference of large sums
        (Chan, Golub and LeVeque 1983)."""
        if not len(values):
            return
        mean, total = float(values.mean()), self.n + len(values)
        shift = mean - self.mean
        self.squares += float(((values - mean) ** 2).sum()) + shift**2 * self.n * len(values) / total
        self.mean += shift * len(values) / total
        self.n = total
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def plain(self) -> dict[str, float | int | None]:
        """Return n, mean, sd (of the sample: n − 1), min and max; None where there are too few numbers."""
        return {
            "n": self.n,
            "mean": self.mean if self.n else None,
            "sd": math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else None,
            "min": self.low if self.n else None,
            "max": self.high if self.n else None,
        }


def _tables(run: Run, output: Output) -> Iterator[pa.Table]:
    """Yield the shards of one of the run's outputs that are made."""
    for key in run.keys(output):
        if run.store.has(output.step, key):
            yield run.store.read_table(output.step, key)


def _index(run: Run) -> Mapping[str, Any] | None:
    """Return what the step that reads prompts noted; None where the run has not come that far."""
    return run.reading() or None


def _prompts(run: Run) -> dict[str, int] | None:
    index = _index(run)
    if index is None:
        return None
    sizes = index["sizes"]
    return {
        "training": sizes["training"],
        "held_out": sizes["held-out"],
        "set_aside": index["set_aside"],
    }


def _last_scored(run: Run) -> int:
    """Return the number, from 0, of the last round whose training responses are scored."""
    number = 0
    while any(run.store.has("aggregate", key) for key in run.keys(Output("aggregate", TRAINING, number + 1))):
        number += 1
    return number


def _responses(run: Run, round: int) -> dict[str, Any] | None:
    """Return the lengths of the round's responses to the training prompts, how many were cut off, how many
    spell a control token, how many think first, and how many were cut off while they did."""
    import pyarrow.compute as pc

    lengths, truncated, spelling, thinking, unanswered = _Spread(), 0, 0, 0, 0
    spelled = _control_tokens(run)
    for table in _tables(run, Output("sample", TRAINING, round)):
        responses = pc.list_flatten(table["responses"])
        tokens = pc.list_value_length(pc.struct_field(responses, "token_ids"))
        lengths.add(_floats(tokens))
        # Older samples know of no thought.
        if responses.type.get_field_index("thought_tokens") >= 0:
            thought = pc.struct_field(responses, "thought_tokens")
            thinking += pc.sum(pc.greater(thought, 0)).as_py() or 0
            unanswered += pc.sum(pc.equal(thought, tokens)).as_py() or 0
        truncated += pc.sum(pc.equal(pc.struct_field(responses, "finish_reason"), "length")).as_py() or 0
        if spelled:
            found = pc.match_substring_regex(pc.struct_field(responses, "text"), spelled)
            spelling += pc.sum(found).as_py() or 0
    told = {
        "tokens": lengths.plain(),
        "truncated": truncated,
        "max_new_tokens": run.manifest.plain["config"]
        .get("generator", {})
        .get("max_new_tokens", SamplingOptions().max_new_tokens),
        "spelling_control_tokens": spelling,
        "thinking": thinking,
        "unanswered": unanswered,
    }
    return told if lengths.n else None


def _control_tokens(run: Run) -> str:
    """Return a regular expression of the base's control tokens; "" where it has none, or none is known."""
    index = _index(run)
    return "|".join(map(re.escape, index.get("control_tokens", ()))) if index else ""


def _floats(column: pa.ChunkedArray) -> NDArray[float64]:
    import numpy as np

    return np.asarray(column.drop_null().to_numpy(), dtype=np.float64)


@dataclass(slots=True)
class _Scored:
    """What one dimension said of all responses."""

    raw: _Spread = field(default_factory=_Spread)
    abstained: Counter[str] = field(default_factory=Counter)

    def add(self, scores: pa.ChunkedArray) -> None:
        """Add a shard's lists of scores."""
        import pyarrow.compute as pc

        flat = pc.list_flatten(scores)
        self.raw.add(_floats(pc.struct_field(flat, "value")))
        for reason in pc.value_counts(pc.struct_field(flat, "abstained").drop_null()).to_pylist():
            self.abstained[reason["values"]] += reason["counts"]

    def plain(self, name: str) -> dict[str, Any]:
        """Return the row of one dimension."""
        return {"dimension": name, **self.raw.plain(), "abstained": dict(sorted(self.abstained.items()))}


def uncertainty_of(run: Run, round: int) -> list[dict[str, Any]]:
    """Return raw scores by dimension over the training responses of a round; the last row is U."""
    import pyarrow.compute as pc

    config = run.manifest.plain["config"]
    names = [str(table.get("name", table["use"])) for table in config.get("dimension", ())]
    dimensions, aggregate = {name: _Scored() for name in names}, _Scored()
    for table in _tables(run, Output("aggregate", TRAINING, round)):
        for name, scored in dimensions.items():
            scored.add(pc.map_lookup(table["raw"], name, "first"))
        aggregate.add(table["U"])
    rows = [scored.plain(name) for name, scored in dimensions.items()]
    return [*rows, aggregate.plain("U")] if aggregate.raw.n or any(aggregate.abstained) else []


def _agreement(run: Run, round: int) -> dict[str, Any] | None:
    """Return in how many training prompts all of a round's responses and voters give one answer, or no two
    do, and what is done about it; None where nothing was compared yet."""
    found = counted(
        one for table in _tables(run, Output("agree", TRAINING, round)) for one in agreed_from(table)
    )
    if not found.prompts:
        return None
    config = run.manifest.plain["config"]
    bound = ClustersTable.model_validate(config.get("clusters", {})).bound
    instead = {
        str(table.get("name", table["use"])): table["fall_back"]
        for table in config.get("dimension", ())
        if table.get("fall_back")
    }
    told = {name: None if value != value else value for name, value in asdict(found).items()}
    rate = found.rate if found.compared else None
    return {**told, "rate": rate, "bound": bound, "above": found.rate > bound, "fall_back": instead}


def _pairs(run: Run) -> dict[str, Any]:
    plans = [run.staging(round) for round in run.rounds()]
    dropped = Counter(reason for plan in plans for _, reason in plan["dropped"])
    refused: Counter[str] = Counter()
    for plan in plans:
        refused.update(plan["refused"])
    return {
        "stages": [_stage_pairs(stage) for stage in run.stages()],
        "refused": dict(sorted(refused.items())),
        "dropped": dict(sorted(dropped.items())),
    }


def _stage_pairs(stage: StageSummary) -> dict[str, Any]:
    """Return one stage's spreads: gaps, U of both sides, lengths of both sides in tokens."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    spreads = {
        name: _Spread() for name in ("gap", "chosen_U", "rejected_U", "chosen_length", "rejected_length")
    }
    if stage.pairs.exists():
        check_noted(stage.pairs)
        with pq.ParquetFile(stage.pairs) as file:
            for batch in file.iter_batches(columns=list(_PAIR_COLUMNS)):
                table = pa.Table.from_batches([batch])
                for name in ("gap", "chosen_U", "rejected_U"):
                    spreads[name].add(_floats(table[name]))
                for side in ("chosen", "rejected"):
                    tokens = pc.struct_field(table[side], "token_ids")
                    spreads[f"{side}_length"].add(_floats(pc.list_value_length(tokens)))
    return {
        "stage": stage.label,
        "size": stage.size,
        **{name: spread.plain() for name, spread in spreads.items()},
    }


def _training(stage: StageSummary) -> dict[str, Any]:
    return {
        "stage": stage.label,
        "trainer": stage.trainer,
        "trained": stage.trained,
        "rolled_back": stage.rolled_back,
        "skipped": stage.skipped,
        "metrics": dict(stage.metrics),
        "history": [dict(step) for step in stage.history],
    }


def _artifacts(run: Run) -> list[dict[str, Any]]:
    """Return where every output lies, with its number of files, and each stage's pairs and adapter."""
    found: list[dict[str, Any]] = [{"name": "manifest", "path": str(run.manifest.path), "files": 1}]
    aside = run.folder / "set-aside.jsonl"
    if aside.exists():
        found.append({"name": "prompts set aside", "path": str(aside), "files": 1})
    found += [{"name": name, "path": str(path), "files": files} for name, path, files in run.artifacts()]
    for stage in run.stages():
        found += _of_stage(
            stage.label, {"pairs": stage.pairs, "adapter": stage.adapter, "model": stage.model}
        )
    return found


def _of_stage(stage: str, paths: Mapping[str, Path | None]) -> Iterator[dict[str, Any]]:
    for what, path in paths.items():
        if path is not None and path.exists():
            yield {"name": f"{what} of {stage}", "path": str(path), "files": 1}
