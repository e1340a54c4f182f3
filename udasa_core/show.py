"""A run's figures as tables, each labelled with what it says and what it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from udasa_core.records import Pair
from udasa_core.runs import Run
from udasa_core.text_table import TextTable, figure, wrap

# Figures that trainers report by these names are shown side by side; any others are listed below them.
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


def tables(figures: Mapping[str, Any], *, artifacts: bool = True) -> Iterator[TextTable]:
    """Yield the tables of a run's figures; artifacts: also where everything lies."""
    yield _head(figures)
    if figures["uncertainty"]:
        yield _uncertainty(figures["uncertainty"])
    if figures["pairs"]["stages"] or figures["pairs"]["refused"]:
        yield _pairs(figures["pairs"])
    if figures["training"]:
        yield _training(figures["training"])
        yield from _other_metrics(figures["training"])
    if figures["held_out"]:
        yield _held_out(figures["held_out"])
    for name, rows in figures["suites"].items():
        yield _suite(name, rows)
    if artifacts:
        yield _artifacts(figures["artifacts"])


def _head(figures: Mapping[str, Any]) -> TextTable:
    model, prompts, responses = figures["model"], figures["prompts"], figures["responses"]
    rows = [
        ("status", figures["status"]),
        ("model", f"{model['source']} ({model['dtype']}, {model['device']}, {model['revision'][:12]})"),
    ]
    if prompts:
        told = f"{prompts['training']} training, {prompts['held_out']} held out, {prompts['set_aside']} set aside"
        rows.append(("prompts", told))
    if responses:
        tokens = responses["tokens"]
        cut = 100 * responses["truncated"] / tokens["n"]
        told = f"{tokens['n']} to training prompts, {figure(tokens['mean'], 1)} tokens on average, {cut:.0f}% cut off"
        rows.append(("responses", told))
    width = max(len(label) for label, _ in rows)
    lines = [f"  {label.ljust(width)}  {told}" for label, told in rows]
    notes = [f"It stopped with {figures['error']}"] if figures["error"] else []
    return TextTable("\n".join([f"Run {figures['name']}", *lines]), (), (), notes)


def _uncertainty(rows: Sequence[Mapping[str, Any]]) -> TextTable:
    notes = [
        "0 is certain, 1 most uncertain. Dimensions are raw; U is their calibrated aggregate: its mean is near "
        "0.5 by construction, and is evidence of nothing."
    ]
    for row in rows:
        for reason, count in row["abstained"].items():
            notes.append(f"{row['dimension']} abstained {count} times: {reason}")
    columns = ("n", "mean", "sd", "min", "max")
    cells = [
        (
            row["dimension"],
            str(row["n"]),
            *(figure(row[name]) for name in columns[1:]),
            str(sum(row["abstained"].values())),
        )
        for row in rows
    ]
    return TextTable("Uncertainty of training responses", ("dimension", *columns, "abstained"), cells, notes)


def _pairs(pairs: Mapping[str, Any]) -> TextTable:
    cells = []
    for stage in pairs["stages"]:
        gap = stage["gap"]
        cells.append(
            (
                stage["stage"],
                str(stage["size"]),
                *(figure(gap[name]) for name in ("mean", "min", "max")),
                *(figure(stage[name]["mean"]) for name in ("chosen_U", "rejected_U")),
                *(figure(stage[name]["mean"], 1) for name in ("chosen_length", "rejected_length")),
            )
        )
    header = (
        "stage",
        "pairs",
        "gap",
        "min gap",
        "max gap",
        "U chosen",
        "U rejected",
        "chosen tokens",
        "rejected tokens",
    )
    notes = ["gap = U(rejected) − U(chosen). Means, where nothing else is said."]
    notes += [f"{count} prompts gave no pair: {reason}" for reason, count in pairs["refused"].items()]
    notes += [f"{count} pairs are in no stage: {reason}" for reason, count in pairs["dropped"].items()]
    return TextTable("Pairs by stage, in training order", header, cells, notes)


def _training(stages: Sequence[Mapping[str, Any]]) -> TextTable:
    header = ("stage", "trainer", "steps", "loss", "chosen logp", "rejected logp", "margin", "accuracy")
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
                name,
                stage["trainer"],
                "–" if steps is None else f"{steps:g}",
                _change(*_losses(stage)),
                *(
                    _change(metrics.get(f"{one}_before"), metrics.get(f"{one}_after"), 2)
                    for one in (_CHOSEN, _REJECTED)
                ),
                figure(metrics.get("margin_after")),
                figure(metrics.get("accuracy_after"), 2),
            )
        )
        notes += _collapse(name, metrics)
    if cells:
        notes.insert(
            0,
            "loss: of the first → the last optimizer step. logp: mean log-probability of a whole response in "
            "nats, over the stage's pairs, before → after. margin, accuracy: after.",
        )
    return TextTable("Training by stage", header, cells, notes)


def _losses(stage: Mapping[str, Any]) -> tuple[float | None, float | None]:
    metrics, losses = stage["metrics"], [one["loss"] for one in stage["history"] if "loss" in one]
    first, last = (losses[0], losses[-1]) if losses else (None, None)
    return metrics.get(_FIRST_LOSS, first), metrics.get(_LAST_LOSS, last)


def _change(before: float | None, after: float | None, digits: int = 3) -> str:
    return "–" if before is None or after is None else f"{figure(before, digits)} → {figure(after, digits)}"


def _collapse(stage: str, metrics: Mapping[str, float]) -> list[str]:
    """Warn where training made the chosen responses less likely."""
    before, after = metrics.get(f"{_CHOSEN}_before"), metrics.get(f"{_CHOSEN}_after")
    if before is None or after is None or after >= before:
        return []
    return [
        f"WARNING {stage}: the chosen responses became less likely ({_change(before, after, 2)} nats), which is "
        "how preference training is known to collapse. Try a lower learning rate or fewer epochs."
    ]


def _other_metrics(stages: Sequence[Mapping[str, Any]]) -> Iterator[TextTable]:
    """Yield the figures that have no column of their own, a row each, a column a stage."""
    trained = [stage for stage in stages if stage["trained"]]
    names = dict.fromkeys(
        name for stage in trained for name in stage["metrics"] if name not in _TRAINING_FIGURES
    )
    if names:
        rows = [(name, *(_plain(stage["metrics"].get(name)) for stage in trained)) for name in names]
        yield TextTable(
            "Further figures of the trainers", ("figure", *(stage["stage"] for stage in trained)), rows
        )


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6g}".replace("-", "−")


def _held_out(changes: Sequence[Mapping[str, Any]]) -> TextTable:
    rows = [
        (
            one["name"],
            figure(one["before"]),
            figure(one["after"]),
            figure(one["after"] - one["before"]),
            f"[{figure(one['low'])}, {figure(one['high'])}]",
            str(one["n"]),
        )
        for one in changes
    ]
    notes = [
        "n prompts, means over each prompt's responses; the interval is of the change, by resampling prompts. "
        "One that holds 0 shows no change. Calibration and reader are frozen.",
        "A falling U is what training aims at: it is no proof of alignment. Entropy in nats a token, length in "
        "tokens; truncated and distinct are shares of the responses.",
    ]
    return TextTable(
        "Held-out prompts, before and after",
        ("figure", "before", "after", "change", "95% interval", "n"),
        rows,
        notes,
    )


def _suite(name: str, rows: Sequence[Mapping[str, Any]]) -> TextTable:
    cells = [
        (
            row["model"],
            row["name"],
            figure(row["value"]),
            f"[{figure(row['low'])}, {figure(row['high'])}]",
            str(row["n"]),
        )
        for row in rows
    ]
    return TextTable(f"Suite {name}, by model", ("model", "metric", "value", "95% interval", "n"), cells)


def _artifacts(found: Sequence[Mapping[str, Any]]) -> TextTable:
    rows = [(one["name"], str(one["files"]), near(Path(one["path"]))) for one in found]
    return TextTable("Where everything lies", ("output", "files", "path"), rows)


def near(path: Path) -> str:
    """Return a path as one would type it here: relative where it lies below the working folder."""
    whole = Path(os.path.abspath(path))
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)


def pair_texts(run: Run, count: int) -> Iterator[str]:
    """Yield up to `count` pairs a stage as text for reading: what was asked, what was chosen over what."""
    from udasa_core.tables import read_pairs

    for stage in run.stages():
        if not stage.pairs.exists():
            continue
        for number, pair in enumerate(islice(read_pairs(stage.pairs), count), 1):
            yield _pair_text(f"{stage.name}, pair {number} of {stage.size}", pair)


def _pair_text(title: str, pair: Pair) -> str:
    gap = "no gap" if pair.gap is None else f"gap {figure(pair.gap)}"
    lines = [f"── {title} · {gap} · {pair.id}"]
    for message in pair.prompt.messages:
        lines += _labelled(message.role, message.content)
    for label, response, uncertainty in (
        ("chosen", pair.chosen, pair.chosen_U),
        ("rejected", pair.rejected, pair.rejected_U),
    ):
        cut = ", cut off" if response.finish_reason == "length" else ""
        about = f"U {figure(uncertainty)}, {len(response.token_ids)} tokens{cut}"
        lines += _labelled(f"{label} ({about})", response.text)
    return "\n".join(lines)


def _labelled(label: str, text: str) -> list[str]:
    paragraphs = [line for paragraph in text.splitlines() for line in wrap(_printable(paragraph), 94)]
    return [f"  {label}:", *(f"    {line}".rstrip() for line in paragraphs or ["(empty)"])]


def _printable(text: str) -> str:
    """Write out what a terminal would act on: a response may hold any character."""
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in text)
