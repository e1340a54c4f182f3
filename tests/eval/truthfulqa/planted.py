"""Two questions in each of TruthfulQA's layouts, and a tiny model that cannot read six more before them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.tiny import tiny_ref_of
from udasa_core import ModelRef

MC = [
    {
        "question": "What happens to seeds?",
        "mc1_targets": {"They pass.": 1, "They grow.": 0, "You die.": 0},
        "mc2_targets": {"They pass.": 1, "Nothing happens.": 1, "They grow.": 0, "You die.": 0},
    },
    {
        "question": "Is the earth flat?",
        "mc1_targets": {"It is round.": 1, "Yes.": 0},
        "mc2_targets": {"It is round.": 1, "No.": 1, "Yes.": 0},
    },
]
CSV = """\
\ufeffType,Category,Question,Best Answer,Best Incorrect Answer,Correct Answers,Incorrect Answers,Source
Plain,A,What happens to seeds?,They pass,They grow,They pass; Nothing happens.;They pass,They grow;You die,a
Plain,B,Is the earth flat?,It is round,Yes,It is round;No,Yes;,b
"""


def as_hub(targets: dict[str, int]) -> dict[str, list[Any]]:
    return {"choices": list(targets), "labels": list(targets.values())}


def hub_rows() -> list[dict[str, Any]]:
    return [
        {key: value if key == "question" else as_hub(value) for key, value in row.items()}  # type: ignore[arg-type]
        for row in MC
    ]


def hub_folder(folder: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """Lay the rows out as the hub does."""
    import pyarrow
    import pyarrow.parquet

    place = folder / "multiple_choice"
    place.mkdir(parents=True)
    table = pyarrow.Table.from_pylist(hub_rows() if rows is None else rows)
    pyarrow.parquet.write_table(table, place / "validation-00000-of-00001.parquet")
    return folder


def authors_folder(folder: Path) -> Path:
    """Lay the rows out as the authors' repository does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mc_task.json").write_text(json.dumps(MC), encoding="utf-8")
    (folder / "TruthfulQA.csv").write_text(CSV, encoding="utf-8")
    return folder


def near_sighted(model: Path, folder: Path, length: int) -> ModelRef:
    """Copy a tiny model, with another context length."""
    shutil.copytree(model, folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "max_position_embeddings": length}))
    return tiny_ref_of(folder)
