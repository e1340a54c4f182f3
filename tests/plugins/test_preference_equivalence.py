"""The trainer is the algorithm that is written down, however passes are split and the reference is had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.plugins.preferences import make_pairs, train, write_pairs
from udasa_core import ModelRef, Pair, Report
from udasa_plugin_preference.adapters import load_trainable
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.rows import training_order

SEED = 7
# Two steps of four pairs and one of the last two, at a rate that goes up and down.
OPTIONS: dict[str, Any] = {"rank": 4, "alpha": 8.0, "learning_rate": 1e-3, "beta": 0.3, "warmup": 0.0}
COUNT, A_STEP = 10, 4


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return make_pairs(COUNT)


@pytest.fixture(scope="module")
def start(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """A policy that is not its reference, from which the first loss is not log 2."""
    folder = tmp_path_factory.mktemp("start")
    file = write_pairs(folder / "pairs.parquet", make_pairs(6, seed=1))
    return train(DPO, file, tiny_ref, folder / "out", **OPTIONS).policy


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def weights_of(report: Report) -> dict[str, torch.Tensor]:
    return weights(Path(report.policy.adapters[0].folder))


def logprob(model: Any, prompt: tuple[int, ...], response: tuple[int, ...]) -> torch.Tensor:
    logits = model(torch.tensor([[*prompt, *response]])).logits[0, len(prompt) - 1 : -1]
    return logits.log_softmax(-1).gather(1, torch.tensor(response)[:, None]).sum()


@pytest.fixture(scope="module")
def by_hand(start: ModelRef, pairs: list[Pair]) -> tuple[dict[str, torch.Tensor], list[float]]:
    """DPO in plain torch: one sequence at a time, the reference read anew in every step, AdamW; the weights
    that it ends with, and each step's loss."""
    model = load_trainable(start, DPO.Options(**OPTIONS), SEED)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=OPTIONS["learning_rate"], weight_decay=0.0)
    order = training_order(COUNT, 1.0, SEED).tolist()
    steps = [order[begin : begin + A_STEP] for begin in range(0, COUNT, A_STEP)]
    told = []
    for number, rows in enumerate(steps):
        losses = []
        for pair in (pairs[row] for row in rows):
            sides = [(pair.prompt_token_ids, side.token_ids) for side in (pair.chosen, pair.rejected)]
            chosen, rejected = (logprob(model, *side) for side in sides)
            with torch.no_grad(), model.disable_adapter():
                base_chosen, base_rejected = (logprob(model, *side) for side in sides)
            gap = (chosen - base_chosen) - (rejected - base_rejected)
            losses.append(-torch.nn.functional.logsigmoid(OPTIONS["beta"] * gap))
        loss = torch.stack(losses).mean()
        told.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = OPTIONS["learning_rate"] * (1 - number / len(steps))
        optimizer.step()
    from peft import get_peft_model_state_dict

    return {name: weight.detach() for name, weight in get_peft_model_state_dict(model).items()}, told


@pytest.mark.parametrize(
    ("batch", "passes"),
    [(1, 4), *(pytest.param(*split, marks=pytest.mark.slow) for split in ((4, 1), (2, 2)))],
)
def test_accumulated_passes_and_a_measured_reference_are_one_step_against_a_read_one(
    batch: int,
    passes: int,
    start: ModelRef,
    tiny_ref: ModelRef,
    pairs: list[Pair],
    by_hand: tuple[dict[str, torch.Tensor], list[float]],
    tmp_path: Path,
) -> None:
    file = write_pairs(tmp_path / "pairs.parquet", pairs)
    given = {**OPTIONS, "batch": batch, "accumulation": passes}
    report = train(DPO, file, start, tmp_path / "out", reference=tiny_ref, **given)
    expected, losses = by_hand
    assert [step["loss"] for step in report.history] == pytest.approx(losses, abs=1e-5)
    found = weights_of(report)
    assert found.keys() == expected.keys()
    before = weights(Path(start.adapters[0].folder))
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], rtol=0.0, atol=1e-5)
    assert max((found[name] - before[name]).abs().max() for name in found) > 1e-3, "it did move"
