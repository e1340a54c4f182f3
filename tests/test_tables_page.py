"""The page of tables names every column, and its notebook runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import udasa_core

DOCS = Path(__file__).parent.parent / "docs"
NOTEBOOK = DOCS / "tables.ipynb"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    from tests.canned import configuration

    folder = tmp_path_factory.mktemp("tables")
    rows = [{"prompt": f"question {number}", "topic": number % 2} for number in range(12)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return udasa_core.run(configuration(folder, tiny_model_dir, pairing={"use": "extremes", "min_gap": 0.4}))


def documented(heading: str) -> list[str]:
    """The columns in the table under a heading, in order."""
    section = (DOCS / "tables.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    return [name for cell in cells for name in re.findall("`(.+?)`", cell)]


def test_every_column_is_documented(run: udasa_core.Run) -> None:
    tables = {
        "Prompts": run.prompts(),
        "Responses": run.responses(),
        "Scores": run.scores(),
        "Pairs": run.pairs(),
        "Unpaired": run.unpaired(),
        "Answers": run.answers(),
    }
    kinds = ("raw", "calibrated", "abstained")
    for heading, table in tables.items():
        scores = {f"{kind} {name}" for kind in kinds for name in ("one", "two")}
        columns = [name for name in table.schema.names if name != "topic"]
        told = [
            name
            for name in columns
            if not any(
                name.removeprefix(f"{side} ") in scores for side in ("chosen", "rejected", "before", "after")
            )
        ]
        assert sorted(documented(heading)) == sorted(told), heading
        assert table.schema.names[:2] == ["prompt_id", "topic"]
    assert documented("Columns of scores") == [f"{kind} NAME" for kind in kinds]


def test_the_notebook_runs(run: udasa_core.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "quickstart").symlink_to(run.folder)
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(NOTEBOOK.read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5
    space: dict[str, Any] = {}
    for cell in cells:
        exec(compile(cell, "the notebook", "exec"), space)
    assert space["count"] == len(space["responses"])
    assert set(space["own"]) == {"topic"}
    assert not any(cell.get("outputs") for cell in notebook["cells"]), "outputs are not kept"
