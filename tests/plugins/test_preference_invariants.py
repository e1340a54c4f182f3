"""What has to hold of a stage's training: each fault is planted, and each stops the stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.plugins.forked import on_ranks
from tests.plugins.preferences import make_pairs, train, write_pairs
from udasa_core import ModelRef, UdasaError
from udasa_plugin_preference import PairLogProbs, training
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.invariants import Invariants
from udasa_plugin_preference.ranks import ranks_here


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", make_pairs(6))


def spoil_frozen(model: Any) -> None:
    next(weight for weight in model.parameters() if not weight.requires_grad).data.view(-1)[0] += 1e-3


def spoil_trained(model: Any) -> None:
    next(weight for weight in model.parameters() if weight.requires_grad).data.view(-1)[0] = float("nan")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(spoil_frozen, "changed a weight that is frozen"), (spoil_trained, "a weight is no number")],
)
def test_a_weight_that_training_must_not_make_stops_the_stage(
    spoil: Callable[[Any], None],
    told: str,
    pairs: Path,
    tiny_ref: ModelRef,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models: list[Any] = []
    load = training.load_trainable
    monkeypatch.setattr(training, "load_trainable", lambda *given: models.append(load(*given)) or models[0])

    class Meddling(DPO):
        """A loss that lays hands on the model, in the last step: no later loss would show it."""

        calls = 0

        def losses(self, pairs: PairLogProbs) -> Tensor:
            Meddling.calls += 1
            if Meddling.calls == 2:
                spoil(models[0])
            return super().losses(pairs)

    with pytest.raises(UdasaError, match=told):
        train(Meddling, pairs, tiny_ref, tmp_path)
    assert not (tmp_path / "adapter").exists()


def shuffled(self: Any, rows: Any) -> Any:
    return torch.utils.data.RandomSampler(rows, generator=torch.Generator().manual_seed(1))


def halved(self: Any, rows: Any) -> Any:
    return torch.utils.data.SequentialSampler(range(len(rows) // 2))


@pytest.mark.parametrize(
    ("sampler", "count"), [(shuffled, 6), pytest.param(halved, 3, marks=pytest.mark.slow)]
)
def test_rows_that_are_not_those_that_were_given_stop_the_stage(
    sampler: Any, count: int, pairs: Path, tiny_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import DPOTrainer

    monkeypatch.setattr(DPOTrainer, "_get_train_sampler", sampler)
    with pytest.raises(UdasaError, match=f"TRL trained on {count} rows that are not the 6"):
        train(DPO, pairs, tiny_ref, tmp_path, batch=1)


def test_ranks_that_end_apart_are_told() -> None:
    def ended(apart: float) -> str:
        ranks = ranks_here("cpu")
        model = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(model.weight, 1.0 + apart * ranks.number)
        try:
            Invariants("all", "", ()).check_agreement(model, ranks)
        except UdasaError as error:
            return str(error)
        return ""

    assert on_ranks(2, lambda: ended(0.0)) == ["", ""]
    first, second = on_ranks(2, lambda: ended(1e-6))
    assert first == ""
    assert "rank 1 has ended with other weights than rank 0" in second
