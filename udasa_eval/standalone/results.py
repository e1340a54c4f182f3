"""An evaluation as files: JSON for machines, Parquet of each suite's items, a Markdown table for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core import Run
from udasa_core.report.table import figure

_COLUMNS = ("suite", "model", "metric", "value", "standard error", "95% interval", "n")


def write_results(run: Run, folder: Path) -> str:
    """Write results.json, results.md and <suite>.<model>.parquet into `folder`; return the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    suites = run.suites()
    told = {
        "format": 1,
        "run": run.name,
        "model": run.manifest.plain.get("evaluated", run.manifest.plain["models"]["base"]),
        "plugins": [
            one for one in run.manifest.plain["plugins"] if one["kind"] in ("suite", "judge", "generator")
        ],
        "seed": run.manifest.plain["config"].get("run", {}).get("seed"),
        "suites": {name: list(rows) for name, rows in suites.items()},
    }
    (folder / "results.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for suite, rows in suites.items():
        for model in dict.fromkeys(row["model"] for row in rows):
            _write_rows(run, suite, model, folder / f"{suite}.{model}.parquet".replace("/", "-"))
    text = markdown(suites)
    (folder / "results.md").write_text(text, encoding="utf-8")
    return text


def markdown(suites: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return one Markdown table of every suite's figures."""
    lines = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS)), *(_line(row) for row in _rows(suites))]
    note = "Standard errors and 95% intervals by resampling items (bootstrap)."
    return "\n".join((*lines, "", note)) + "\n"


def _rows(suites: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Sequence[str]]:
    for suite, rows in suites.items():
        for row in rows:
            error = row.get("error")
            yield (
                suite,
                row["model"],
                row["name"],
                figure(row["value"]),
                "–" if error is None else figure(error),
                f"{figure(row['low'])} to {figure(row['high'])}",
                str(row["n"]),
            )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _write_rows(run: Run, suite: str, model: str, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = run.suite_rows(suite, model)
    if rows:
        pq.write_table(pa.Table.from_pylist(rows), path)
