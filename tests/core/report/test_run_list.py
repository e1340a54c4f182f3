"""What runs that are listed and compared have not, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from udasa_core.report import run_list
from udasa_core.report.run_list import comparison, run_table


def _plain(name: str, **given: Any) -> dict[str, Any]:
    run = {"run": name, "status": "finished", "model": "hf:a/b", "prompts": 8, "pairs": 3, "figures": []}
    return {**run, **given}


class _Run:
    def __init__(self, folder: str, config: dict[str, Any], plain: dict[str, Any]) -> None:
        self.folder, self.plain = Path(folder), plain
        self.manifest = type("Manifest", (), {"plain": {"config": config}})


def test_a_comparison_says_what_one_of_two_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_list, "_plain", lambda run: run.plain)
    quiz = {"name": "quiz score", "before": 0.5, "after": None}
    late = {"name": "U, held out", "before": None, "after": 0.25}
    one: Any = _Run("a", {"trainer": {"rank": 4}}, _plain("a", figures=[quiz, late]))
    other: Any = _Run("b", {"run": {"seed": 3}}, _plain("b", prompts=None))
    settings, figures = comparison(one, other)
    assert settings.written() == [
        ["trainer.rank", "4", "(not set)"],
        ["run.seed", "(not set)", "3"],
    ]
    told = {row[0]: row[1:] for row in figures.written()}
    assert told["prompts"] == ["8", "(not yet)"]
    assert told["quiz score"] == ["0.500", "(not measured)"]
    assert told["U, held out"] == ["only after: 0.250", "(not measured)"]


def test_a_list_explains_its_dash_where_there_is_one() -> None:
    told = run_table(Path("runs"), [_plain("a")]).text()
    assert "stands for" not in told
    told = run_table(Path("runs"), [_plain("a", prompts=None)]).text()
    assert "– stands for what a run has not come to" in told
