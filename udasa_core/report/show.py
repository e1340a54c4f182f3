"""A run's figures as tables, each labelled with what it says and what it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.report.advice import OTHER_ANSWERS
from udasa_core.report.cut_off import cut_off_warning
from udasa_core.report.gate_table import gate_table
from udasa_core.report.table import Cell, Interval, Table, TableColumn
from udasa_core.report.training_table import other_metrics, training_table
from udasa_core.report.transition_table import rounds_table, transition_tables
from udasa_core.report.written import counted, number, share

# With fewer, resampling prompts shows less than their real spread.
FEW_PROMPTS = 20


def tables(figures: Mapping[str, Any], *, artifacts: bool = True) -> Iterator[Table]:
    """Yield the tables of a run's figures; artifacts: also where everything lies."""
    yield head_table(figures)
    if figures["uncertainty"]:
        yield uncertainty_table(figures["uncertainty"], in_round(figures))
    if figures["controls"]:
        yield controls_table(figures["controls"])
    yield from training_tables(figures)
    yield from outcome_tables(figures)
    if artifacts:
        yield _artifacts(figures["artifacts"])


def training_tables(figures: Mapping[str, Any]) -> Iterator[Table]:
    """Yield what was trained on, and what training did; the model card has these, too."""
    if figures["agreement"]:
        yield agreement_table(figures["agreement"], in_round(figures))
    if figures["pairs"]["stages"] or figures["pairs"]["refused"]:
        yield pairs_table(figures["pairs"])
    if figures["training"]:
        yield training_table(figures["training"])
        yield from other_metrics(figures["training"])
    yield from transition_tables(figures["transitions"])
    if figures["gates"]:
        yield gate_table(figures["gates"])
    if figures["rounds"] or figures["ended"]:
        yield rounds_table(figures["rounds"], figures["ended"])


def outcome_tables(figures: Mapping[str, Any]) -> Iterator[Table]:
    """Yield what was measured before and after training, and by suites; the model card has these, too."""
    if figures["held_out"]:
        yield held_out_table(figures["held_out"], is_recorded=figures["is_recorded"])
    for name, rows in figures["suites"].items():
        yield from suite_tables(name, rows, figures["judge_biases"].get(name, ""))


def in_round(figures: Mapping[str, Any]) -> str:
    """Return of which round what was sampled is, where there are several."""
    told = figures["sampled_in"]
    return f" in round {told['round']} of {told['of']}" if told["of"] > 1 else ""


def head_table(figures: Mapping[str, Any]) -> Table:
    """Return what the run is, and how far it has come."""
    model, prompts, responses = figures["model"], figures["prompts"], figures["responses"]
    device = model.get("device", "cpu")
    rows = [
        ("status", figures["status"]),
        ("model", f"{model['source']} ({model['dtype']}, {device}, {model['revision'][:12]})"),
    ]
    if prompts:
        splits = ("training", "held_out", "set_aside")
        told = ", ".join(f"{prompts[split]} {split.replace('_', ' ')}" for split in splits)
        rows.append(("prompts", told))
    if responses:
        tokens = responses["tokens"]
        length, short = number(tokens["mean"], 1), share(responses["truncated"] / tokens["n"])
        asked = f"training prompts{in_round(figures)}"
        told = f"{tokens['n']:,} to {asked}, {length} tokens on average, {short} cut off"
        rows.append(("responses", told))
        if responses["thinking"]:
            thinking, unanswered = responses["thinking"], responses["unanswered"]
            rows.append(("", f"{thinking} of them think first, {unanswered} were cut off while they thought"))
        if responses["spelling_control_tokens"]:
            count = responses["spelling_control_tokens"]
            rows.append(("", f"{count} of them spell control tokens, which are read as plain text"))
    for adopted in figures["adopted"]:
        made_by = ", ".join(f"{name} {version}" for name, version in adopted["versions"].items())
        rows.append(("kept samples", f"{adopted['shards']} shards of {adopted['label']}, made by {made_by}"))
    rows += [("remark", remark) for remark in figures["remarks"]]
    notes = [f"It stopped with {figures['error']}"] if figures["error"] else []
    if responses:
        cut = cut_off_warning(responses["truncated"], responses["tokens"]["n"], responses["max_new_tokens"])
        notes += [f"WARNING: {cut}."] if cut else []
    title = f"Run {figures['name']}"
    if figures["status"] != "finished":
        title += ": NOT FINISHED. Below is what it has so far; `udasa run` with its TOML finishes it."
    return Table(title, ("", ""), rows, notes)


def uncertainty_table(dimensions: Sequence[Mapping[str, Any]], in_round: str = "") -> Table:
    """Return the spread of each dimension's raw scores and of U. in_round: as `in_round` tells it."""
    when = "in round 1 its mean is" if in_round else "its mean is"
    notes = [
        f"0 is certain, 1 most uncertain. Dimensions are raw; U is their calibrated aggregate: {when} "
        "near 0.5 by construction, and is evidence of nothing."
    ]
    for row in dimensions:
        for reason, count in row["abstained"].items():
            notes.append(f"{row['dimension']} abstained {count} times: {reason}")
    spread = ("n", "mean", "sd", "min", "max")
    cells = [
        (row["dimension"], *(row[name] for name in spread), sum(row["abstained"].values()))
        for row in dimensions
    ]
    return Table(
        f"Uncertainty of training responses{',' if in_round else ''}{in_round}",
        ("dimension", *spread, "abstained"),
        cells,
        notes,
    )


def controls_table(dimensions: Sequence[Mapping[str, Any]]) -> Table:
    """Return how unsure each dimension is of the control prompts."""
    cells = [
        (
            row["name"],
            row["n"],
            row["raw"],
            row["calibrated"],
            Interval(row["low"], row["high"]),
            "MISCALIBRATED" if row["tripped"] else "",
        )
        for row in dimensions
    ]
    notes = [
        "Nobody can be unsure of these prompts: calibrated, a dimension should lie below the bound of "
        "[controls], by default 0.5: under cdf the middle of the run's own prompts."
    ]
    notes += [
        f"WARNING: {row['name']} is surely not below the bound of [controls]: it measures something else "
        "than uncertainty about these responses; do not trust it before you know what."
        for row in dimensions
        if row["tripped"]
    ]
    columns = ("dimension", "prompts", "raw", "calibrated", "95% interval", "")
    return Table("Control prompts", columns, cells, notes)


def agreement_table(agreement: Mapping[str, Any], in_round: str = "") -> Table:
    """Return in how many prompts responses agree whole, and in how many not at all."""
    single, none, compared = (agreement[name] for name in ("single", "none", "compared"))
    unlike = agreement["prompts"] - compared
    counts = (
        ("all give one answer (single cluster)", single),
        ("some do, some do not", compared - single - none),
        ("no two give one answer", none),
    )
    rows: list[tuple[Cell, ...]] = [
        (what, count, share(count / compared) if compared else "") for what, count in counts
    ]
    rows += [("nothing to compare: no short answer", unlike, "")] if unlike else []
    notes = [
        "Responses and voters of each training prompt, by their final answers. Where all give one, whatever "
        "compares them is blind: a single-cluster rate near 1 leaves it nothing to order."
    ]
    if compared:
        notes.append(
            f"On average {share(agreement['majority'])} give the answer that most give; two of them give one "
            f"in {share(agreement['agreement'])}."
        )
    if agreement["above"]:
        told = "; ".join(
            f"{other} takes the place of {name}" for name, other in agreement["fall_back"].items()
        )
        notes.append(
            f"WARNING: the single-cluster rate is {share(agreement['rate'])}, above the bound of "
            f"{share(agreement['bound'])} ([clusters] bound). "
            + (
                f"In such prompts {told}."
                if told
                else f"Such prompts are ordered by their words alone{OTHER_ANSWERS}."
            )
        )
    return Table(f"Do responses agree{in_round}?", ("prompts in which", "prompts", "share"), rows, notes)


def pairs_table(pairs: Mapping[str, Any]) -> Table:
    """Return gaps, U and lengths by stage, and why prompts and pairs were left out."""
    cells = []
    for stage in pairs["stages"]:
        gap = stage["gap"]
        cells.append(
            (
                stage["stage"],
                stage["size"],
                *(gap[name] for name in ("mean", "min", "max")),
                *(
                    stage[name]["mean"]
                    for name in ("chosen_U", "rejected_U", "chosen_length", "rejected_length")
                ),
            )
        )
    columns = (
        *("stage", "pairs", "gap", "min gap", "max gap", "U chosen", "U rejected"),
        *(TableColumn("chosen tokens", digits=1), TableColumn("rejected tokens", digits=1)),
    )
    notes = ["gap = U(rejected) − U(chosen). Means, where nothing else is said."]
    paired, asked = paired_of(pairs)
    if asked:
        told = f"{paired:,} of {counted(asked, 'training prompt')} gave a pair ({share(paired / asked)})."
        notes.append(told)
    notes += [f"{counted(count, 'prompt')} gave no pair: {why}" for why, count in pairs["refused"].items()]
    notes += [
        f"{counted(count, 'pair')} {'is' if count == 1 else 'are'} in no stage: {why}"
        for why, count in pairs["dropped"].items()
    ]
    return Table("Pairs by stage, in training order", columns, cells, notes)


def paired_of(pairs: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many prompts gave a pair, and how many were asked, over all rounds."""
    paired = sum(stage["size"] for stage in pairs["stages"]) + sum(pairs["dropped"].values())
    return paired, paired + sum(pairs["refused"].values())


def held_out_table(changes: Sequence[Mapping[str, Any]], *, is_recorded: bool) -> Table:
    """Return each figure of the held-out prompts before and after training.

    is_recorded: whether the texts are the same after as before, since they were recorded."""
    rows = [
        (
            change["name"],
            change["before"],
            change["after"],
            change["after"] - change["before"],
            Interval(change["low"], change["high"]),
            change["n"],
        )
        for change in changes
    ]
    notes = [
        "n prompts, means over each prompt's responses; the interval is of the change, by resampling "
        "prompts: one that holds 0 is no evidence of a change. Gates and rounds have Student's, which is "
        "wider of few prompts. Calibration and reader are frozen.",
        "A falling U is what training aims at: it is no proof of alignment. Entropy in nats a token, length "
        "in tokens; truncated and distinct are shares of the responses.",
        f"Of {len(changes)} such intervals about one in twenty excludes 0 by chance alone.",
    ]
    if is_recorded:
        notes.append(
            "The responses are recorded: after training the same texts are read again. Nothing here says "
            "what the trained model would write."
        )
    if min(change["n"] for change in changes) < FEW_PROMPTS:
        notes.append(f"With fewer than {FEW_PROMPTS} prompts the intervals are too narrow.")
    columns = ("figure", "before", "after", "change", "95% interval", "n")
    return Table("Held-out prompts, before and after", columns, rows, notes)


def suite_tables(name: str, rows: Sequence[Mapping[str, Any]], biases: str = "") -> Iterator[Table]:
    """Yield a suite's figures, the models side by side: the base, each trained stage, the last of which is
    the final model. Stages of later rounds have tables of their own, beside the base: all of them would be
    too wide.

    biases: what was measured of the suite's judge; "" where none judged."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    rounds = _by_round(models[1:])
    for round, some in rounds.items():
        of = f" of round {round}" if len(rounds) > 1 else ""
        yield _suite_of(f"Suite {name}, by model{of}", [*models[:1], *some], rows, biases)


def _suite_of(title: str, models: Sequence[str], rows: Sequence[Mapping[str, Any]], biases: str) -> Table:
    found = {(row["name"], row["model"]): row for row in rows}
    cells: list[tuple[Cell, ...]] = []
    for metric in dict.fromkeys(row["name"] for row in rows if row["model"] in models):
        here = [found.get((metric, model)) for model in models]
        most = max(row["n"] for row in here if row)
        cells.append((metric, *(row["value"] if row else None for row in here), most))
        cells.append(("", *(Interval(row["low"], row["high"]) if row else "" for row in here), ""))
    notes = ["In brackets 95% intervals of each figure alone; `udasa eval compare` compares item by item."]
    notes += [biases[:1].upper() + biases[1:] + "."] if biases else []
    return Table(title, ("metric", *models, "n"), cells, notes)


def _by_round(labels: Sequence[str]) -> dict[str, list[str]]:
    """Return stages' labels by the number of their round; one without a stage, where there is none."""
    found: dict[str, list[str]] = {}
    for label in labels:
        number = label.rpartition("@")[2] if "@" in label else "1"
        found.setdefault(number, []).append(label)
    return found or {"1": []}


def _artifacts(found: Sequence[Mapping[str, Any]]) -> Table:
    names: dict[str, list[str]] = {}
    files: dict[str, int] = {}
    for output in found:
        path = near(Path(output["path"]))
        names.setdefault(path, []).append(output["name"])
        files[path] = files.get(path, 0) + output["files"]
    rows = [
        (known[0] if len(known) == 1 else _shared(known), files[path], path) for path, known in names.items()
    ]
    return Table("Where everything lies", ("output", "files", "path"), rows)


def _shared(names: Sequence[str]) -> str:
    """Return what to call outputs that lie in one folder: the words that all their names begin with."""
    words = [name.replace(",", "").split() for name in names]
    common = []
    for column in zip(*words, strict=False):
        if len(set(column)) > 1:
            break
        common.append(column[0])
    return " ".join(common) or names[0]


def near(path: Path) -> str:
    """Return a path as one would type it here: relative where it lies below the working folder."""
    whole = Path(os.path.abspath(path))
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)
