"""An evaluation as files: JSON for machines, Parquet of each suite's items, a Markdown table for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core import Interval, Run, Table, whole_file, without_places, write_whole

_COLUMNS = ("suite", "model", "metric", "value", "standard error", "95% interval", "n")
_NOTE = "Standard errors and 95% intervals by resampling items (bootstrap)."


def write_results(run: Run, folder: Path) -> str:
    """Write results.json, results.md and <suite>.<model>.parquet into `folder`; return the Markdown.

    They are for passing on: no folder and no host of one's own is in them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    suites = run.suites()
    told = {
        "format": 1,
        "run": run.name,
        "model": run.manifest.plain.get("evaluated", run.manifest.plain["models"]["base"]),
        "plugins": [
            one for one in run.manifest.plain["plugins"] if one["kind"] in ("suite", "judge", "generator")
        ],
        "remarks": list(run.remarks()),
        "seed": run.manifest.plain["config"].get("run", {}).get("seed"),
        "suites": {name: list(rows) for name, rows in suites.items()},
        "judge_biases": dict(run.judge_biases()),
    }
    told = without_places(told, run.folder.absolute(), run.store.root)
    write_whole(folder / "results.json", json.dumps(told, indent=1, sort_keys=True) + "\n")
    for suite, rows in suites.items():
        for model in dict.fromkeys(row["model"] for row in rows):
            _write_rows(run, suite, model, folder / f"{suite}.{model}.parquet".replace("/", "-"))
    text = f"{suite_table(suites, run.judge_biases()).markdown()}\n"
    write_whole(folder / "results.md", text)
    return text


def suite_table(
    suites: Mapping[str, Sequence[Mapping[str, Any]]], biases: Mapping[str, str] | None = None
) -> Table:
    """Return every suite's figures, a row each. biases: suite → what was measured of its judge."""
    rows = [
        (
            suite,
            row["model"],
            row["name"],
            row["value"],
            row.get("error"),
            Interval(row["low"], row["high"]),
            row["n"],
        )
        for suite, figures in suites.items()
        for row in figures
    ]
    return Table(
        "", _COLUMNS, rows, [_NOTE, *(f"{suite}: {told}." for suite, told in (biases or {}).items())]
    )


def _write_rows(run: Run, suite: str, model: str, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = run.suite_rows(suite, model)
    if rows:
        with whole_file(path) as temporary:
            pq.write_table(pa.Table.from_pylist(rows), temporary)
