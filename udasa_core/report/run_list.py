"""The runs of a folder, and what two of them are configured by and came to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.errors import UdasaError
from udasa_core.report.table import Cell, Change, Table
from udasa_core.report.written import ABSENT, number
from udasa_core.store.runs import Run

_MODEL = 40
# What stands in a comparison where one of the two has nothing.
_UNSET, _NOT_YET, _UNMEASURED = "(not set)", "(not yet)", "(not measured)"


def listed(folder: Path) -> list[dict[str, Any]]:
    """Return each run of a folder as plain data, by name; one that cannot be read says why in "status"."""
    found = []
    for path in sorted(folder.glob("*/manifest.json")):
        try:
            found.append(_plain(Run(path.parent)))
        except UdasaError as error:
            found.append({"run": path.parent.name, "status": f"cannot be read: {error}"})
    return found


def _plain(run: Run) -> dict[str, Any]:
    stages = run.stages()
    told = run.manifest.plain.get("prompts", {})
    return {
        "run": run.folder.name,
        "status": run.status,
        "model": run.base.source,
        "prompts": told.get("training"),
        "pairs": sum(stage.size for stage in stages),
        "stages": [stage.label for stage in stages if stage.trained],
        "figures": [
            {"name": name, "before": before, "after": after} for name, before, after in _figures(run)
        ],
    }


def _figures(run: Run) -> Iterator[tuple[str, float | None, float | None]]:
    """Yield U of the held-out prompts, and each suite's figures: of the base, and of what is left."""
    for change in run.changes():
        if change["name"] == "U":
            yield "U, held out", change["before"], change["after"]
    for suite, rows in run.suites().items():
        models = list(dict.fromkeys(row["model"] for row in rows))
        values = {(row["name"], row["model"]): row["value"] for row in rows}
        for name in dict.fromkeys(row["name"] for row in rows):
            last = values.get((name, models[-1])) if len(models) > 1 else None
            yield f"{suite} {name}", values.get((name, models[0])), last


def run_table(folder: Path, runs: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of some runs, as `listed` gave them: of each suite its first figure."""
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        head: tuple[Cell, ...] = (run["run"], run["status"], "", "", "")
        if "model" in run:
            model = run["model"].rpartition("/")[2][-_MODEL:]
            head = (run["run"], run["status"], model, run["prompts"], run["pairs"])
        seen: set[str] = set()
        shown = [one for one in run.get("figures", ()) if not _repeats(one["name"], seen)] or [None]
        for figure in shown:
            moved = ("", "") if figure is None else (figure["name"], _moved(figure))
            rows.append((*head, *moved))
            head = ("",) * 5
    columns = ("run", "status", "model", "prompts", "pairs", "figure", "base → left")
    away = "" if folder.is_dir() else "There is no such folder; --folder names where runs lie. "
    notes = [] if runs else [f"{away}None: `udasa run` makes one."]
    if any(cell is None for row in rows for cell in row):
        notes += [f"{ABSENT} stands for what a run has not come to, or not measured."]
    notes += ["`udasa runs A B` compares two; `udasa show RUN` has all figures of one."] if runs else []
    return Table(f"Runs in {folder}", columns, rows, notes)


def _repeats(name: str, seen: set[str]) -> bool:
    """Say whether a figure of the same suite came before; note it."""
    suite = name.partition(" ")[0]
    is_repeated = suite in seen
    seen.add(suite)
    return is_repeated


def _moved(figure: Mapping[str, Any]) -> Cell:
    if figure["before"] is None:
        return f"only after: {number(figure['after'])}" if figure["after"] is not None else _UNMEASURED
    return figure["before"] if figure["after"] is None else Change(figure["before"], figure["after"])


def comparison(one: Run, other: Run) -> Iterator[Table]:
    """Yield the settings in which two runs differ, and their figures side by side."""
    names = (one.folder.name, other.folder.name)
    if names[0] == names[1]:
        names = (str(one.folder), str(other.folder))
    ours, theirs = (dict(settings(run.manifest.plain["config"])) for run in (one, other))
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    rows = [(key, ours.get(key, _UNSET), theirs.get(key, _UNSET)) for key in keys]
    unset = f"{_UNSET}: its default counts, where the run has that table; a default that is set is the same."
    notes = [unset] if rows else ["None: they are the same."]
    yield Table("What their TOMLs set differently", ("key", *names), rows, notes)
    plain = [_plain(run) for run in (one, other)]
    cells: list[tuple[Cell, ...]] = [
        (what, *(_NOT_YET if run[what] is None else run[what] for run in plain))
        for what in ("status", "prompts", "pairs")
    ]
    moved = [{figure["name"]: _moved(figure) for figure in run["figures"]} for run in plain]
    cells += [(name, *(run.get(name, _UNMEASURED) for run in moved)) for name in {**moved[0], **moved[1]}]
    yield Table(
        "Figures, base → left",
        ("figure", *names),
        cells,
        ["Whether a difference is more than chance: `udasa eval compare`, of suites, item by item."],
    )


def settings(plain: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key as --set writes it, and its value as text; arrays of tables by name."""
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from settings(value, f"{path}{key}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, 1):
                yield from settings(one, f"{path}{key}.{one.get('name', one.get('use', number))}.")
        else:
            told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{path}{key}", told
