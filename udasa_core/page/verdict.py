"""The page's section "Verdict": what was trained on what, what it gained, what speaks against it, what it
cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from udasa_core.config.schema import RunTable
from udasa_core.page.gains import gains, gains_table, gains_told
from udasa_core.page.harm import harm_count, harm_told
from udasa_core.page.losses import Harm
from udasa_core.page.parts import Card, Cards, Part, Prose, Section
from udasa_core.page.progress import progress_table
from udasa_core.page.taking import taking_told
from udasa_core.report.figures import untold_by
from udasa_core.report.gate_table import GATES, gate_name
from udasa_core.report.show import head_table, in_round, paired_of, tables
from udasa_core.report.table import Interval, Table, TableColumn
from udasa_core.report.written import counted, duration, number, share, short
from udasa_core.store.costs import read_costs
from udasa_core.store.run_folder import StageSummary
from udasa_core.store.runs import Run
from udasa_core.text.size import size

_WARNING = "WARNING: "
_LABELS: Mapping[bool | None, tuple[str, str]] = {
    True: ("none", "no plugin of this run reads one"),
    False: ("used", "a plugin of this run reads them"),
    None: ("not known", ""),
}


def section(run: Run, figures: Mapping[str, Any], lost: Sequence[Harm]) -> Section:
    """Return the section, of a run as far as it has come. figures: what `figures(run)` gave. lost: what
    `harms` did."""
    evaluated = run.manifest.plain.get("evaluated")
    parts: list[Part] = [
        *_state(figures),
        *([Prose(_evaluated(evaluated, figures))] if evaluated else _of_training(run, figures, lost)),
        Cards(
            [
                *(_suite_cards(figures) if evaluated else ()),
                *_pair_cards(run, figures),
                *_decision_cards(figures),
                *_cost_cards(run, figures),
            ]
        ),
        *(Prose(told, "doubtful") for told in _warnings(figures)),
        _head(figures),
        *(table for table in [progress_table(run)] if table is not None),
    ]
    return Section("verdict", "Verdict", parts)


def _head(figures: Mapping[str, Any]) -> Table:
    """Return the table of what the run is; its notes, what stopped it and warnings, stand above it."""
    return replace(head_table(figures), notes=[])


def _state(figures: Mapping[str, Any]) -> Iterator[Prose]:
    if figures["error"]:
        yield Prose(f"It stopped with {figures['error']}. What is below is what it has so far.", "bad")
    elif figures["status"] != "finished":
        yield Prose("Not finished: what is below is what it has so far.", "doubtful")


def _evaluated(model: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    adapters = f", with {counted(len(model['adapters']), 'adapter')}" if model["adapters"] else ""
    measured = counted(len(figures["suites"]), "suite")
    return f"{model['source'].rpartition('/')[2]}{adapters} was measured by {measured}; nothing was trained."


def _of_training(run: Run, figures: Mapping[str, Any], lost: Sequence[Harm]) -> Iterator[Part]:
    found = gains(run)
    yield Prose(_trained(run, figures))
    yield from gains_told(run, found)
    yield from taking_told(run, found, figures["gates"])
    if not found and any(stage["trained"] for stage in figures["training"]):
        yield _unmeasured(figures)
    yield from harm_told(run, lost)
    if lost:
        count = harm_count(lost)
        yield Prose(
            f"In all, {count}: Stages and rounds has a row for each. Look at the pairs of the stage that "
            "cost most before you use what came of it."
        )
    yield from gains_table(run, found)


def _trained(run: Run, figures: Mapping[str, Any]) -> str:
    """Say in a sentence what was trained on what."""
    model, stages = run.base.source.rpartition("/")[2], run.stages()
    standing = [stage for stage in stages if stage.trained and not stage.rolled_back]
    pairs = sum(stage.size for stage in standing)
    prompts = figures["prompts"]
    if not standing:
        if any(stage.trained for stage in stages):
            return f"Nothing is left of training: each stage was rolled back, and {model} is as it was."
        asked = f" {counted(prompts['training'], 'prompt')} to train on." if prompts else ""
        return f"Nothing was trained: {model} is as it was.{asked}"
    rounds = len(run.rounds())
    if rounds > 1:
        where = f"{counted(len(standing), 'stage')} of {rounds} rounds"
    else:
        where = f"{counted(len(standing), 'stage')} ({', '.join(stage.label for stage in standing)})"
    told = (
        f"{model} was trained on {counted(pairs, 'pair')} of its own responses to "
        f"{counted(prompts['training'], 'prompt')}, in {where}, by "
        f"{', '.join(dict.fromkeys(stage.trainer for stage in standing))}{_imitating(run)}"
    )
    left = [stage for stage in stages if stage not in standing]
    return told + (f". Not in the model: {'; '.join(map(_left_out, left))}." if left else ".")


def _imitating(run: Run) -> str:
    """Say that a loss by preference also imitates, which its name does not tell."""
    weight = run.manifest.plain["config"].get("trainer", {}).get("sft_weight")
    return f" with sft_weight {weight:g}" if weight else ""


def _left_out(stage: StageSummary) -> str:
    return f"{stage.label} ({stage.untrained or 'not trained yet'})"


def _unmeasured(figures: Mapping[str, Any]) -> Prose:
    if figures["suites"]:
        return Prose("Its suites have no score by item, of base and model: see their tables.")
    return Prose(
        "Whether the model is better was not measured: this run has no suite. What changed on held-out "
        "prompts is no proof. Add a [[suite]] to the TOML and run it again: nothing is trained anew.",
        "doubtful",
    )


def _suite_cards(figures: Mapping[str, Any]) -> Iterator[Card]:
    """Yield what each suite puts first."""
    column = TableColumn("")
    for name, rows in figures["suites"].items():
        for row in rows[:1]:
            spread = column.written(Interval(row["low"], row["high"]))
            yield Card(
                name, number(row["value"]), f"{row['name']} {spread}, over {counted(row['n'], 'item')}"
            )


def _pair_cards(run: Run, figures: Mapping[str, Any]) -> Iterator[Card]:
    prompts = figures["prompts"]
    asked_for = run.manifest.plain["config"]["run"].get("held_out", RunTable.model_fields["held_out"].default)
    paired, asked = paired_of(figures["pairs"])
    if asked:
        rounds, training = figures["sampled_in"]["of"], prompts["training"] if prompts else 0
        each = f" in {rounds} rounds" if rounds > 1 else ""
        each += f" of {training}" if each and asked == rounds * training else ""
        told = f"from {counted(asked, 'prompt')}{each} ({share(paired / asked)})"
        yield Card("Pairs", short(paired), told)
    if prompts:
        told = f"prompts, never trained on; each was drawn by itself, at {share(asked_for)}"
        yield Card("Held out", short(prompts["held_out"]), told)
    label, beneath = _LABELS[figures["label_free"]]
    yield Card("Human labels", label, beneath or untold_by(figures), "good" if figures["label_free"] else "")


def _decision_cards(figures: Mapping[str, Any]) -> Iterator[Card]:
    stages = figures["training"]
    trained = [stage for stage in stages if stage["trained"]]
    if stages:
        undone = sum(stage["rolled_back"] for stage in trained)
        skipped = sum(bool(stage["skipped"]) for stage in stages)
        told = [f"{undone} rolled back"] * bool(undone) + [f"{skipped} skipped"] * bool(skipped)
        tone = "bad" if undone else ""
        yield Card("Stages trained", f"{len(trained)} of {len(stages)}", ", ".join(told), tone)  # type: ignore[arg-type]
    decisions = figures["gates"]
    if decisions:
        tripped = [one for one in decisions if one["verdict"] == "tripped"]
        stages_of: dict[str, list[str]] = {}
        for one in tripped:
            stages_of.setdefault(gate_name(one), []).append(one["stage"])
        where = "; ".join(
            f"{name} after {some[0] if len(some) == 1 else counted(len(some), 'stage')}"
            for name, some in stages_of.items()
        )
        certified = sum(one["verdict"] == "certified" for one in decisions)
        beneath = where or f"{certified} certified, {len(decisions) - certified} not certified"
        yield Card(
            "Checks of gates and guard that tripped",
            f"{len(tripped)} of {len(decisions)}",
            beneath,
            "bad" if tripped else "",
        )


def _cost_cards(run: Run, figures: Mapping[str, Any]) -> Iterator[Card]:
    responses, costs = figures["responses"], read_costs(run.folder)
    if responses:
        tokens = responses["tokens"]
        total = round(tokens["mean"] * tokens["n"])
        yield Card(
            "Tokens sampled",
            short(total),
            f"{tokens['n']} responses{in_round(figures)} that may be paired; voters beside",
        )
    if costs.total:
        slowest = max(costs.seconds, key=lambda name: costs.seconds[name])
        yield Card(
            "Time", duration(costs.total), f"most of it: {slowest}, {duration(costs.seconds[slowest])}"
        )
        device = f"; on the GPU {size(costs.device_memory)}" if costs.device_memory else ""
        yield Card("Memory", size(costs.memory), f"peak of a process{device}")


def _warnings(figures: Mapping[str, Any]) -> Sequence[str]:
    """Return every warning of the run's tables, once, what was adopted among them."""
    head, *others = tables(figures, artifacts=False)
    found = [note.removeprefix(_WARNING) for note in head.notes if note.startswith(_WARNING)]
    found += [
        f"{table.title}: {note.removeprefix(_WARNING)}"
        for table in others
        if table.title != GATES  # What tripped is told above, with its numbers.
        for note in table.notes
        if note.startswith(_WARNING)
    ]
    found += [
        f"{adopted['shards']} shards of {adopted['label']} were made by other versions, and are kept."
        for adopted in figures["adopted"]
    ]
    return list(dict.fromkeys(found))
