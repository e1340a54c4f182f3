"""What udasa's own pairs are compared with, from prompts to an adapter, by a tiny model and its sampler."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from tests.tiny import tiny_ref_of
from udasa_core import Pair, load_causal_lm

ONE_STAGE = {"use": "quantiles", "names": ["all"]}
UNGAPPED = {**ONE_STAGE, "ungapped": "spread"}
ASKED = {"temperature": 1.0, "max_new_tokens": 12}
# Two lines of TOML each: what is paired, and what is done with it.
RIVALS: dict[str, dict[str, Any]] = {
    "sft on the best of K": {"pairing": {"use": "extremes"}, "stages": ONE_STAGE},
    "sft on the greedy answer": {"pairing": {"use": "greedy", "max_new_tokens": 12}, "stages": UNGAPPED},
    "judged": {"pairing": {"use": "judged"}, "stages": UNGAPPED},
    "contrastive": {"pairing": {"use": "contrastive", **ASKED}, "stages": UNGAPPED},
    "revised": {"pairing": {"use": "revised", **ASKED}, "stages": UNGAPPED},
}


@pytest.mark.slow
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_trains_and_costs_nothing_the_second_time(
    rival: str, tmp_path: Path, tiny_model_dir: Path
) -> None:
    tables = RIVALS[rival]
    trainer = {"use": "sft" if rival.startswith("sft") else "dpo", "rank": 2, "learning_rate": 1e-3}
    plain = configuration(tmp_path, tiny_model_dir, 8, trainer=trainer, **tables)
    plain["generator"] = {"use": "transformers", "responses": 3, "temperature": 1.0, "max_new_tokens": 12}
    run = udasa_core.run(plain)
    pairs = [pair for _, pair in run.pairs()]
    assert pairs
    assert {pair.origin for pair in pairs} == {tables["pairing"]["use"]}
    assert {pair.gap is None for pair in pairs} == {tables["stages"] is UNGAPPED}
    _check_sides(pairs, tiny_model_dir)
    (stage,) = run.stages()
    assert (stage.trained, stage.size, stage.trainer) == (True, len(pairs), trainer["use"])
    assert not udasa_core.run(plain).made


def _check_sides(pairs: list[Pair], model: Path) -> None:
    """Every side's log-probabilities are the model's own behind the pair's own prompt."""
    lm = load_causal_lm(tiny_ref_of(model))
    for pair in pairs:
        assert list(pair.prompt_token_ids) == lm.render(pair.prompt.messages)
        for side in (pair.chosen, pair.rejected):
            (found,) = lm.token_statistics([pair.prompt_token_ids], [side.token_ids])
            assert math.fsum(side.logprobs) == pytest.approx(math.fsum(found.logprobs), abs=1e-3)
            assert lm.decode(side.token_ids) == side.text
