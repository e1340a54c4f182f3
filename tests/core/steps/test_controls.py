"""The alarm: a dimension that is unsure of control prompts is named; an honest one is left alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core.errors import ConfigError
from udasa_core.report.figures import figures
from udasa_core.report.show import tables
from udasa_core.store.output import CONTROLS, HELD_OUT, TRAINING, Output

# Every built-in control prompt begins so, and no prompt of the canned run has the word.
WORD = "briefly"


def dimension(name: str, u: float | None, word: str = WORD) -> dict[str, Any]:
    told = {} if u is None else {"u": u}
    return {"use": "tests.canned:OnPrompts", "name": name, "word": word, **told}


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    """Controls as they are when nothing is said of them: the built-in ones."""
    dimensions = [dimension("planted", 0.97), dimension("honest", 0.05)]
    made = configuration(tmp_path, tiny_model_dir, count=12, dimension=dimensions)
    made["run"] = {**made["run"], "held_out": 0.0, "shard_size": 16}
    del made["controls"]
    return made


def text_of(run: udasa_core.Run) -> str:
    return "\n\n".join(str(table) for table in tables(figures(run)))


def alarms(run: udasa_core.Run) -> dict[str, dict[str, Any]]:
    return {one["name"]: dict(one) for one in run.controls()}


def prompts_of(run: udasa_core.Run, split: str) -> set[str]:
    keys = run.keys(Output("sample", split))
    return {row["prompt_id"] for key in keys for row in run.store.read_table("sample", key).to_pylist()}


def test_a_planted_dimension_trips_it_and_an_honest_one_does_not(
    plain: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="udasa"):
        run = udasa_core.run(plain)
    found = alarms(run)
    assert list(found) == ["planted", "honest"]
    assert found["planted"]["tripped"] is True
    assert found["planted"]["raw"] == pytest.approx(0.97)
    assert found["planted"]["n"] == 12
    assert found["planted"]["low"] > 0.9
    assert found["honest"]["tripped"] is False
    assert found["honest"]["high"] < 0.2
    warned = [record.getMessage() for record in caplog.records if "miscalibrated" in record.getMessage()]
    assert len(warned) == 1
    assert warned[0].startswith("planted is miscalibrated: ")
    assert "12 control prompts" in warned[0]
    # `show` names it, and not the other.
    text = text_of(run)
    (line,) = [line for line in text.splitlines() if "MISCALIBRATED" in line]
    assert line.split()[0] == "planted"
    assert "WARNING: planted is surely not below the bound" in text
    assert "WARNING: honest" not in text
    assert json.loads(json.dumps(figures(run)["controls"])) == [found["planted"], found["honest"]]


def test_running_again_does_nothing_and_warns_no_more(
    plain: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    before = alarms(udasa_core.run(plain))
    caplog.clear()
    calls.clear()
    run = udasa_core.run(plain)
    assert run.made == 0
    assert calls.total() == 0
    assert alarms(run) == before
    assert "miscalibrated" not in caplog.text
    assert "MISCALIBRATED" in text_of(run)


def test_a_constant_dimension_trips_nothing(plain: dict[str, Any]) -> None:
    plain["dimension"] = [dimension("honest", 0.05), dimension("constant", 0.9, word="")]
    found = alarms(udasa_core.run(plain))["constant"]
    # Its calibrated scores are the middle of the run's own, exactly.
    assert (found["calibrated"], found["low"], found["high"]) == (0.5, 0.5, 0.5)
    assert found["raw"] == pytest.approx(0.9)
    assert not found["tripped"]


def test_one_that_is_no_surer_than_elsewhere_trips_nothing(plain: dict[str, Any]) -> None:
    plain["dimension"] = [{"use": "tests.canned:Dimension", "name": "noise"}]
    found = alarms(udasa_core.run(plain))["noise"]
    assert found["low"] < 0.5 < found["high"]
    assert not found["tripped"]


def test_a_dimension_that_abstains_on_all_of_them_has_no_figure(plain: dict[str, Any]) -> None:
    plain["dimension"] = [dimension("honest", 0.05), dimension("mute", None)]
    run = udasa_core.run(plain)
    assert list(alarms(run)) == ["honest"]
    (shown,) = [table for table in map(str, tables(figures(run))) if table.startswith("Control prompts")]
    assert "mute" not in shown


def test_controls_that_are_partly_scored_count_as_far(plain: dict[str, Any]) -> None:
    plain["dimension"] = [dimension("honest", 0.05), dimension("partly", None, word="capital")]
    assert alarms(udasa_core.run(plain))["partly"]["n"] == 10


def test_without_a_source_none_is_asked(plain: dict[str, Any]) -> None:
    plain["controls"] = {"source": ""}
    calls.clear()
    run = udasa_core.run(plain)
    assert run.controls() == ()
    assert run.keys(Output("sample", CONTROLS)) == []
    assert "Control prompts" not in text_of(run)


def test_a_file_of_ones_own_and_a_bound(plain: dict[str, Any], tmp_path: Path) -> None:
    rows = [{"id": f"c{number}", "prompt": f"Say {number}."} for number in range(6)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plain["controls"] = {"source": f"file:{tmp_path}/mine.jsonl"}
    plain["dimension"] = [dimension("high", 0.97, word="Say"), dimension("middle", 0.6, word="Say")]
    run = udasa_core.run(plain)
    assert prompts_of(run, CONTROLS) == {f"c{number}" for number in range(6)}
    found = alarms(run)
    assert {name: one["tripped"] for name, one in found.items()} == {"high": True, "middle": True}
    assert found["high"]["n"] == 6
    # A higher bound forgives the middle; nothing is sampled or scored for it.
    calls.clear()
    found = alarms(udasa_core.run(plain, ["controls.bound=0.9"]))
    assert {name: one["tripped"] for name, one in found.items()} == {"high": True, "middle": False}
    assert calls["generate"] == 0
    with pytest.raises(ConfigError, match=r"controls\.bound"):
        udasa_core.run(plain, ["controls.bound=1.5"])
    with pytest.raises(ConfigError, match=r"controls\.source"):
        udasa_core.run(plain, ["controls.source='file:nowhere.jsonl'"])


def test_controls_that_cannot_be_used_are_told_of_and_stop_nothing(
    plain: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mine.jsonl").write_text(
        '{"prompt": "Say 1 briefly."}\n{"prompt": ""}\n{"prompt": "enormous"}\n'
    )
    plain["controls"] = {"source": f"file:{tmp_path}/mine.jsonl"}
    plain["generator"]["use"] = "tests.canned:Picky"
    run = udasa_core.run(plain)
    assert "control prompt, line 2 of" in caplog.text
    assert "prompt is empty" in caplog.text
    assert "line 3" in caplog.text
    assert alarms(run)["planted"]["n"] == 1
    assert run.manifest.plain["prompts"]["set_aside"] == 0


def test_controls_are_neither_trained_on_nor_held_out(plain: dict[str, Any]) -> None:
    plain["run"] = {**plain["run"], "held_out": 0.4}
    run = udasa_core.run(plain)
    controls = prompts_of(run, CONTROLS)
    assert len(controls) == 12
    assert controls.isdisjoint(prompts_of(run, TRAINING))
    assert controls.isdisjoint(prompts_of(run, HELD_OUT))
    assert controls.isdisjoint({pair.prompt.id for _, pair in run.pairs()})
    assert controls.isdisjoint({one.prompt_id for one in run.scores()})
    counts = run.manifest.plain["prompts"]
    assert counts["training"] + counts["held_out"] == 12
    assert counts["held_out"] > 0
    # Calibration, pairs and adapters are those of a run that asks none.
    bare = {**plain, "controls": {"source": ""}, "run": {**plain["run"], "name": "bare"}}
    other = udasa_core.run(bare)
    fits = [Output("fit", TRAINING, instance=name) for name in ("planted", "honest")]
    for output in (*fits, Output("aggregate", TRAINING), Output("pair", TRAINING)):
        assert run.keys(output)
        assert other.keys(output) == run.keys(output), output
    assert other.aligned().key == run.aligned().key


def test_the_interval_is_drawn_by_prompt_and_the_seed(plain: dict[str, Any], tmp_path: Path) -> None:
    plain["dimension"] = [{"use": "tests.canned:Dimension", "name": "noise"}]
    one = alarms(udasa_core.run(plain))["noise"]
    assert one["low"] < one["calibrated"] < one["high"]
    again = alarms(udasa_core.run(plain, [f"store.path={tmp_path / 'elsewhere'}"]))["noise"]
    assert again == one
    scores = _control_scores(udasa_core.run(plain))
    assert one["calibrated"] == pytest.approx(np.mean([np.mean(row) for row in scores]))
    assert one["n"] == len(scores) == 12


def _control_scores(run: udasa_core.Run) -> list[list[float]]:
    from udasa_core.store.tables import scores_from

    return [
        [float(value) for value in one.calibrated["noise"] if isinstance(value, float)]
        for key in run.keys(Output("aggregate", CONTROLS))
        for one in scores_from(run.store.read_table("aggregate", key))
    ]
