"""Stages of two trainers in one run: the adapter, and the moments beside it, go on from one to the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

import udasa_core
from tests.canned import configuration
from tests.plugins.test_preference_training import summed_logprobs
from udasa_core import Adapter
from udasa_core.store.output import Output
from udasa_core.store.tables import read_pairs

pytestmark = pytest.mark.slow

SHAPE: dict[str, Any] = {"rank": 4, "alpha": 8.0, "learning_rate": 1e-2, "keep_optimizer": True, "batch": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    trainer = {
        "use": "dpo",
        "reference": "base",
        **SHAPE,
        "exploratory": {"use": "sft", "replay": 0.5, "reference": "previous_stage", **SHAPE},
    }
    folder = tmp_path_factory.mktemp("stages")
    return udasa_core.run(configuration(folder, tiny_model_dir, trainer=trainer))


def test_doubtful_pairs_teach_their_chosen_responses_on_top_of_what_preferences_taught(
    run: udasa_core.Run,
) -> None:
    _, second, third = run.stages()
    assert (second.trainer, third.trainer) == ("dpo", "sft")
    assert second.adapter is not None
    policy = run.base.with_adapter(Adapter("", str(second.adapter)))
    (key,) = run.keys(Output("replay", instance="exploratory"))
    pairs = list(read_pairs(run.store.path("replay", key)))
    own = pairs[: third.size]
    assert len(pairs) > len(own)
    assert third.metrics["pairs"] == len(own)
    before = summed_logprobs(policy, pairs)[0]
    # It begins with what the stage before left, and not with the base.
    assert third.metrics["chosen_logprob_before"] == pytest.approx(float(before[: len(own)].mean()), rel=1e-4)
    assert third.metrics["replayed_chosen_logprob_before"] == pytest.approx(
        float(before[len(own) :].mean()), rel=1e-4
    )
    assert third.metrics["chosen_logprob_after"] > third.metrics["chosen_logprob_before"]
    # Its loss is the chosen responses' alone: about 5 nats a token of a random model, and not log 2.
    assert third.metrics["first_loss"] > 2.0


def test_the_second_trainer_goes_on_with_the_first_ones_moments(run: udasa_core.Run) -> None:
    steps = []
    for stage in run.stages():
        assert stage.adapter is not None
        moments = load_file(stage.adapter.parent / "state" / "optimizer.safetensors")
        (count,) = {float(one) for name, one in moments.items() if name.endswith(".step")}
        steps.append(count)
    taken = [stage.metrics["steps"] for stage in run.stages()]
    assert steps == [taken[0], taken[0] + taken[1], sum(taken)]
