"""The experiment `consistency` from end to end: what is deterministic agrees with itself, noise does not."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import calls
from tests.eval.experiments.asking import asked_of
from udasa_core.cli.main import main
from udasa_eval.experiments import consistency_runs
from udasa_eval.experiments.agreement import Agreement
from udasa_eval.experiments.agreement_report import rows, table
from udasa_eval.experiments.bundled import bundled
from udasa_eval.experiments.signal_report import Condition
from udasa_eval.labelled.sets import Question

ConfigFile = Callable[..., Path]

QUESTIONS = tuple(
    Question(
        f"q{number}", f"What is thing {number}?", ("Paris",), ("Lyon",), f"d{number // 10}", "easy", "dev"
    )
    for number in range(30)
)
DIMENSIONS = [
    {"use": "tests.canned:Likes", "name": "steady", "words": ["Paris"], "weight": 1.0},
    {"use": "tests.canned:Moody", "name": "moody", "weight": 0.0},
    {"use": "tests.canned:OnPrompts", "name": "constant", "u": 0.4, "weight": 0.0},
    {"use": "tests.canned:Abstaining", "name": "mute", "weight": 0.0},
]
QUIZ = {"use": "tests.canned:Quiz", "responses": 4, "temperature": 0.9}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consistency_runs, "factual", lambda *parts: QUESTIONS)


def measure_consistency(
    path: Path, overrides: list[str], *, folder: Path, repeats: int, limit: int
) -> tuple[Condition, tuple[Agreement, ...]]:
    config, steps = asked_of(path, overrides, folder, bundled("signal.toml"))
    return consistency_runs.measure_consistency(config, steps, repeats=repeats, limit=limit)


def by_name(found: tuple[Agreement, ...]) -> dict[tuple[str, str], Agreement]:
    return {(one.column, one.kind): one for one in found}


@pytest.mark.slow
def test_what_is_deterministic_agrees_and_noise_does_not(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(generator=QUIZ, dimension=DIMENSIONS)
    folder = tmp_path / "out"
    condition, agreements = measure_consistency(path, [], folder=folder, repeats=2, limit=10)
    assert (condition.set_name, condition.temperature, condition.responses) == ("factual-dev", 0.9, 4)
    found = by_name(agreements)
    names = ["steady", "moody", "constant", "mute", "U"]
    assert list(found) == [(name, "same") for name in names] + [(name, "fresh") for name in names]
    assert {one.repeats for one in agreements} == {2}
    for name in ("steady", "U"):
        same = found[name, "same"]
        assert same.metric("icc").value == pytest.approx(1.0, abs=1e-9)
        assert same.metric("icc").low == pytest.approx(1.0, abs=1e-9)
        assert same.metric("rank").value == pytest.approx(1.0)
        assert same.metric("chosen_flips").value == same.metric("rejected_flips").value == 0.0
        assert same.metric("chosen_flips").n > 5
    moody = found["moody", "same"]
    assert moody.metric("icc").value < 0.4
    assert moody.metric("chosen_flips").low > 0.2
    # A constant makes no pair, and what abstains has no figure.
    assert found["constant", "same"].metric("chosen_flips").n == 0
    assert found["mute", "same"].metric("icc").n == 0
    # Fresh responses are others: what was chosen among them may be another answer.
    assert found["steady", "fresh"].metric("icc").n == 10
    assert found["steady", "fresh"].metric("icc").value < 0.9
    # Two samples, the first of them scored twice.
    assert calls["prompts"] == 2 * 10

    text = str(table(condition, agreements))
    assert "ICC(2,1)" in text
    assert {(row.column, row.measure) for row in rows(condition, agreements)} >= {
        ("steady", "same.icc"),
        ("moody", "fresh.rank"),
    }

    calls.clear()
    again = measure_consistency(path, [], folder=folder, repeats=2, limit=10)
    assert str(table(*again)) == text
    assert calls.total() == 0
    # One more repeat is one more sample, and one more scoring of the first.
    measure_consistency(path, [], folder=folder, repeats=3, limit=10)
    assert calls["prompts"] == 10
    assert {udasa_core.Run(one.parent).name for one in folder.glob("*/manifest.json")} == {
        *(f"seed-{seed}" for seed in (7, 8, 9)),
        *(f"seed-7-scoring-{number}" for number in (1, 2)),
    }


def test_a_few_questions_are_of_all_domains(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(generator=QUIZ, dimension=DIMENSIONS[:1])
    measure_consistency(path, [], folder=tmp_path / "out", repeats=2, limit=6)
    run = udasa_core.Run(tmp_path / "out" / "seed-7")
    asked = [one.prompt_id for one in run.scores()]
    domains = {one.id: one.domain for one in QUESTIONS}
    assert Counter(domains[one] for one in asked) == {"d0": 2, "d1": 2, "d2": 2}


def test_the_command_prints_and_writes(config_file: ConfigFile, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    path = config_file(generator=QUIZ, dimension=DIMENSIONS[:1])
    arguments = [
        "experiment",
        "consistency",
        str(path),
        "--folder",
        str(folder),
        "--repeats",
        "2",
        "--limit",
        "99",
    ]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert (folder / "consistency.txt").read_text().strip() in done.output
    with (folder / "consistency.csv").open(newline="") as file:
        assert {row["column"] for row in csv.DictReader(file)} == {"steady", "U"}
    assert str(folder) in done.output.splitlines()[-1]
    assert calls["prompts"] == 2 * len(QUESTIONS)
