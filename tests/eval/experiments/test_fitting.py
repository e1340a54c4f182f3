"""`udasa experiment fit-weights` from end to end: labels in, a file out, a run that uses it and says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import udasa_core
from tests.eval.experiments.asking import asked_of
from udasa_core.cli.main import main
from udasa_core.errors import UdasaError
from udasa_core.store.output import TRAINING, Output
from udasa_eval.experiments.fitting import fit_to_labels

ConfigFile = Callable[..., Path]
DIMENSIONS = [
    {"use": "tests.canned:Likes", "name": "telling", "words": ["truly"]},
    {"use": "tests.canned:Dimension", "name": "noise"},
]
QUIZ = {"use": "tests.canned:Quiz", "responses": 4, "words": ["truly Paris", "Lyon", "Rome"]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Right responses mostly have the word "truly", wrong ones mostly not."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(30):
        labels = (rng.random(5) < 0.5).tolist()
        says = [label == bool(rng.random() < 0.9) for label in labels]
        responses = [f"It is {'truly ' if said else ''}{number} {k}." for k, said in enumerate(says)]
        rows.append({"prompt": f"Question {number}?", "responses": responses, "labels": labels})
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def fitted(config: Path, data: Path, tmp_path: Path) -> tuple[dict[str, Any], str]:
    raw, steps = asked_of(config, [], tmp_path / "fit")
    told = str(fit_to_labels(raw, steps, data=data, out=tmp_path / "deep" / "weights.json"))
    plain: dict[str, Any] = json.loads((tmp_path / "deep" / "weights.json").read_text())
    return plain, told


def test_what_labels_say_is_written_and_can_be_typed(
    config_file: ConfigFile, data: Path, tmp_path: Path
) -> None:
    plain, told = fitted(config_file(dimension=DIMENSIONS), data, tmp_path)
    assert plain["format"] == 1
    assert plain["n"] == 150
    assert plain["weights"].keys() == plain["dimensions"].keys() == {"telling", "noise"}
    assert plain["weights"]["telling"] > 5 * plain["weights"]["noise"] >= 0
    curve = plain["dimensions"]["telling"]["isotonic"]
    assert curve["wrong"] == sorted(curve["wrong"])
    surely, hardly = np.interp([0.15, 0.95], curve["scores"], curve["wrong"])
    assert surely < 0.35 < 0.65 < hardly
    platt = plain["dimensions"]["telling"]["platt"]
    assert platt["slope"] > 1
    for word in (str(tmp_path / "deep" / "weights.json"), "telling", "not label-free", "[calibration]"):
        assert word in told.replace("\n", " ")
    # Other labels are other fits, and the file says so.
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    turned = [{**row, "labels": [not label for label in row["labels"]]} for row in rows]
    data.write_text("".join(json.dumps(row) + "\n" for row in [*turned[:3], *rows[3:]]))
    other, _ = fitted(tmp_path / "experiment.toml", data, tmp_path)
    assert other["labels"] != plain["labels"]
    assert other["dimensions"] != plain["dimensions"]
    # Where every dimension is upside down there is nothing to fit.
    data.write_text("".join(json.dumps(row) + "\n" for row in turned))
    with pytest.raises(UdasaError, match="no dimension puts wrong responses above right ones"):
        fitted(tmp_path / "experiment.toml", data, tmp_path)


def number(score: udasa_core.Score) -> float:
    assert isinstance(score, float)
    return score


@pytest.mark.parametrize(
    "tables",
    [
        {"calibration": {"use": "isotonic"}},
        {"calibration": {"use": "platt"}},
        {"aggregation": {"use": "fitted-mean"}},
        {"calibration": {"use": "platt"}, "aggregation": {"use": "fitted-mean"}},
    ],
    ids=str,
)
def test_a_run_that_uses_them_is_stamped(
    config_file: ConfigFile, data: Path, tmp_path: Path, tables: dict[str, Any]
) -> None:
    rows = [json.dumps({"prompt": f"question {number}"}) for number in range(8)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(rows))
    source = f"file:{tmp_path}/deep/weights.json"
    named = {kind: {**table, "source": source} for kind, table in tables.items()}
    path = config_file(dimension=DIMENSIONS, generator=QUIZ, **named)
    # The configuration may itself use what is about to be fitted.
    plain, _ = fitted(path, data, tmp_path)
    run = udasa_core.run(path)
    assert run.manifest.plain["label_free"] is False
    curve, weights = plain["dimensions"]["telling"], plain["weights"]
    for one in run.scores():
        for k in range(4):
            raw, calibrated = number(one.raw["telling"][k]), number(one.calibrated["telling"][k])
            if tables.get("calibration") == {"use": "isotonic"}:
                expected = np.interp(raw, curve["isotonic"]["scores"], curve["isotonic"]["wrong"])
                assert calibrated == pytest.approx(expected, abs=1e-9)
            if tables.get("calibration") == {"use": "platt"}:
                expected = 1 / (1 + np.exp(-curve["platt"]["slope"] * raw - curve["platt"]["intercept"]))
                assert calibrated == pytest.approx(expected, abs=1e-9)
            if "aggregation" in tables:
                voices = [weights[name] * number(one.calibrated[name][k]) for name in weights]
                assert number(one.U[k]) == pytest.approx(sum(voices) / sum(weights.values()), abs=1e-9)


def test_another_file_is_another_calibration(config_file: ConfigFile, data: Path, tmp_path: Path) -> None:
    source = f"file:{tmp_path}/deep/weights.json"
    rows = [json.dumps({"prompt": f"question {number}"}) for number in range(8)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(rows))
    path = config_file(
        dimension=DIMENSIONS, generator=QUIZ, calibration={"use": "isotonic", "source": source}
    )
    plain, _ = fitted(path, data, tmp_path)
    first = udasa_core.run(path)
    assert udasa_core.run(path).made == 0
    plain["dimensions"]["noise"]["isotonic"] = {"scores": [0.0, 1.0], "wrong": [0.0, 1.0]}
    (tmp_path / "deep" / "weights.json").write_text(json.dumps(plain))
    second = udasa_core.run(path)
    assert second.keys(Output("score", TRAINING, instance="noise")) == first.keys(
        Output("score", TRAINING, instance="noise")
    )
    fit = Output("fit", TRAINING, instance="noise")
    assert first.keys(fit)
    assert set(second.keys(fit)).isdisjoint(first.keys(fit))
    del plain["dimensions"]["noise"]
    (tmp_path / "deep" / "weights.json").write_text(json.dumps(plain))
    with pytest.raises(UdasaError, match="no curve of the dimension 'noise'"):
        udasa_core.run(path)


def test_responses_that_a_dimension_leaves_out_are_left_out(
    config_file: ConfigFile, data: Path, tmp_path: Path
) -> None:
    mute = {"use": "tests.canned:OnPrompts", "name": "partly", "word": "Question 2"}
    plain, _ = fitted(config_file(dimension=[*DIMENSIONS, mute]), data, tmp_path)
    # Questions 2 and 20 to 29 are eleven of thirty.
    assert plain["n"] == 150 - 11 * 5
    everywhere = {**mute, "word": ""}
    with pytest.raises(UdasaError, match="on every response a dimension abstained"):
        fitted(config_file(dimension=[*DIMENSIONS, everywhere]), data, tmp_path)


def test_the_command_says_what_was_fitted(config_file: ConfigFile, data: Path, tmp_path: Path) -> None:
    path = config_file(dimension=DIMENSIONS)
    out = tmp_path / "w.json"
    arguments = [
        "experiment",
        "fit-weights",
        str(path),
        "--data",
        str(data),
        "--out",
        str(out),
        "--folder",
        str(tmp_path / "fit"),
    ]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "Weights fitted to 150 labelled responses" in done.output
    first = out.read_bytes()
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert out.read_bytes() == first
    (tmp_path / "file").write_text("")
    arguments[arguments.index("--out") + 1] = str(tmp_path / "file" / "w.json")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "w.json cannot be written" in done.output
