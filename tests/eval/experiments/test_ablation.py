"""The experiment `ablation`: planted dimensions, counts by hand, doses that only grow."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.canned import calls
from tests.eval.experiments.asking import asked_of
from tests.eval.experiments.test_signal import DIMENSIONS, QUESTIONS, QUIZ
from udasa_core import Abstain, OpenRun, Pair, Scored, Steps, run_experiment
from udasa_eval.experiments import ablation_runs
from udasa_eval.experiments.ablation_figure import figure
from udasa_eval.experiments.ablation_report import rows, tables
from udasa_eval.experiments.ablation_runs import AS_CONFIGURED, Arm, Varied, measure_arms

ConfigFile = Callable[..., Path]
OPTIONS: dict[str, Any] = {
    "temperatures": (0.7, 1.0),
    "responses": (4, 2),
    "voters": (8, 0),
    "noise": (0.1, 0.8),
    "flips": (0.3, 1.0),
}
# Beside what is planted in the signal's tests, one that has half a voice and is wrong.
TABLES = [*DIMENSIONS[:2], {**DIMENSIONS[2], "weight": 0.5}]
ANSWERS = {question.id: question for question in QUESTIONS}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ablation_runs, "factual", lambda *parts: tuple(one for one in QUESTIONS if one.part in parts)
    )


def opened(path: Path, folder: Path) -> tuple[dict[str, Any], Steps]:
    plain, steps = asked_of(path, [], folder)
    return {**plain, "run": {**plain["run"], "held_out": 0.0}}, steps


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_each_part_is_taken_alone_and_left_out(config_file: ConfigFile, tmp_path: Path) -> None:
    calls.clear()
    path = config_file(generator=QUIZ, dimension=TABLES)
    arms = measure_arms(*asked_of(path, [], tmp_path / "out"), Varied(**OPTIONS))
    by_name = {arm.name: arm for arm in arms}
    assert list(by_name) == [
        *(AS_CONFIGURED, "K = 2", "0 voters", "noise 0.1", "noise 0.8", "flips 0.3", "flips 1"),
        *("alone honest", "alone upside-down", "alone long", "without honest", "without long"),
        "temperature 1",
    ]
    # Two temperatures, K and a block of voters of twelve questions each: nothing is sampled for an arm.
    assert calls["prompts"] == 2 * 2 * 12

    honest, base = by_name["alone honest"], by_name[AS_CONFIGURED]
    assert honest.auroc.value == honest.accuracy.value == 1.0
    assert honest.pairs.inverted == 0
    assert by_name["without long"].pairs == honest.pairs
    assert by_name["without honest"].pairs == by_name["alone long"].pairs
    assert base.moved.value == 0.0
    assert base.moved.n == base.pairs.total
    # All prompts turned round: what was right over wrong is inverted.
    turned = by_name["flips 1"]
    assert turned.pairs.inverted == base.pairs.right_over_wrong > 0
    assert turned.pairs.right_over_wrong == base.pairs.inverted
    assert turned.auroc.value == pytest.approx(1 - base.auroc.value)
    assert by_name["flips 0.3"].pairs.inverted <= turned.pairs.inverted
    assert by_name["noise 0.8"].moved.value > 0.0
    assert (by_name["K = 2"].condition.responses, by_name["0 voters"].condition.voters) == (2, 0)
    assert by_name["temperature 1"].condition.temperature == 1.0

    calls.clear()
    again = measure_arms(*asked_of(path, [], tmp_path / "out"), Varied(**OPTIONS))
    assert again == arms
    assert not calls


def scored_run(path: Path, folder: Path, check: Callable[[OpenRun, Scored], None]) -> None:
    plain, steps = opened(path, folder)
    with steps.run(plain, "one") as run:
        check(run, run.score(run.sample()))


def test_flips_turn_whole_prompts_and_doses_are_nested(config_file: ConfigFile, tmp_path: Path) -> None:
    def check(run: OpenRun, scored: Scored) -> None:
        before = [scores.U for _, scores in scored]
        flipped: list[set[int]] = []
        for dose in (0.0, 0.2, 0.6, 1.0):
            after = [scores.U for _, scores in run.disturb(scored, flips=dose)] if dose else before
            flipped.append(set())
            for number, (old, new) in enumerate(zip(before, after, strict=True)):
                us = [u for u in old if not isinstance(u, Abstain)]
                if new != old:
                    flipped[-1].add(number)
                    assert new == pytest.approx([min(us) + max(us) - u for u in us])
        assert flipped[0] == set()
        assert flipped[1] < flipped[2] < flipped[3] == set(range(len(before)))
        assert len(flipped[2]) / len(before) == pytest.approx(0.6, abs=0.25)

    scored_run(config_file(), tmp_path / "out", check)


def test_flips_turn_pairs_round(config_file: ConfigFile, tmp_path: Path) -> None:
    def sides(pair: Pair) -> tuple[str, str]:
        return pair.chosen.text, pair.rejected.text

    def check(run: OpenRun, scored: Scored) -> None:
        pairs = list(run.pair(scored))
        turned = list(run.pair(run.disturb(scored, flips=1.0)))
        assert [sides(pair)[::-1] for pair in pairs] == [sides(pair) for pair in turned]
        assert [pair.gap for pair in pairs] == pytest.approx([pair.gap for pair in turned])
        # Gaps stay, and so does every stage.
        assert ablation_runs._stages(run, scored) == ablation_runs._stages(
            run, run.disturb(scored, flips=1.0)
        )

    scored_run(config_file(), tmp_path / "out", check)


def test_noise_has_its_dose_and_stays_within_bounds(config_file: ConfigFile, tmp_path: Path) -> None:
    def check(run: OpenRun, scored: Scored) -> None:
        before = [u for _, scores in scored for u in scores.U]
        some, more = (
            [u for _, scores in run.disturb(scored, noise=dose) for u in scores.U] for dose in (0.01, 0.02)
        )
        assert all(0.0 <= float(u) <= 1.0 for u in more)  # type: ignore[arg-type]
        inner = [at for at, u in enumerate(before) if 0.1 < float(u) < 0.9]  # type: ignore[arg-type]
        one, two = ([float(drawn[at]) - float(before[at]) for at in inner] for drawn in (some, more))
        assert two == pytest.approx([2 * shift for shift in one])
        spread = (sum(shift**2 for shift in one) / len(one)) ** 0.5
        assert spread == pytest.approx(0.01, rel=0.35)

    scored_run(config_file(), tmp_path / "out", check)


@pytest.mark.usefixtures("few")
def test_the_report_has_every_arm(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(generator=QUIZ, dimension=TABLES)
    folder = tmp_path / "out"
    found = run_experiment(
        "ablation", path, folder=folder, options={"limit": 6, "noise": [0.2], "flips": [0.5], "voters": [0]}
    )
    assert [table.title for table in found] == ["Ablation", "Errors planted in U"]
    with (folder / "ablation-dev.csv").open() as file:
        told = list(csv.DictReader(file))
    assert {row["column"] for row in told} >= {
        AS_CONFIGURED,
        "alone honest",
        "noise 0.2",
        "flips 0.5",
        "K = 4",
    }
    by_measure = {row["measure"]: row for row in told if row["column"] == "noise 0.2"}
    assert by_measure["dose"]["value"] == "0.2"
    assert "pairs.right_over_wrong" in by_measure
    assert (folder / "ablation-dev.svg").read_text().startswith("<?xml")


def test_nothing_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one arm"):
        figure(tmp_path / "none.svg", ())


def test_rows_and_tables_are_of_the_arms(few: None, config_file: ConfigFile, tmp_path: Path) -> None:
    options = Varied(temperatures=(0.7,), responses=(4,), voters=(0,), noise=(), flips=())
    arms: tuple[Arm, ...] = measure_arms(
        *asked_of(config_file(generator=QUIZ, dimension=TABLES), [], tmp_path / "out"), options
    )
    base = arms[0]
    values = {row.measure: row.value for row in rows(arms) if row.column == AS_CONFIGURED}
    assert values["within_auroc"] == base.auroc.value
    assert values["pairs.both_wrong"] == base.pairs.both_wrong
    ablation, planted = tables(arms)
    assert [row[0] for row in ablation.rows] == [arm.name for arm in arms]
    assert [row[0] for row in planted.rows] == [AS_CONFIGURED]
