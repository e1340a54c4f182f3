"""A run that is read: policies, figures of the held-out prompts, and readings of pairs by label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import StoreError, UdasaError, UsageError


def move_of(run: udasa_core.Run, stage: str, name: str) -> Any:
    (found,) = [one for one in run.transitions() if one["after"] == stage]
    return next(move for move in found["moves"] if move["name"] == name)


def test_a_stage_left_a_policy(finished_run: udasa_core.Run) -> None:
    for stage in finished_run.stages():
        (adapter,) = finished_run.policy(stage.label).adapters
        assert Path(adapter.folder) == stage.adapter
    assert finished_run.policy("exploratory") == finished_run.aligned()
    assert finished_run.policy("base") == finished_run.base
    with pytest.raises(UsageError, match="no stage 'moderat'; there are base, conservative, moderate"):
        finished_run.policy("moderat")


def test_a_policy_is_checked_and_a_skipped_stage_left_none(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir)
    plain["trainer"]["moderate"] = {"min_pairs": 99}
    run = udasa_core.run(plain)
    with pytest.raises(UdasaError, match=r"has not trained stage moderate .*pairs"):
        run.policy("moderate")
    adapter = run.stages()[0].adapter
    assert adapter is not None
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(StoreError):
        udasa_core.Run(run.folder).policy("conservative")


def test_meters_by_prompt_are_those_of_the_matrix(finished_run: udasa_core.Run) -> None:
    before, after = finished_run.meters("conservative"), finished_run.meters("moderate")
    for name in ("length", "entropy", "U", "single cluster"):
        move = move_of(finished_run, "moderate", name)
        assert np.mean(list(before[name].values())) == pytest.approx(move["before"])
        assert np.mean(list(after[name].values())) == pytest.approx(move["after"])
        assert len(after[name]) == move["n"]
    assert np.mean(list(finished_run.meters("base")["length"].values())) == pytest.approx(
        move_of(finished_run, "conservative", "length")["before"]
    )


def test_meters_that_were_not_measured_are_told_of(canned_run: udasa_core.Run) -> None:
    """The base and what the round left are always measured."""
    assert canned_run.meters("base").keys() == canned_run.meters("exploratory").keys()
    assert canned_run.meters("base")["U"] != canned_run.meters("exploratory")["U"]
    with pytest.raises(UdasaError, match=r"after moderate.*\[transitions\] measure = true"):
        canned_run.meters("moderate")
    assert canned_run.pair_moves("exploratory") == {}


def test_pair_moves_are_of_all_pairs_up_to_the_stage(finished_run: udasa_core.Run) -> None:
    stages = finished_run.stages()
    moves = finished_run.pair_moves("exploratory")
    assert len(moves) == sum(stage.size for stage in stages)
    early = {pair.prompt.id for label, pair in finished_run.pairs() if label == "conservative"}
    told = move_of(finished_run, "exploratory", "chosen logp of conservative")
    assert np.mean([moves[prompt][0] for prompt in early]) == pytest.approx(told["after"])
    told = move_of(finished_run, "exploratory", "pair accuracy of conservative")
    assert np.mean([moves[prompt][1] for prompt in early]) == pytest.approx(told["after"])
    assert finished_run.pair_moves("conservative").keys() == early
