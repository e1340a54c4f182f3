"""A stage is trained on its own pairs, and on a share of those before it where it replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import ConfigError
from udasa_core.store.output import Output
from udasa_core.store.tables import read_pairs

STAGES = ("conservative", "moderate", "exploratory")


def plain(folder: Path, model: Path, **trainer: Any) -> dict[str, Any]:
    return configuration(folder, model, trainer={"use": "tests.canned:Trainer", **trainer})


def own(run: udasa_core.Run, stage: str) -> list[str]:
    return [pair.id for name, pair in run.pairs() if name == stage]


def given(run: udasa_core.Run, stage: str) -> list[str]:
    """The ids of the pairs that a stage's trainer was given, where some of them are replayed."""
    (key,) = run.keys(Output("replay", instance=stage))
    return [pair.id for pair in read_pairs(run.store.path("replay", key))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def run(folder: Path, tiny_model_dir: Path) -> udasa_core.Run:
    return udasa_core.run(plain(folder, tiny_model_dir, replay=0.5))


def test_a_share_of_earlier_pairs_is_trained_on_again_behind_the_stages_own(run: udasa_core.Run) -> None:
    first, second, third = run.stages()
    assert not run.keys(Output("replay", instance="conservative")), "there is nothing before it"
    assert "pairs_replayed" not in first.metrics
    assert second.metrics["pairs_replayed"] == round(0.5 * first.size)
    assert third.metrics["pairs_replayed"] == round(0.5 * (first.size + second.size))
    for stage, before in ((second, STAGES[:1]), (third, STAGES[:2])):
        ids, pool = given(run, stage.name), {pair for name in before for pair in own(run, name)}
        assert ids[: stage.size] == own(run, stage.name)
        again = ids[stage.size :]
        assert len(set(again)) == len(again) == stage.metrics["pairs_replayed"]
        assert set(again) < pool


def test_which_pairs_are_replayed_follows_from_the_seed_and_counts(
    run: udasa_core.Run, folder: Path, tiny_model_dir: Path
) -> None:
    more = plain(folder, tiny_model_dir, replay=0.8)
    for name, same in (("conservative", True), ("moderate", False)):
        output = Output("train", instance=name)
        before, after = run.keys(output), udasa_core.run(more).keys(output)
        assert (before == after) == same, name
    # The same share draws the same pairs, by whose ids it is found in the store.
    again = udasa_core.run(plain(folder, tiny_model_dir, replay=0.5))
    assert (again.made, given(again, "moderate")) == (0, given(run, "moderate"))


def test_a_stage_has_its_own_share_reference_and_least_number_of_pairs(
    folder: Path, tiny_model_dir: Path
) -> None:
    run = udasa_core.run(
        plain(
            folder,
            tiny_model_dir,
            reference="base",
            moderate={"min_pairs": 99},
            exploratory={"replay": 1.0, "reference": "previous_stage", "learning_rate": 0.5},
        )
    )
    first, second, third = run.stages()
    assert "fewer than min_pairs = 99" in second.skipped
    # A stage that was skipped taught nothing.
    assert given(run, "exploratory")[third.size :] == own(run, "conservative")
    assert third.metrics["same_reference"] == 1.0
    assert first.metrics["same_reference"] == 1.0, "the base is where the first stage begins"
    usual = udasa_core.run(plain(folder, tiny_model_dir, reference="base"))
    assert usual.stages()[2].metrics["same_reference"] == 0.0


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"replay": 1.5}, r"trainer\.replay: takes a number of 1 or less"),
        ({"moderate": {"replay": -1}}, r"trainer\.moderate\.replay"),
        ({"moderate": {"min_paired": 0.5}}, r"trainer\.moderate\.min_paired: is not a known key"),
    ],
)
def test_a_wrong_share_is_refused(
    table: dict[str, Any], told: str, tmp_path: Path, tiny_model_dir: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        udasa_core.run(plain(tmp_path, tiny_model_dir, **table))
