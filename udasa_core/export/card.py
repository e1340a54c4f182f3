"""The model card of an exported model: what it is made from, how, and what was measured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core.export.licence import UNKNOWN, base_name_of, licence_of
from udasa_core.report.table import figure
from udasa_core.store.runs import Run, StageSummary
from udasa_core.store.store import versions

_METHOD = (
    "Several responses to each prompt were sampled from the base model and scored for how uncertain each one "
    "is, in the dimensions below. The most reliable response was preferred to a less reliable one, and these "
    "pairs were trained on in stages, from clear preferences to doubtful ones."
)
_HONEST = (
    "A falling uncertainty is what this training aims at; it is no proof of alignment. U is the calibrated "
    "aggregate of the dimensions. The interval is of the change, by resampling prompts: one that holds 0 is "
    "no evidence of a change."
)
# What the run says of itself: True, False, or nothing where a plugin did not tell.
_LABELS: Mapping[bool | None, str] = {
    True: "This run used no human label.",
    False: "This run used human labels.",
    None: "Whether this run used human labels is not known: a plugin of it does not say.",
}
_LOAD_MERGED = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("this folder")
tokenizer = AutoTokenizer.from_pretrained("this folder")
```"""
_LOAD_BESIDE = """\
The base model lies in this folder, what training added in `adapter`:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("this folder")
model = PeftModel.from_pretrained(base, "this folder/adapter")
tokenizer = AutoTokenizer.from_pretrained("this folder")
```"""


def card(run: Run, *, merged: bool, dtype: str) -> str:
    """Return the README.md of an export as Markdown with the hub's front matter."""
    plain = run.manifest.plain
    base, licence = base_name_of(run.base), licence_of(run.base)
    sections = [
        _front_matter(base, licence, run),
        f"# {base}, aligned with its own uncertainty",
        _METHOD,
        f"{_LABELS[plain.get('label_free')]} What the base model was itself trained on is another matter.",
        "## Provenance",
        _bullets(_provenance(run, base, licence, dtype)),
        "## Loading",
        _LOAD_MERGED if merged else _LOAD_BESIDE,
        "## Uncertainty",
        _table(("dimension", "plugin", "weight"), list(_dimensions(plain))),
        "## Training",
        _table(
            ("stage", "pairs", "trainer", "loss", "chosen log-probability", "accuracy after"),
            [_stage(one) for one in run.stages()],
        ),
        *_hyper_parameters(run),
        "## Held-out prompts, before and after",
        *_held_out(run),
        *_suites(run),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(base: str, licence: str, run: Run) -> str:
    spelled = licence.lower().replace(" ", "-")
    lines = [f"license: {spelled}"]
    if not re.fullmatch(r"[a-z0-9.-]+", spelled) or "licen" in spelled:
        lines = ["license: other", f"license_name: {json.dumps(licence)}"]
    trainers = list(dict.fromkeys(stage.trainer for stage in run.stages() if stage.trained))
    lines += [
        f"base_model: {json.dumps(base)}",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        f"tags: {json.dumps(['udasa', *trainers])}",
    ]
    return "\n".join(["---", *lines, "---"])


def _provenance(run: Run, base: str, licence: str, dtype: str) -> Iterator[tuple[str, str]]:
    plain, prompts = run.manifest.plain, run.manifest.plain.get("prompts", {})
    yield "made by", f"udasa {versions('udasa')['udasa']}, run `{run.name}` ({run.status})"
    yield "base model", f"{base}, from `{run.base.source}`"
    yield "base revision (SHA-256 of its files)", f"`{run.base.revision}`"
    told = "its files state none; look it up before you pass this model on" if licence == UNKNOWN else licence
    yield "licence of the base, which binds this model too", told
    yield "adapter (SHA-256 of its weights)", f"`{run.aligned(unfinished=True).adapters[0].sha256}`"
    yield "weights", dtype
    source = plain["config"]["prompts"]["source"]
    counts = f"; {prompts['training']} trained on, {prompts['held_out']} held out" if prompts else ""
    yield "prompts", f"`{source}`{counts}"


def _dimensions(plain: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    plugins = {one["name"]: one for one in plain["plugins"] if one["kind"] == "dimension"}
    for table in plain["config"]["dimension"]:
        name = table.get("name", table["use"])
        plugin = plugins[name]
        offered = f"{plugin['plugin']} ({plugin['distribution']} {plugin['version']})"
        yield name, offered.replace(" )", ")"), f"{table.get('weight', 1.0):g}"


def _stage(stage: StageSummary) -> tuple[str, ...]:
    if not stage.trained:
        return stage.name, str(stage.size), f"skipped: {stage.skipped}", "–", "–", "–"
    metrics, losses = stage.metrics, [one["loss"] for one in stage.history if "loss" in one]
    loss = f"{figure(losses[0])} → {figure(losses[-1])}" if losses else "–"
    chosen = [figure(metrics.get(f"chosen_logprob_{when}"), 2) for when in ("before", "after")]
    accuracy = figure(metrics.get("accuracy_after"), 2)
    return stage.name, str(stage.size), stage.trainer, loss, " → ".join(chosen), accuracy


def _hyper_parameters(run: Run) -> Iterator[str]:
    """Yield the trainers' options, whole: the default's, then where a stage has its own."""
    plain = run.manifest.plain
    trainers = [one for one in plain["plugins"] if one["kind"] == "trainer"]
    stages = [name for name, value in plain["config"]["trainer"].items() if isinstance(value, Mapping)]
    reference = plain["config"]["trainer"].get("reference", "previous_stage")
    for stage, trainer in zip(("", *stages), trainers, strict=True):
        title = f"Hyper-parameters of {stage or 'every stage'} (`{trainer['plugin']}`)"
        shown = ", ".join(f"{name} = {value}" for name, value in trainer["options"].items())
        yield f"{title}: reference = {reference}, {shown}." if shown else f"{title}: reference = {reference}."


def _held_out(run: Run) -> Iterator[str]:
    changes = run.changes()
    if not changes:
        yield "Nothing was held out, so nothing was measured."
        return
    rows = [
        (
            one["name"],
            figure(one["before"]),
            figure(one["after"]),
            f"[{figure(one['low'])}, {figure(one['high'])}]",
            str(one["n"]),
        )
        for one in changes
    ]
    yield _table(("figure", "before", "after", "95% interval of the change", "prompts"), rows)
    yield _HONEST


def _suites(run: Run) -> Iterator[str]:
    for name, rows in run.suites().items():
        yield f"## Suite {name}"
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
        yield _table(("model", "metric", "value", "95% interval", "n"), cells)


def _bullets(pairs: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in pairs)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
