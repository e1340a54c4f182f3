"""From a configuration to scored, labelled responses: what is changed of it, and what is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import udasa_core
from tests.canned import calls
from tests.eval.experiments.asking import asked_of
from udasa_core.api import load, read_configuration
from udasa_core.errors import ConfigError, UdasaError
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import labelled_scores, with_prompts
from udasa_eval.labelled.sets import prompts_file

ConfigFile = Callable[..., Path]
QUIZ = {"use": "tests.canned:Quiz", "responses": 4}


def test_a_configuration_of_other_prompts_keeps_the_rest(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(
        suite=[{"use": "tests.canned:Suite"}],
        controls={"source": "builtin:controls"},
        generator={**QUIZ, "temperature": 0.5},
        prompts={"source": "hf:other", "limit": 3, "columns": {"prompt": "question"}},
    )
    raw = dict(read_configuration(path).raw)
    prompts = prompts_file(tmp_path, [{"id": "a", "prompt": "Why?"}])
    made = with_prompts(raw, prompts, {"temperature": 0.9})
    assert "suite" not in made
    assert made["run"] == {**raw["run"], "held_out": 0.0}
    assert made["prompts"] == {"source": f"file:{prompts}"}
    assert made["controls"] == {"source": ""}
    assert made["generator"] == {**QUIZ, "temperature": 0.9}
    for key in ("model", "dimension", "calibration", "aggregation", "trainer"):
        assert made[key] == raw[key]
    # What was given is left alone.
    assert raw["generator"]["temperature"] == 0.5
    load(made)
    del raw["generator"]
    with pytest.raises(UdasaError, match=r"has no \[generator\]"):
        with_prompts(raw, prompts, {})


def test_faults_of_a_configuration_are_told_as_ever(config_file: ConfigFile, tmp_path: Path) -> None:
    config, steps = asked_of(config_file(generator={**QUIZ, "colour": "red"}), [], tmp_path / "out")
    prompts = prompts_file(tmp_path, [{"id": "a", "prompt": "Why?"}])
    with (
        pytest.raises(ConfigError, match=r"generator\.colour"),
        steps.run(with_prompts(config, prompts, {}), "name"),
    ):
        pass
    assert not (tmp_path / "out").exists()


@pytest.fixture
def measured(config_file: ConfigFile, tmp_path: Path) -> tuple[LabelledScores, udasa_core.Run]:
    path = config_file(
        generator={"use": "tests.canned:Quiz", "responses": 4, "words": ["Paris", "Lyon", "sorry, I cannot"]},
        dimension=[
            {"use": "tests.canned:Likes", "name": "perfect", "words": ["Paris"], "weight": 1.0},
            {"use": "tests.canned:OnPrompts", "name": "partly", "word": "question 3", "weight": 1.0},
        ],
    )
    rows = [{"id": f"q{number}", "prompt": f"question {number}"} for number in range(20)]
    config, steps = asked_of(path, [], tmp_path / "out")
    with steps.run(with_prompts(config, prompts_file(tmp_path / "out", rows), {}), "measured") as run:
        asked = {f"q{number}": "What is it?" for number in range(10)}
        scored = run.score(run.sample())
        found = labelled_scores(scored, lambda prompt, index, text: "Paris" in text, asked)
    return found, udasa_core.Run(run.folder)


def test_scored_responses_are_the_stores(measured: tuple[LabelledScores, udasa_core.Run]) -> None:
    scores, run = measured
    assert len(scores) == 80
    assert [len(rows) for rows in scores.by_question()] == [4] * 20
    assert list(scores.columns) == ["perfect", "partly", "U"]
    whole = list(run.scores())
    for name, columns in {
        "perfect": [one.raw["perfect"] for one in whole],
        "partly": [one.raw["partly"] for one in whole],
        "U": [one.U for one in whole],
    }.items():
        flat = [value if isinstance(value, float) else np.nan for column in columns for value in column]
        assert np.array_equal(scores.columns[name], np.array(flat), equal_nan=True)
    # One prompt of twenty has the words: there it abstains, and U is the other's.
    assert np.isnan(scores.columns["partly"]).sum() == 4
    assert not np.isnan(scores.columns["U"]).any()


def test_labels_and_answers_are_those_of_the_texts(
    measured: tuple[LabelledScores, udasa_core.Run],
) -> None:
    scores, _ = measured
    assert list(scores.right) == ["Paris" in text for text in scores.texts]
    assert 0 < scores.right.sum() < len(scores)
    assert (scores.columns["perfect"][scores.right] < 0.5).all()
    assert (scores.columns["perfect"][~scores.right] > 0.5).all()
    assert list(scores.tokens) == [len(text.encode()) for text in scores.texts]
    assert not scores.truncated.any()
    # With its question an answer is its new words; without one it is the whole text.
    for row, text in enumerate(scores.texts):
        if "sorry" not in text:
            told = text.removeprefix("It is ").removesuffix(".")
            assert scores.answers[row] == (told if scores.questions[row] < 10 else text)
    assert calls["prompts"] == 20
