"""The experiment `stages` from end to end, on a student whose every answer is planted."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.canned import calls
from tests.eval.experiments.asking import asked_of
from tests.eval.experiments.student import Student as Planted
from tests.eval.experiments.student import begin, patience, planted_questions
from tests.eval.experiments.test_transitions import gaps_of
from udasa_core import ModelRef, Prompt, SamplingOptions
from udasa_core.api import load, read_configuration
from udasa_core.cli.main import main
from udasa_eval.experiments import stages_part, stages_runs, stages_sealed
from udasa_eval.experiments.arms import BASE, merged
from udasa_eval.experiments.bundled import bundled
from udasa_eval.experiments.premise_runs import GREEDY
from udasa_eval.experiments.stages_part import Part
from udasa_eval.experiments.stages_report import ACCURACY, ANY_OF_K, Findings
from udasa_eval.experiments.stages_runs import Lane, measure_stages
from udasa_eval.labelled.sets import Question

ConfigFile = Callable[..., Path]

QUESTIONS = planted_questions(train=6, dev=3, sealed=4)
# By temperature, how many of four responses of the base are right; a trained policy has one more where its
# stages came in the order of their gaps, and as many otherwise.
RIGHT = {GREEDY: 0, 0.1: 0, 0.2: 0, 0.3: 1, 0.5: 0, 0.7: 1, 1.0: 0}
asked: Counter[tuple[str, float, str]] = Counter()


class Student(Planted):
    """So many right responses as planted, first the right ones."""

    def said(
        self, prompt: Prompt, sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Iterator[tuple[str, bool]]:
        part, number = prompt.id.split("-")
        gaps = gaps_of(policy)
        in_order = bool(gaps) and gaps == sorted(gaps, reverse=True)
        asked[part, sampling.temperature, "trained" if gaps else "base"] += 1
        right = RIGHT[sampling.temperature] + in_order
        # In training, prompts differ in how long their wrong answers are, and so in their gap.
        wrong = "Lyon" + " and so on" * int(number)
        for k in range(sampling.responses):
            yield f"It is {'Paris' if k < right else wrong}. {k}", True


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A few questions and no suites of our own, in the place of the bundled ones; nothing asked yet."""

    def graded(name: str, *parts: str) -> tuple[Question, ...]:
        assert name == "graded"
        assert "sealed" not in parts
        return tuple(one for one in QUESTIONS if one.part in parts)

    monkeypatch.setattr(stages_runs, "questions", graded)
    monkeypatch.setattr(stages_part, "questions", graded)
    monkeypatch.setattr(Part, "suites", lambda self, folder: [])
    begin(monkeypatch)
    asked.clear()
    yield
    patience.clear()


NAMES = ["first", "second"]
TABLES: dict[str, Any] = {
    "generator": {"use": "tests.eval.experiments.test_stages:Student", "responses": 4, "temperature": 0.7},
    "dimension": [{"use": "tests.canned:LikesLong", "name": "long"}],
    "stages": {"use": "quantiles", "names": NAMES},
    "trainer": {"use": "tests.eval.experiments.test_transitions:Remembering"},
    "suite": [{"use": "tests.canned:Suite", "name": "adapters"}],
    "arms": {
        "staged": {},
        "reversed": {"stages": {"use": "reversed", "names": NAMES}},
    },
}


def measure(path: Path, folder: Path, *, seeds: int = 1, **options: Any) -> Findings:
    from contextlib import contextmanager

    @contextmanager
    def progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
        done.append(total)
        yield lambda count: done.append(-count)

    done: list[int] = []
    config, steps = asked_of(path, [], folder, bundled("stages.toml"))
    options.setdefault("last", stages_part.dev_part())
    found = measure_stages(config, steps, seeds=seeds, progress=progress, **options)
    assert sum(done) == 0, "what was announced was done"
    return found


def test_each_policy_climbs_on_dev_and_is_measured_at_its_best(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    path = config_file(**TABLES)
    sealed = Part("sealed", [one for one in QUESTIONS if one.part == "sealed"])
    found = measure(path, tmp_path / "out", last=sealed)
    assert [(one.arm, one.seed, one.best) for one in found.measured] == [
        (BASE, 7, 0.3),
        ("staged", 7, 0.3),
        ("reversed", 7, 0.3),
    ]
    base, staged, reversed_ = found.measured
    # Two responses a question choose the temperature.
    assert base.tuning == {at: right / 2 for at, right in RIGHT.items()}
    assert 0.7 not in staged.tuning
    ids = [one.id for one in sealed.questions]
    assert base.figures[ACCURACY] == dict.fromkeys(ids, 0.25)
    assert staged.figures[ACCURACY] == dict.fromkeys(ids, 0.5)
    assert reversed_.figures[ACCURACY] == dict.fromkeys(ids, 0.25)
    assert base.figures[ANY_OF_K] == dict.fromkeys(ids, 1.0)
    assert staged.numbers["adapters adapters"] == 1.0
    assert staged.training is not None
    assert staged.training.pairs == 6
    assert staged.training.tokens > 0
    assert staged.training.seconds > 0
    # Sealed questions were asked at the best and at .7 temperature, and the base's greedily, nowhere else.
    assert {at for part, at, _ in asked if part == "sealed"} == {0.3, 0.7, GREEDY}
    asked.clear()
    assert measure(path, tmp_path / "out", last=sealed) == found
    assert not asked, "typed again, nothing is asked"


@pytest.fixture
def two_temperatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Greedy, and 0.3, everyone's best."""
    monkeypatch.setattr(stages_runs, "TEMPERATURES", (GREEDY, 0.3))
    monkeypatch.setattr(stages_runs, "WARMER", ())


def test_a_limit_takes_questions_evenly_of_each_part() -> None:
    part = Part("dev", QUESTIONS)
    assert part.evenly(None).questions == list(QUESTIONS)
    assert [one.id for one in part.evenly(3).questions] == ["train-0", "train-4", "dev-2"]


@pytest.mark.slow
@pytest.mark.usefixtures("two_temperatures")
def test_lanes_share_the_seeds_and_a_kill_costs_one_policy(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(**{**TABLES, "arms": {"staged": {}}})
    whole = measure(path, tmp_path / "whole", seeds=2)
    generated = calls["generate"]
    calls.clear()
    for lane in (Lane(1, 2), Lane(2, 2)):
        measure(path, tmp_path / "lanes", seeds=2, lane=lane)
    assert calls["generate"] == generated
    calls.clear()
    together = measure(path, tmp_path / "lanes", seeds=2)
    assert not calls["generate"]
    assert [(one.arm, one.seed, one.figures) for one in together.measured] == [
        (one.arm, one.seed, one.figures) for one in whole.measured
    ]
    assert Lane(2, 2).seeds(7, 3) == [8]
    assert Lane(1, 2).seeds(7, 3) == [7, 9]

    patience[:] = [generated // 2]
    with pytest.raises(KeyboardInterrupt):
        measure(path, tmp_path / "killed", seeds=2)
    patience.clear()
    done = calls["generate"]
    measure(path, tmp_path / "killed", seeds=2)
    assert calls["generate"] == generated, f"{done} calls were done before, and none is done twice"


@pytest.mark.usefixtures("two_temperatures")
def test_the_command_tells_and_writes_every_figure(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = Part("sealed", [one for one in QUESTIONS if one.part == "sealed"])
    monkeypatch.setattr(stages_sealed, "sealed_part", lambda: sealed)
    contrasts = {"primary": [["staged", "reversed", "accuracy"]], "figures": ["accuracy", "retained"]}
    path = config_file(**TABLES, contrasts=contrasts)
    folder = tmp_path / "out"
    words = ["experiment", "stages", str(path), "--folder", str(folder), "--seeds", "2", "--part", "sealed"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "The primary contrasts" in result.output
    assert "0.250 [0.250, 0.250]" in result.output
    assert "helps" in result.output
    with (folder / "stages-sealed.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if row["figure"] == "accuracy" and row["arm"] == "staged"]
    assert len(kept) == 2 * len(sealed.questions)
    assert {row["part"] for row in rows} == {"sealed"}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--seeds", "1", "--lanes", "2", "--lane", "2"), 0, "Lane 2 of 2 has nothing to do: .* 1 seed to"),
        (("--seeds", "2", "--lanes", "2", "--lane", "3"), 2, "lane 3 is none of 2: write --lanes 3"),
        (("--lane", "2"), 2, "lane 2 is none of 1"),
        (("--lane", "0"), 2, "takes a number of 1 or more"),
        (("--seeds", "0"), 2, "takes a number of 1 or more"),
    ],
)
def test_a_lane_without_a_seed_is_told(
    config_file: ConfigFile, tmp_path: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    path = config_file(**TABLES)
    result = CliRunner().invoke(main, ["experiment", "stages", str(path), "--folder", str(tmp_path), *words])
    assert result.exit_code == code, result.output
    assert re.search(told, result.output)
    assert not calls["generate"]


@pytest.mark.parametrize("arm", ["staged", "shuffled", "reversed", "single", "sft", "sft-greedy", "random"])
def test_the_bundled_arms_are_runs(arm: str) -> None:
    raw = dict(read_configuration(bundled("stages.toml")).raw)
    arms = raw.pop("arms")
    raw.pop("contrasts")
    assert list(arms) == ["staged", "shuffled", "reversed", "single", "sft", "sft-greedy", "random"]
    keys = {key: value for key, value in arms[arm].items() if key != "needs"}
    ours, theirs = merged(raw, arms["staged"]), merged(raw, keys)
    load(theirs)
    if arm in ("shuffled", "reversed", "single", "sft"):
        assert theirs["pairing"] == ours["pairing"]
        assert theirs["generator"] == ours["generator"]
    for key in ("learning_rate", "batch", "epochs"):
        assert theirs["trainer"][key] == ours["trainer"][key]
    assert theirs["dimension"] == ours["dimension"]
