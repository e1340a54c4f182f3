"""The experiment `premise` from end to end, on a student whose every answer is planted."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import calls
from tests.eval.experiments.asking import asked_of
from tests.eval.experiments.student import Student as Planted
from tests.eval.experiments.student import begin, patience, planted_questions
from udasa_core import ModelRef, Prompt, SamplingOptions, UdasaError, content_key
from udasa_core.api import load, read_configuration
from udasa_core.cli.main import main
from udasa_core.config.toml_write import toml_value
from udasa_eval.experiments import control_pairs, premise_runs
from udasa_eval.experiments.arms import BASE, merged
from udasa_eval.experiments.bundled import bundled
from udasa_eval.experiments.pairs import KINDS
from udasa_eval.experiments.premise_report import Findings
from udasa_eval.experiments.premise_runs import GREEDY, TEMPERATURES, WARMER
from udasa_eval.experiments.premise_tables import figure, rows, tables
from udasa_eval.experiments.signal_report import write_csv
from udasa_eval.labelled.sets import Question

ConfigFile = Callable[..., Path]
Condition = tuple[str, float, bool]

QUESTIONS = planted_questions(train=5, dev=3, test=4)
# How many of four responses are right, by part, temperature, and whether the policy is trained. By dev the
# base is best at 0.3 and a trained policy at 0.5; by test it would be 1.0 and 0.1.
RIGHT = {
    ("dev", False): {0.01: 2, 0.1: 1, 0.2: 2, 0.3: 3, 0.5: 1, 0.7: 2, 1.0: 1},
    ("dev", True): {0.01: 1, 0.1: 1, 0.2: 2, 0.3: 2, 0.5: 4},
    ("test", False): {0.01: 2, 0.1: 1, 0.2: 3, 0.3: 2, 0.5: 1, 0.7: 1, 1.0: 4},
    ("test", True): {0.01: 1, 0.1: 4, 0.2: 2, 0.3: 1, 0.5: 3},
    ("train", False): {0.7: 2},
}
# (part, temperature, trained), once a question that was asked.
asked: Counter[Condition] = Counter()


class Student(Planted):
    """So many right responses as planted, first the right ones; the last response is long and cut off."""

    def said(
        self, prompt: Prompt, sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Iterator[tuple[str, bool]]:
        part = prompt.id.split("-")[0]
        asked[part, sampling.temperature, bool(policy.adapters)] += 1
        right = RIGHT[part, bool(policy.adapters)][sampling.temperature]
        count = sampling.responses
        for k in range(count):
            drawn = content_key(prompt.id, policy.key, seed, sampling.temperature, k, length=4)
            text = f"It is {'Paris' if k < right else 'Lyon'}. {drawn}"
            yield (text, True) if k < count - 1 else (f"{text} and more of it", False)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A few questions, in the place of the bundled ones; nothing asked yet."""

    def factual(*parts: str) -> tuple[Question, ...]:
        return tuple(one for one in QUESTIONS if not parts or one.part in parts)

    monkeypatch.setattr(premise_runs, "factual", factual)
    monkeypatch.setattr(control_pairs, "factual", factual)
    begin(monkeypatch)
    asked.clear()
    yield
    patience.clear()


@pytest.fixture
def two_temperatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.3, the base's best one on dev, and 0.5, the trained policies'; the base greedily, too."""
    monkeypatch.setattr(premise_runs, "TEMPERATURES", (0.3, 0.5))
    monkeypatch.setattr(premise_runs, "WARMER", ())


LIKES = {"use": "tests.canned:Likes", "name": "honest", "words": ["Paris"]}
TABLES: dict[str, Any] = {
    "generator": {"use": "tests.eval.experiments.test_premise:Student", "responses": 4, "temperature": 0.7},
    "dimension": [LIKES],
    "stages": {"use": "quantiles", "names": ["all"], "ungapped": "spread"},
    "arms": {
        "uncertainty": {},
        "reversed": {"pairing": {"use": "udasa_eval.experiments.control_pairs:Reversed"}},
    },
}


def measure_premise(
    path: Path | None, overrides: Sequence[str], *, folder: Path, seeds: int, **options: Any
) -> Findings:
    """Measure what a TOML says, by default the bundled one."""
    config, steps = asked_of(path, overrides, folder, bundled("premise.toml"))
    return premise_runs.measure_premise(config, steps, seeds=seeds, **options)


def summary(found: Findings) -> list[tuple[Any, ...]]:
    return [
        (one.arm, one.seed, one.part, one.temperature, one.tuned, one.accuracy, one.any_of)
        for one in found.measured
    ]


def told_at(temperature: float) -> float:
    """Greedy is told as 0."""
    return 0.0 if temperature == GREEDY else temperature


def told(found: Findings) -> str:
    return "\n".join(map(str, tables(found)))


# --- what is measured ------------------------------------------------------------------------------------


def test_every_policy_is_tuned_on_dev_and_measured_on_test(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(**TABLES)
    found = measure_premise(path, [], folder=tmp_path / "out", seeds=1)
    assert (found.part, found.arms) == ("test", ("uncertainty", "reversed"))
    expected: list[tuple[Any, ...]] = []
    for arm in (BASE, "uncertainty", "reversed"):
        trained = arm != BASE
        dev, test = RIGHT["dev", trained], RIGHT["test", trained]
        best, ladder = (0.5, TEMPERATURES) if trained else (0.3, (*TEMPERATURES, *WARMER))
        expected += [(arm, 7, "dev", told_at(at), False, dev[at] / 4) for at in ladder]
        for at in (best,) if trained else ladder:
            expected.append((arm, 7, "test", told_at(at), at == best, test[at] / 4))
    assert [one[:-1] for one in summary(found)] == expected
    # Asked was each condition once a question and policy; no other condition, none at test's own best.
    conditions: dict[Condition, int] = {("train", 0.7, False): 5, ("test", 0.5, True): 4 * 2}
    conditions |= {("dev", one, True): 3 * 2 for one in TEMPERATURES}
    sizes = {"dev": 3, "test": 4}
    conditions |= {(part, at, False): sizes[part] for part in sizes for at in (*TEMPERATURES, *WARMER)}
    assert asked == conditions

    for one in found.measured:
        assert one.right.shape == ({"dev": 3, "test": 4}[one.part], 4)
        assert set(one.scores.columns) == {"honest", "U"}
        # By U the honest column finds a right response wherever there is one.
        assert one.best.tolist() == one.right.any(axis=1).tolist()
        assert one.truncated == 0.25
        assert one.tokens == pytest.approx(one.scores.tokens.mean())
    base, *_ = found.final(BASE)
    assert base.majority.tolist() == [True] * 4, "right answers came first, of two equal ones"

    # The arms' pairs are what their names say.
    nothing = dict.fromkeys(KINDS, 0)
    assert {one.arm: dict(one.composition) for one in found.trainings} == {
        "uncertainty": {**nothing, "right_over_wrong": 5},
        "reversed": {**nothing, "inverted": 5},
    }
    texts = {one.scores.texts for one in found.measured}
    assert len(texts) == len(found.measured), "another policy, seed or temperature is another sample"

    comparison = found.compare("uncertainty", BASE)
    assert comparison.difference.value == (3 - 2) / 4
    assert (comparison.gained, comparison.lost) == (4, 0)

    # Typed again, nothing is made, and everything is the same.
    asked.clear()
    calls.clear()
    again = measure_premise(path, [], folder=tmp_path / "out", seeds=1)
    assert not asked
    assert not calls
    assert summary(again) == summary(found)
    assert told(again) == told(found)
    assert [str(one) for one in rows(again)] == [str(one) for one in rows(found)]


@pytest.mark.usefixtures("two_temperatures")
def test_more_arms_and_seeds_beside_them_are_made_alone(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(**TABLES)
    one = measure_premise(path, [], folder=tmp_path, seeds=1, arms=["uncertainty"])
    asked.clear()
    more = measure_premise(path, [], folder=tmp_path, seeds=2)
    every = [(arm, seed) for seed in (7, 8) for arm in ("uncertainty", "reversed")]
    assert [(one.arm, one.seed) for one in more.trainings] == every
    assert more.trainings[0] == one.trainings[0]
    assert summary(more)[: len(one.measured)] == summary(one)
    for arm in (BASE, "uncertainty", "reversed"):
        assert [found.seed for found in more.final(arm)] == [7, 8]
    # Seed 8's base and its training samples, and three policies.
    new = [asked["train", 0.7, False], asked["test", 0.3, False], asked["test", 0.5, True]]
    assert new == [5, 4, 3 * 4]
    # What the base reaches at other temperatures, the first seed tells.
    assert asked["test", 0.5, False] == 0
    warm = [one.seed for one in more.measured if (one.arm, one.part, one.temperature) == (BASE, "test", 0.5)]
    assert warm == [7]
    assert more.compare("uncertainty", BASE).spread == 0.0, "the same share was right with both seeds"


def test_a_trained_policy_is_not_tuned_past_the_temperature_that_makes_it_worse(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RIGHT, ("dev", True), {0.01: 2, 0.1: 2, 0.2: 1, 0.3: 4, 0.5: 4})
    found = measure_premise(config_file(**TABLES), [], folder=tmp_path, seeds=1, arms=["uncertainty"])
    tuning = [one.temperature for one in found.measured if (one.arm, one.part) == ("uncertainty", "dev")]
    assert tuning == [0.0, 0.1, 0.2]
    assert [one.temperature for one in found.final("uncertainty")] == [0.0], "the coldest of equals"
    assert asked["dev", 0.3, True] == asked["dev", 0.5, True] == 0
    assert asked["dev", 1.0, False] == 3, "the base climbs to the end"


def test_dev_alone_is_asked_where_a_recipe_is_looked_for(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[tuple[str, ...]] = []

    def spied(*some: str) -> tuple[Question, ...]:
        parts.append(some)
        return tuple(one for one in QUESTIONS if one.part in some)

    monkeypatch.setattr(premise_runs, "factual", spied)
    path = config_file(**TABLES)
    found = measure_premise(path, [], folder=tmp_path, seeds=1, arms=["uncertainty"], part="dev")
    assert set(parts) == {("dev",), ("train",)}, "test is not even read"
    assert {part for part, *_ in asked} == {"dev", "train"}
    assert found.part == "dev"
    assert found.arms == ("uncertainty",)
    # Each condition is told once, the best one marked.
    named = [one[:5] for one in summary(found)]
    assert named == [
        *((BASE, 7, "dev", told_at(one), one == 0.3) for one in (*TEMPERATURES, *WARMER)),
        *(("uncertainty", 7, "dev", told_at(one), one == 0.5) for one in TEMPERATURES),
    ]
    assert found.compare("uncertainty", BASE).difference.value == (4 - 3) / 4
    assert len({(one.column, one.temperature, one.measure) for one in rows(found)}) == len(rows(found))


@pytest.mark.usefixtures("two_temperatures")
def test_four_responses_choose_the_temperature(config_file: ConfigFile, tmp_path: Path) -> None:
    more = TABLES | {"generator": TABLES["generator"] | {"responses": 6}}
    found = measure_premise(config_file(**more), [], folder=tmp_path, seeds=1, arms=["uncertainty"])
    assert {(one.part, one.right.shape) for one in found.measured} == {("dev", (3, 4)), ("test", (4, 6))}


def test_of_equally_good_temperatures_the_lowest_is_taken(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RIGHT, ("dev", True), dict.fromkeys(TEMPERATURES, 2))
    path = config_file(**TABLES)
    found = measure_premise(path, [], folder=tmp_path, seeds=1, arms=["uncertainty"], part="dev")
    assert [one.temperature for one in found.final("uncertainty")] == [0.0]


@pytest.mark.usefixtures("two_temperatures")
def test_base_and_arms_answer_the_same_questions_in_the_same_order(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    """Over several shards, too: a planted question is hard for everyone, wherever it stands."""
    path = config_file(**TABLES)
    plain = ["run.shard_size=1"]
    found = measure_premise(path, plain, folder=tmp_path, seeds=1, arms=["uncertainty"], part="dev")
    test = [question for question in QUESTIONS if question.part == "dev"]
    for one in found.measured:
        keys = [text.split()[3] for text in one.scores.texts[::4]]
        seeds = [
            int(content_key(one.seed, "sample", "training", number, length=8), 16)
            for number in range(len(test))
        ]
        policy = _policy(found, tmp_path, one.arm)
        temperature = one.temperature or GREEDY
        assert keys == [
            content_key(question.id, policy, seed, temperature, 0, length=4)
            for question, seed in zip(test, seeds, strict=True)
        ], "shard by shard the base's seeds are every arm's"


def _policy(found: Findings, folder: Path, arm: str) -> str:
    """Return the key of the policy that an arm left, by its run's manifest."""
    plain = json.loads((folder / f"dev-{BASE}-t0.3-s7" / "manifest.json").read_text())
    base = ModelRef.from_json(plain["models"]["base"])
    if arm == BASE:
        return base.key
    (stage,) = (folder / "store" / "train").glob("*/adapter")
    sha256 = udasa_core.sources.digests.adapter_digest(stage)
    return base.with_adapter(udasa_core.Adapter(sha256, str(stage))).key


# --- several stages, abstentions -------------------------------------------------------------------------


@pytest.mark.usefixtures("two_temperatures")
def test_all_trained_stages_count_and_a_skipped_one_does_not(config_file: ConfigFile, tmp_path: Path) -> None:
    """Five pairs in three stages: 2, 2, and 1, which is too few to train on."""
    path = config_file(**{**TABLES, "stages": {"use": "quantiles"}})
    found = measure_premise(path, [], folder=tmp_path, seeds=1, arms=["uncertainty"], part="dev")
    (training,) = found.trainings
    assert training.pairs == sum(training.composition.values()) == 4
    assert training.metrics["first_loss"] == 0.7, "the last trained stage's, not the skipped one's"
    assert "0.700" in told(found)


@pytest.mark.usefixtures("two_temperatures")
def test_where_no_response_has_a_u_the_first_one_is_the_best(config_file: ConfigFile, tmp_path: Path) -> None:
    """One dimension abstains on a dev question alone."""
    silent = {"use": "tests.canned:OnPrompts", "name": "silent", "word": "thing 1 of dev"}
    path = config_file(**{**TABLES, "dimension": [silent]})
    found = measure_premise(path, [], folder=tmp_path, seeds=1, arms=["uncertainty"], part="dev")
    for one in found.measured:
        us = one.scores.columns["U"].reshape(3, 4)
        assert np.isnan(us[1]).all()
        least = [int(us[0].argmin()), 0, int(us[2].argmin())]
        assert one.best.tolist() == one.right[range(3), least].tolist()


# --- errors, and going on --------------------------------------------------------------------------------


def test_an_unknown_arm_is_told_before_anything_is_done(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(**TABLES)
    with pytest.raises(UdasaError, match="no arm orakel; the configuration has uncertainty, reversed"):
        measure_premise(path, [], folder=tmp_path / "out", seeds=1, arms=["uncertainty", "orakel"])
    nobody: tuple[dict[str, Any], ...] = ({}, {BASE: {}})
    for arms in nobody:
        bad = config_file(**{**TABLES, "arms": arms})
        with pytest.raises(UdasaError, match=r"names no arm: add \[arms.NAME\] tables"):
            measure_premise(bad, [], folder=tmp_path / "out", seeds=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("two_temperatures")
def test_killed_between_arms_and_within_one_it_continues(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(**TABLES)
    fresh = measure_premise(path, [], folder=tmp_path / "fresh", seeds=1, part="dev")
    whole, generated = asked.copy(), calls["generate"]
    asked.clear()
    # The base takes 2 calls, the training samples 1, each arm 2: between the arms, then within the second.
    for answered in (5, 1):
        patience[:] = [answered]
        with pytest.raises(KeyboardInterrupt):
            measure_premise(path, [], folder=tmp_path / "killed", seeds=1, part="dev")
    patience.clear()
    calls.clear()
    found = measure_premise(path, [], folder=tmp_path / "killed", seeds=1, part="dev")
    assert asked == whole, "no answer was asked for twice, none was left out"
    assert calls["generate"] == generated - 6 == 1
    assert summary(found) == summary(fresh)
    assert told(found) == told(fresh)


@pytest.mark.usefixtures("two_temperatures")
def test_an_arm_that_fails_costs_no_other_arm_anything(config_file: ConfigFile, tmp_path: Path) -> None:
    crashing = {"trainer": {"use": "tests.canned:Trainer", "crash": True}}
    path = config_file(**{**TABLES, "arms": {"uncertainty": {}, "crashing": crashing}})
    with pytest.raises(UdasaError, match="out of memory"):
        measure_premise(path, [], folder=tmp_path / "out", seeds=1, part="dev")
    asked.clear()
    found = measure_premise(path, [], folder=tmp_path / "out", seeds=1, arms=["uncertainty"], part="dev")
    assert not asked
    assert found.arms == ("uncertainty",)


# --- the bundled configuration, and what is written ------------------------------------------------------


@pytest.fixture
def overrides(config_file: ConfigFile, tmp_path: Path) -> list[str]:
    """What makes the bundled configuration one of canned plugins, arms and all."""
    plain = read_configuration(config_file(**TABLES)).raw
    trainer = {"use": "tests.canned:Trainer"}
    changed = {name: plain[name] for name in ("model", "generator", "dimension")}
    for arm in ("sft", "dpo", "sft-random"):
        changed[f"arms.{arm}.trainer"] = {**trainer, "learning_rate": 2.0}
    changed["trainer"] = trainer
    changed["arms.likelihood.dimension"] = [{**LIKES, "words": ["Lyon"], "name": "contrary"}]
    return [f"{name}={toml_value(value)}".replace("\n", " ") for name, value in changed.items()]


@pytest.mark.usefixtures("two_temperatures")
def test_every_bundled_arm_makes_the_pairs_of_its_name(overrides: list[str], tmp_path: Path) -> None:
    found = measure_premise(None, overrides, folder=tmp_path / "out", seeds=1, part="dev")
    by_arm = {one.arm: one for one in found.trainings}
    assert list(by_arm) == [
        *("uncertainty", "sft", "dpo", "random", "oracle", "reversed", "likelihood", "shorter", "finished"),
        "sft-random",
    ]
    kinds = {arm: {kind for kind, count in one.composition.items() if count} for arm, one in by_arm.items()}
    assert kinds["uncertainty"] == kinds["oracle"] == kinds["sft"] == {"right_over_wrong"}
    assert kinds["reversed"] == kinds["likelihood"] == {"inverted"}
    assert all(one.pairs == sum(one.composition.values()) == 5 for one in by_arm.values())
    # Right ones come first, and "Lyon" is shorter than "Paris"; the last one is long, wrong, and cut off.
    assert (kinds["shorter"], kinds["finished"]) == ({"both_wrong"}, {"right_over_wrong"})
    for arm in ("shorter", "finished"):
        for pair in _pairs(tmp_path / "out", arm):
            assert (pair.chosen.finish_reason, pair.rejected.finish_reason) == ("stop", "length")
            assert pair.rejected.text.endswith("more of it")
    # SFT learns from the pairs of the uncertainty arm, by another trainer.
    assert _pairs(tmp_path / "out", "sft") == _pairs(tmp_path / "out", "uncertainty")
    assert by_arm["sft"].metrics["learning_rate"] == 2.0
    # Only the oracle saw labels, and its run says so.
    stamped = {
        arm: json.loads((tmp_path / "out" / f"train-{arm}-s7" / "manifest.json").read_text())["label_free"]
        for arm in by_arm
    }
    assert stamped["oracle"] is False
    assert False not in {stamp for arm, stamp in stamped.items() if arm != "oracle"}

    write_csv(tmp_path / "premise.csv", rows(found))
    with (tmp_path / "premise.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    accuracies = {
        (one["column"], float(one["temperature"])): float(one["value"])
        for one in written
        if one["measure"] == "accuracy" and one["temperature"]
    }
    assert accuracies["base seed 7", 0.3] == 0.75
    assert accuracies["oracle seed 7", 0.5] == 1.0
    assert len(accuracies) == 2 + 10 * 2
    assert sum(one["column"] == "uncertainty against sft" for one in written) == 5
    figure(tmp_path / "premise.svg", found)
    svg = (tmp_path / "premise.svg").read_text()
    assert all(f"<!-- {arm} -->" in svg for arm in (BASE, *by_arm))
    figure(tmp_path / "premise.png", found)
    drawn = matplotlib.image.imread(tmp_path / "premise.png")[..., :3]
    blue = (drawn[..., 2] > 0.5) & (drawn[..., 0] < 0.3)
    assert np.count_nonzero(blue) > 8 * 12, "a dot for each arm"
    assert np.count_nonzero(drawn.max(axis=2) < 0.2) > 500, "axes and words"


def _pairs(folder: Path, arm: str) -> list[udasa_core.Pair]:
    """Return what an arm was trained on, by its run's manifest."""
    return [pair for _, pair in udasa_core.Run(folder / f"train-{arm}-s7").pairs()]


def test_a_table_that_uses_another_plugin_inherits_no_option() -> None:
    raw = {"trainer": {"use": "ipo", "beta": 1.0}, "run": {"seed": 7}}
    assert merged(raw, {"trainer": {"use": "sft", "epochs": 2.0}}) == {
        "trainer": {"use": "sft", "epochs": 2.0},
        "run": {"seed": 7},
    }
    assert merged(raw, {"trainer": {"epochs": 2.0}})["trainer"] == {"use": "ipo", "beta": 1.0, "epochs": 2.0}


@pytest.mark.parametrize(
    "arm", ["uncertainty", "sft", "dpo", "random", "oracle", "reversed", "likelihood", "shorter", "finished"]
)
def test_the_bundled_configuration_is_one_with_each_arm(arm: str) -> None:
    raw = dict(read_configuration(bundled("premise.toml")).raw)
    arms = raw.pop("arms")
    config = load(merged(raw, arms[arm]))
    assert config.stages.options["ungapped"] == "spread", "pairs without a gap are trained on"
    # But for what makes it a control, and epochs that make the number of steps alike, an arm is the recipe.
    ours, theirs = merged(raw, arms["uncertainty"]), merged(raw, arms[arm])
    # Another trainer has options of its own.
    own = {"sft": {"use", "sft_weight", "beta"}, "dpo": {"use", "beta"}}.get(arm, set())
    for key in ours["trainer"].keys() - own - {"epochs"}:
        assert theirs["trainer"][key] == ours["trainer"][key]
    if arm in ("sft", "dpo", "likelihood"):
        assert theirs["pairing"] == ours["pairing"]
        assert theirs["trainer"]["epochs"] == ours["trainer"]["epochs"]
    assert set(arms[arm]) <= {"pairing", "dimension", "trainer"}
    assert (theirs["dimension"] == ours["dimension"]) == (arm != "likelihood")


@pytest.mark.usefixtures("two_temperatures")
def test_the_command_writes_what_it_prints(config_file: ConfigFile, tmp_path: Path) -> None:
    path, folder = config_file(**TABLES), tmp_path / "out"
    typed = ["experiment", "premise", str(path), "--folder", str(folder), "--seeds", "1", "--part", "dev"]
    result = CliRunner().invoke(main, [*typed, "--arms", "uncertainty, reversed"])
    assert result.exit_code == 0, result.output
    assert (folder / "premise-dev.txt").read_text().strip() in result.output
    assert {one.name for one in folder.glob("premise-dev.*")} == {
        f"premise-dev.{suffix}" for suffix in ("txt", "md", "csv", "svg", "html")
    }
    assert "reversed − base" in result.output
    result = CliRunner().invoke(main, [*typed, "--arms", "orakel"])
    assert result.exit_code != 0
    assert "no arm orakel" in result.output
