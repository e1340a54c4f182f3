"""What comes of few prompts is said before anything is sampled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import configuration
from tests.core.conftest import to_toml
from udasa_core.api import load
from udasa_core.check import turns
from udasa_core.cli.main import main
from udasa_core.errors import NothingTrainedError, PromptsError
from udasa_core.running.few import few_notes

STAGES = ("one", "two", "three")


@pytest.fixture
def single(tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    # The tokenizer, which is read in a process of its own, has no part in it.
    monkeypatch.setattr(turns, "policy_told", lambda config: turns.Told())
    return configuration(tmp_path, tiny_model_dir, count=1)


@pytest.mark.parametrize(
    ("training", "stages", "told"),
    [
        (1, STAGES, ["goes by 4, and means little", "all are skipped, and nothing is trained"]),
        (5, STAGES, ["goes by 20", "cannot fill 3 stages of min_pairs = 2 or more: some are skipped"]),
        (6, STAGES, ["goes by 24"]),
        (8, STAGES, []),
        (2, None, ["goes by 8"]),
    ],
)
def test_it_goes_by_what_each_stage_needs(
    single: dict[str, Any], training: int, stages: tuple[str, ...] | None, told: list[str]
) -> None:
    found = list(few_notes(load(single), stages, training))
    assert [part in note for part, note in zip(told, found, strict=True)] == [True] * len(told)


def test_check_and_run_say_what_comes_of_a_single_prompt(
    single: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    single["run"] |= {"held_out": 0.01}
    path = tmp_path / "udasa.toml"
    path.write_text(to_toml(single))
    checked = " ".join(CliRunner().invoke(main, ["check", str(path)]).output.split())
    for told in ("no prompt is held out by this draw (run.held_out = 0.01)", "nothing is trained; give more"):
        assert told in checked
    with pytest.raises(NothingTrainedError):
        udasa_core.run(path)
    said = [record.getMessage() for record in caplog.records]
    assert next(place for place, one in enumerate(said) if "nothing is trained" in one) < next(
        place for place, one in enumerate(said) if "is skipped" in one
    )


def test_check_refuses_prompts_that_are_all_held_out_as_a_run_does(
    single: dict[str, Any], tmp_path: Path
) -> None:
    single["run"] |= {"held_out": 0.99}
    path = tmp_path / "udasa.toml"
    path.write_text(to_toml(single))
    with pytest.raises(PromptsError) as ran:
        udasa_core.run(path)
    checked = CliRunner().invoke(main, ["check", str(path)])
    assert checked.exit_code == 1
    assert str(ran.value) in checked.output
    assert "the only prompt is held out" in checked.output
