"""The trainer `sft` minimises the chosen responses' negative log-likelihood, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.plugins.preferences import STOP, WORDS, make_pairs, write_pairs
from udasa_core import Adapter, ModelRef, Pair, Report, Stage
from udasa_core.api import load
from udasa_core.errors import ConfigError
from udasa_plugin_preference.sft import SFT

PAIRS = make_pairs(6)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", PAIRS)


@pytest.fixture(scope="module")
def trained(pairs: Path, tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Three epochs of one step each, over all six pairs."""
    return train(pairs, tiny_ref, tmp_path_factory.mktemp("sft"))


def train(pairs: Path, policy: ModelRef, out_dir: Path, **options: Any) -> Report:
    out_dir.mkdir(exist_ok=True)
    settings = {"rank": 4, "alpha": 8, "batch": 6, "learning_rate": 1e-2, "epochs": 3.0, **options}
    trainer = SFT(SFT.Options(**settings), "sft", FakeResources(policy))
    return trainer.udasa_train(Stage("all", 0, "sft", {}), pairs, policy, policy, out_dir, 7, None)


def chosen_logprobs(ref: ModelRef, some: list[Pair]) -> torch.Tensor:
    """Each chosen response's summed log-probability by plain torch, one sequence at a time."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(ref.folder, dtype=torch.float32)
    if ref.adapters:
        model = PeftModel.from_pretrained(model, ref.adapters[0].folder)
    sums = []
    for pair in some:
        ids = pair.chosen.token_ids
        sequence = torch.tensor([[*pair.prompt_token_ids, *ids]])
        with torch.no_grad():
            table = model(sequence).logits[0, :-1].double().log_softmax(-1)
        sums.append(table.gather(1, sequence[0, 1:, None])[-len(ids) :].sum())
    return torch.stack(sums)


def with_rejected(some: list[Pair], extra: int, seed: int = 1) -> list[Pair]:
    """Return pairs whose rejected responses say something else, in `extra` more tokens."""
    rng = np.random.default_rng(seed)
    changed = []
    for pair in some:
        length = len(pair.rejected.token_ids) + extra
        ids = (*(int(one) for one in rng.integers(WORDS.start, WORDS.stop, length - 1)), STOP)
        flat = (0.0,) * length
        other = replace(
            pair.rejected,
            text=str(ids),
            token_ids=ids,
            logprobs=flat,
            sampling_logprobs=flat,
            entropies=flat,
            finish_reason="stop",
        )
        changed.append(replace(pair, rejected=other))
    return changed


def digest(report: Report) -> str:
    adapter: Adapter = report.policy.adapters[-1]
    return adapter.sha256


def test_the_first_loss_is_the_mean_over_chosen_tokens(tiny_ref: ModelRef, trained: Report) -> None:
    tokens = sum(len(pair.chosen.token_ids) for pair in PAIRS)
    summed = chosen_logprobs(tiny_ref, PAIRS)
    assert trained.metrics["first_loss"] == pytest.approx(-float(summed.sum()) / tokens, rel=1e-5)
    # Not the mean of each response's mean: the responses are of uneven length.
    lengths = torch.tensor([len(pair.chosen.token_ids) for pair in PAIRS])
    assert trained.metrics["first_loss"] != pytest.approx(-float((summed / lengths).mean()), rel=1e-3)
    assert trained.metrics["chosen_logprob_before"] == pytest.approx(float(summed.mean()), rel=1e-5)


def test_each_batch_averages_over_its_own_tokens(pairs: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    """One pair a step, at a rate too small to move: each step's loss is one response's mean."""
    report = train(pairs, tiny_ref, tmp_path, batch=1, epochs=1.0, learning_rate=1e-9, warmup=0.0)
    lengths = torch.tensor([len(pair.chosen.token_ids) for pair in PAIRS])
    means = -(chosen_logprobs(tiny_ref, PAIRS) / lengths)
    losses = sorted(row["loss"] for row in report.history)
    assert losses == pytest.approx(sorted(means.tolist()), rel=1e-3)


def test_the_chosen_become_more_likely(tiny_ref: ModelRef, trained: Report) -> None:
    metrics = trained.metrics
    losses = [row["loss"] for row in trained.history]
    assert losses == sorted(losses, reverse=True)
    assert metrics["steps"] == len(losses) == 3
    assert metrics["chosen_logprob_after"] > metrics["chosen_logprob_before"] + 1.0
    after = chosen_logprobs(trained.policy, PAIRS)
    assert metrics["chosen_logprob_after"] == pytest.approx(float(after.mean()), rel=1e-4)
    # Every one of them, not their mean alone.
    assert torch.all(after > chosen_logprobs(tiny_ref, PAIRS))


def test_the_rejected_are_measured_and_train_nothing(
    pairs: Path, tiny_ref: ModelRef, trained: Report, tmp_path: Path
) -> None:
    others = write_pairs(tmp_path / "others.parquet", with_rejected(PAIRS, 0))
    report = train(others, tiny_ref, tmp_path / "others", beta=0.7)
    assert digest(report) == digest(trained), "byte for byte"
    assert [row["loss"] for row in report.history] == [row["loss"] for row in trained.history]
    assert report.metrics["rejected_logprob_before"] != trained.metrics["rejected_logprob_before"]
    assert report.metrics["chosen_logprob_after"] == trained.metrics["chosen_logprob_after"]
    # Other chosen responses do make another adapter.
    swapped = [replace(one, chosen=one.rejected, rejected=one.chosen) for one in PAIRS]
    reverse = write_pairs(tmp_path / "reverse.parquet", swapped)
    assert digest(train(reverse, tiny_ref, tmp_path / "reverse")) != digest(trained)


def test_longer_rejected_responses_change_the_padding_alone(
    tiny_ref: ModelRef, trained: Report, tmp_path: Path
) -> None:
    longer = write_pairs(tmp_path / "longer.parquet", with_rejected(PAIRS, 9))
    report = train(longer, tiny_ref, tmp_path / "longer")
    for name in ("first_loss", "last_loss", "chosen_logprob_after"):
        assert report.metrics[name] == pytest.approx(trained.metrics[name], rel=1e-4), name


def test_it_reports_what_the_preference_trainers_report(trained: Report) -> None:
    assert trained.trainer == "sft"
    assert trained.pairs == trained.metrics["pairs"] == 6
    names = {"margin_after", "accuracy_after", "rejected_logprob_before", "rejected_logprob_after"}
    assert names <= set(trained.metrics)
    row = trained.history[0]
    assert (row["margin"], row["accuracy"]) == (0.0, 0.0), "the policy is its own reference at first"


def test_an_sft_term_on_top_of_itself_is_refused(tiny_model_dir: Path, tmp_path: Path) -> None:
    assert SFT.Options().sft_weight == 0.0
    for weight in (1.0, -1.0, float("nan")):
        with pytest.raises(ValidationError):
            SFT.Options(sft_weight=weight)
    from tests.canned import configuration

    trainer = {"use": "sft", "sft_weight": 0.5}
    with pytest.raises(ConfigError, match=r"trainer\.sft_weight.*leave sft_weight out, or use `dpo`"):
        load(configuration(tmp_path, tiny_model_dir, trainer=trainer))
    for name, field in SFT.Options.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize("count", [5, pytest.param(4, marks=pytest.mark.slow)])
def test_a_step_is_the_same_however_it_is_split_into_passes(
    tiny_ref: ModelRef, tmp_path: Path, count: int
) -> None:
    """4 × 1, 2 × 2 and 1 × 4 average over the step's tokens; a last pass of one pair weighs one pair."""
    file = write_pairs(tmp_path / "pairs.parquet", with_rejected(make_pairs(count, seed=3), 2))
    splits = [(count, 1), (2, -(-count // 2)), (1, count)]
    reports = [
        train(file, tiny_ref, tmp_path / str(batch), batch=batch, accumulation=passes, epochs=1.0, warmup=0.0)
        for batch, passes in splits
    ]
    for name in ("first_loss", "chosen_logprob_after", "rejected_logprob_after", "margin_after"):
        figures = [report.metrics[name] for report in reports]
        assert figures == pytest.approx([figures[0]] * 3, rel=1e-3, abs=1e-4), name
    assert [report.metrics["steps"] for report in reports] == [1, 1, 1]
