"""The experiment `longitudinal`: a collapse that is planted in a late round shows there, and not before."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.canned import calls
from udasa_core import Metric, Run
from udasa_core.cli.main import main
from udasa_eval.experiments import longitudinal_runs
from udasa_eval.experiments.longitudinal_report import tables
from udasa_eval.experiments.longitudinal_runs import FIGURES, Asked, LongRun
from udasa_eval.experiments.measuring import evenly
from udasa_eval.experiments.signal_report import Condition
from udasa_eval.labelled.sets import Question

ConfigFile = Callable[..., Path]

QUESTIONS = tuple(
    Question(f"q{n}", f"What is thing {n}?", ("Paris",), ("Lyon", "Rome", "Oslo"), "d", "easy", "dev")
    for n in range(30)
)


def test_items_are_taken_evenly() -> None:
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert evenly(range(3), 9) == evenly(range(3), None) == [0, 1, 2]


def test_what_is_surely_other_is_said_in_words(tmp_path: Path) -> None:
    class NoRun:
        def transitions(self, against: str) -> list[object]:
            return []

    def asked(name: str, **changes: tuple[float, float]) -> Asked:
        metrics = {figure: Metric(figure, 0.5, 0.4, 0.6, 20) for figure in FIGURES}
        moved = {
            figure: Metric(figure, 0.0, *changes.get(figure.replace(" ", "_"), (-1.0, 1.0)), 20)
            for figure in FIGURES
        }
        return Asked(name, {}, metrics, moved if name != "base" else {})

    long = asked("round 1", accuracy=(0.1, 0.2), length=(3.0, 5.0), any_of_K=(-0.4, -0.1))
    run: object = NoRun()
    found = LongRun(run, Condition("s", 0.7, 4), (asked("base"), long, asked("round 2")))  # type: ignore[arg-type]
    (table,) = tables(found)
    assert "round 1, surely against the base: accuracy better, any of K worse, length higher." in table.notes
    assert "round 2, surely against the base: nothing." in table.notes
    (warning,) = [note for note in table.notes if note.startswith("WARNING")]
    assert "any of K is surely lower after round 1" in warning


@pytest.mark.slow
def test_a_collapse_shows_in_its_round(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three stages a round; after the fourth the policy says one thing only, and no right one."""
    monkeypatch.setattr(longitudinal_runs, "factual", lambda *parts: QUESTIONS)
    generator = {"use": "tests.core.running.test_gates:Collapsing", "responses": 4, "voters": 8, "depth": 4}
    path = config_file(
        generator=generator,
        dimension=[{"use": "tests.canned:Likes", "name": "right", "words": ["Paris"]}],
        suite=[{"use": "tests.canned:Suite", "name": "suite"}],
    )
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(f'{{"prompt": "question {n}"}}\n' for n in range(24)))
    folder = tmp_path / "out"
    arguments = ["experiment", "longitudinal", str(path), "--folder", str(folder)]
    arguments += ["--rounds", "2", "--limit", "20"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert "WARNING: any of K is surely lower after round 2" in words
    assert "WARNING: single cluster is surely higher after round 2" in words
    assert "after round 1" not in words
    with (folder / "longitudinal.csv").open() as file:
        told = {
            (row["set_name"], row["column"], row["measure"]): (row["value"], row["low"], row["n"])
            for row in csv.DictReader(file)
        }
    base, last = (float(told["factual-dev", name, "any of K"][0]) for name in ("base", "round 2"))
    assert base > 0.6
    assert last == 0.0
    assert float(told["factual-dev", "round 2", "any of K.change"][0]) == pytest.approx(-base)
    assert float(told["factual-dev", "round 2", "single cluster"][0]) == 1.0
    # The dimension knows what is right: U tells right from wrong in every question that has both.
    assert float(told["factual-dev", "base", "AUROC of U"][0]) == 1.0
    assert ("factual-dev", "round 2", "AUROC of U") not in told
    assert told["rounds", "round 2", "suite adapters"][0] == "1.0"
    assert ("rounds", "round 1", "single cluster.change") in told
    # Of the questions an open run each: what was sampled of one policy is kept beside another's.
    assert {path.parent.name for path in folder.glob("*/manifest.json")} == {
        *("rounds", "questions-base", "questions-round-1", "questions-round-2")
    }
    assert len(Run(folder / "rounds").rounds()) == 2
    drawing = ET.parse(folder / "longitudinal.svg").getroot()
    panels = [one for one in drawing.iter() if one.get("id", "").startswith("axes_")]
    assert len(panels) == 10
    calls.clear()
    again = CliRunner().invoke(main, arguments)
    assert again.output == done.output
    assert not calls


def test_figures_of_a_question_that_was_not_asked_are_absent() -> None:
    values = np.array([1.0, np.nan, 0.0])
    metric = longitudinal_runs.Resamples.draw(3, 7).mean("accuracy", values)
    assert (metric.value, metric.n) == (0.5, 2)
