"""What was measured of a judge, kept where runs find it: beside them, under the judge's key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from udasa_core.errors import UdasaError
from udasa_core.files.json_text import parse_json
from udasa_core.files.whole import keep_whole

UNMEASURED = "this judge's biases were not measured: `udasa experiment judge` measures them"
# Of a suite that asks in words that no experiment knows.
UNMEASURED_SO = "this judge's biases were not measured under the words in which this suite asks"


def keep_biases(folder: Path, judge: str, prompts: int, measured: Mapping[str, str]) -> Path:
    """Write what was measured of a judge into an experiment's folder; return the file.

    judge: its key. measured: the key of the grading words → a sentence, each on so many prompts. What was
    measured there under other words stays.
    """
    path = folder / _name(judge)
    new = {key: {"prompts": prompts, "told": told} for key, told in measured.items()}
    keep_whole(path, json.dumps({**_read(path), **new}, indent=1, sort_keys=True) + "\n")
    return path


def find_biases(run: Path, judge: str, grading: str) -> str:
    """Return what was measured of a judge under a suite's words, or that it was not, as a sentence.

    run: a run's folder. Looked for are the folders beside it, and those beside the folder that it lies in:
    `runs/judge` for `runs/mine` and for `runs/eval/mine`. Of several that on the most prompts counts.
    """
    if not grading:
        return UNMEASURED_SO
    found = [rows[grading] for rows in _beside(run.absolute(), judge) if grading in rows]
    most = max(found, key=lambda one: one["prompts"], default=None)
    return UNMEASURED if most is None else f"this judge, on {most['prompts']} prompts: {most['told']}"


def _beside(run: Path, judge: str) -> Iterator[Mapping[str, Any]]:
    for above in (run.parent, run.parent.parent):
        for path in sorted(above.glob(f"*/{_name(judge)}")):
            yield _read(path)


def _read(path: Path) -> Mapping[str, Any]:
    """Return what a file holds; nothing where it is not there, or is no such file."""
    try:
        plain = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, UdasaError):
        return {}
    rows = plain.items() if isinstance(plain, dict) else ()
    return {key: row for key, row in rows if _is_sound(row)}


def _is_sound(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    return isinstance(row.get("prompts"), int) and isinstance(row.get("told"), str)


def _name(judge: str) -> str:
    return f"judge-{judge}.json"
