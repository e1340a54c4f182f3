"""What training did, stage by stage, as tables.

A trainer reports what it likes; the figures below, under these names, are shown side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core.report.advice import LIGHTER_TRAINING
from udasa_core.report.table import Change, Table, TableColumn

_FIRST_LOSS, _LAST_LOSS = "first_loss", "last_loss"
_CHOSEN, _REJECTED = "chosen_logprob", "rejected_logprob"
_TRAINING_FIGURES = (
    _FIRST_LOSS,
    _LAST_LOSS,
    *(f"{name}_{when}" for name in (_CHOSEN, _REJECTED) for when in ("before", "after")),
    "margin_after",
    "accuracy_after",
    "steps",
)


# A smaller fall, as a share of the log-probability, is within what light training moves either way.
_NOTABLE_FALL = 0.01


def training_table(stages: Sequence[Mapping[str, Any]]) -> Table:
    """Return losses, log-probabilities, margin and accuracy by stage, and a warning of a collapse."""
    columns = (
        *("stage", "steps", "loss", TableColumn("chosen logp", digits=2)),
        *(TableColumn("rejected logp", digits=2), "margin", TableColumn("accuracy", digits=2)),
    )
    trainers = list(dict.fromkeys(stage["trainer"] for stage in stages if stage["trained"]))
    cells, notes = [], []
    for stage in stages:
        metrics, name = stage["metrics"], stage["stage"]
        if not stage["trained"]:
            notes.append(
                f"{name} was skipped: {stage['skipped']}" if stage["skipped"] else f"{name}: not trained yet"
            )
            continue
        steps = metrics.get("steps")
        cells.append(
            (
                _called(stage) if len(trainers) == 1 else f"{_called(stage)} ({stage['trainer']})",
                None if steps is None else int(steps),
                _losses(stage),
                *(
                    Change(metrics.get(f"{side}_before"), metrics.get(f"{side}_after"))
                    for side in (_CHOSEN, _REJECTED)
                ),
                metrics.get("margin_after"),
                metrics.get("accuracy_after"),
            )
        )
        notes += _collapse(name, metrics)
    if cells:
        notes.insert(
            0,
            "loss: of the first → the last optimizer step. logp: mean log-probability of a whole response in "
            "nats, over the stage's pairs, before → after. margin, accuracy: after.",
        )
    by = f", by {', '.join(trainers)}" if trainers else ""
    return Table(f"Training by stage{by}", columns, cells, notes)


def _called(stage: Mapping[str, Any]) -> str:
    return f"{stage['stage']}, rolled back" if stage["rolled_back"] else str(stage["stage"])


def _losses(stage: Mapping[str, Any]) -> Change:
    metrics, losses = stage["metrics"], [step["loss"] for step in stage["history"] if "loss" in step]
    first, last = (losses[0], losses[-1]) if losses else (None, None)
    return Change(metrics.get(_FIRST_LOSS, first), metrics.get(_LAST_LOSS, last))


def _collapse(stage: str, metrics: Mapping[str, float]) -> list[str]:
    """Warn where training made the chosen responses less likely."""
    before, after = metrics.get(f"{_CHOSEN}_before"), metrics.get(f"{_CHOSEN}_after")
    if before is None or after is None or before - after <= _NOTABLE_FALL * abs(before):
        return []
    told = TableColumn("", digits=2).written(Change(before, after))
    return [
        f"WARNING {stage}: the chosen responses became less likely ({told} nats), "
        f"which is how preference training is known to collapse.{LIGHTER_TRAINING}"
    ]


def other_metrics(stages: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """Yield the figures that have no column of their own, a row each, a column a stage."""
    trained = [stage for stage in stages if stage["trained"]]
    names = dict.fromkeys(
        name for stage in trained for name in stage["metrics"] if name not in _TRAINING_FIGURES
    )
    if names:
        rows = [(name, *(stage["metrics"].get(name) for stage in trained)) for name in names]
        columns = [TableColumn("figure"), *(TableColumn(stage["stage"], digits="short") for stage in trained)]
        yield Table("Further figures of the trainers", columns, rows)
