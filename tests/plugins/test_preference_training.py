"""The losses are the published ones, on the sampled ids, against the right reference."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.plugins.preferences import make_pairs, train, write_pairs
from udasa_core import Adapter, ModelRef, Pair, Report, Stage, UdasaError
from udasa_plugin_preference import training
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.ipo import IPO

PAIRS = make_pairs(6)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", PAIRS)


@pytest.fixture(scope="module")
def first(pairs: Path, tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A first DPO stage of two steps."""
    return train(DPO, pairs, tiny_ref, tmp_path_factory.mktemp("first"))


def summed_logprobs(ref: ModelRef, pairs: list[Pair], *, floor: bool = False) -> torch.Tensor:
    """(2, pairs) log-probabilities of chosen and rejected by plain torch, one sequence at a time."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(ref.folder, dtype=torch.float32)
    if ref.adapters:
        model = PeftModel.from_pretrained(model, ref.adapters[0].folder)
    sums = torch.empty(2, len(pairs), dtype=torch.float64)
    for column, pair in enumerate(pairs):
        for side, ids in enumerate((pair.chosen.token_ids, pair.rejected.token_ids)):
            sequence = torch.tensor([[*pair.prompt_token_ids, *ids]])
            with torch.no_grad():
                table = model(sequence).logits[0, :-1].double().log_softmax(-1)
            sums[side, column] = table.gather(1, sequence[0, 1:, None])[-len(ids) :].sum()
    return sums


def expected_losses(policy: torch.Tensor, reference: torch.Tensor, beta: float) -> tuple[float, float]:
    """DPO (arXiv 2305.18290, equation 7) and length-averaged IPO (arXiv 2310.12036, equation 17)."""
    ratios = policy - reference
    dpo = -torch.nn.functional.logsigmoid(beta * (ratios[0] - ratios[1])).mean()
    lengths = torch.tensor(
        [[len(p.chosen.token_ids) for p in PAIRS], [len(p.rejected.token_ids) for p in PAIRS]]
    )
    averaged = ratios / lengths
    ipo = ((averaged[0] - averaged[1] - 1 / (2 * beta)) ** 2).mean()
    return float(dpo), float(ipo)


@pytest.mark.parametrize("beta", [0.1, pytest.param(1.5, marks=pytest.mark.slow)])
def test_a_policy_that_is_its_own_reference_starts_at_the_known_loss(
    beta: float, pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    for number, policy in enumerate((tiny_ref, first.policy)):
        dpo = train(DPO, pairs, policy, tmp_path / f"dpo{number}", beta=beta)
        assert dpo.metrics["first_loss"] == pytest.approx(math.log(2), abs=1e-5)
        ipo = train(IPO, pairs, policy, tmp_path / f"ipo{number}", beta=beta)
        assert ipo.metrics["first_loss"] == pytest.approx(1 / (4 * beta**2), rel=1e-5)


def test_a_policy_that_is_its_own_reference_starts_at_the_known_loss_in_bfloat16(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    policy = replace(tiny_ref, dtype="bfloat16")
    one = train(DPO, pairs, policy, tmp_path / "one")
    two = train(DPO, pairs, one.policy, tmp_path / "two")
    for report in (one, two):
        assert report.metrics["first_loss"] == pytest.approx(math.log(2), abs=1e-3)


def test_losses_against_the_base_equal_hand_computed_ones(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    policy, base = summed_logprobs(first.policy, PAIRS), summed_logprobs(tiny_ref, PAIRS)
    dpo_loss, ipo_loss = expected_losses(policy, base, 0.3)
    dpo = train(DPO, pairs, first.policy, tmp_path / "dpo", reference=tiny_ref, beta=0.3, batch=6)
    ipo = train(IPO, pairs, first.policy, tmp_path / "ipo", reference=tiny_ref, beta=0.3, batch=6)
    assert dpo.metrics["first_loss"] == pytest.approx(dpo_loss, rel=1e-4)
    assert ipo.metrics["first_loss"] == pytest.approx(ipo_loss, rel=1e-4)
    assert abs(dpo_loss - math.log(2)) > 0.02
    assert dpo.history[0]["chosen_logprob"] == pytest.approx(float(policy[0].mean()), rel=1e-5)
    assert dpo.history[0]["rejected_logprob"] == pytest.approx(float(policy[1].mean()), rel=1e-5)


def test_a_later_round_is_compared_with_the_adapter_that_it_began_with(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    second = train(DPO, pairs, first.policy, tmp_path / "second")
    policy, began = (summed_logprobs(one.policy, PAIRS) for one in (second, first))
    expected, _ = expected_losses(policy, began, 0.3)
    third = train(
        DPO, pairs, second.policy, tmp_path / "third", reference=first.policy, beta=0.3, batch=6, warmup=0.0
    )
    assert third.metrics["first_loss"] == pytest.approx(expected, rel=1e-4)
    against_base, _ = expected_losses(policy, summed_logprobs(tiny_ref, PAIRS), 0.3)
    assert min(abs(expected - math.log(2)), abs(expected - against_base)) > 0.02
    # The reference is measured, and leaves nothing behind: one adapter is trained and saved.
    after = summed_logprobs(third.policy, PAIRS)
    assert third.metrics["chosen_logprob_after"] == pytest.approx(float(after[0].mean()), rel=1e-4)
    assert third.metrics["trainable_parameters"] == first.metrics["trainable_parameters"]


def test_before_and_after_are_the_policys_own_log_probabilities_on_all_pairs(
    tiny_ref: ModelRef, first: Report
) -> None:
    before, after = summed_logprobs(tiny_ref, PAIRS), summed_logprobs(first.policy, PAIRS)
    margins = 0.1 * ((after[0] - before[0]) - (after[1] - before[1]))
    expected = {
        "chosen_logprob_before": before[0].mean(),
        "rejected_logprob_before": before[1].mean(),
        "chosen_logprob_after": after[0].mean(),
        "rejected_logprob_after": after[1].mean(),
        "margin_after": margins.mean(),
        "accuracy_after": (margins > 0).double().mean(),
    }
    for name, value in expected.items():
        assert first.metrics[name] == pytest.approx(float(value), rel=1e-4), name
    assert first.metrics["margin_after"] > 0
    assert not [name for name in first.metrics if name.startswith("gap")]
    assert first.metrics["steps"] == len(first.history) == 2
    assert first.metrics["pairs"] == first.pairs == 6
    assert first.metrics["tokens"] == sum(
        2 * len(p.prompt_token_ids) + len(p.chosen.token_ids) + len(p.rejected.token_ids) for p in PAIRS
    )


def test_what_is_trained_on_are_the_sampled_ids(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    seen: list[tuple[list[int], ...]] = []
    collate = DataCollatorForPreference.torch_call

    def spy(self: DataCollatorForPreference, examples: list[dict[str, list[int]]]) -> object:
        if "ref_chosen_logps" in examples[0]:
            seen.extend((e["prompt_ids"], e["chosen_ids"], e["rejected_ids"]) for e in examples)
        return collate(self, examples)

    monkeypatch.setattr(DataCollatorForPreference, "torch_call", spy)
    train(DPO, pairs, tiny_ref, tmp_path / "out", epochs=2)
    sampled = [
        (list(p.prompt_token_ids), list(p.chosen.token_ids), list(p.rejected.token_ids)) for p in PAIRS
    ]
    assert sorted(seen) == sorted(sampled * 2)
    assert seen[:6] != sampled, "the order is shuffled"
    assert seen[:6] != seen[6:], "each epoch has its own order"


def test_the_sft_term_is_added_to_the_loss(pairs: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    chosen = summed_logprobs(tiny_ref, PAIRS)[0].sum() / sum(len(p.chosen.token_ids) for p in PAIRS)
    report = train(DPO, pairs, tiny_ref, tmp_path / "out", batch=6, sft_weight=0.5)
    assert report.metrics["first_loss"] == pytest.approx(math.log(2) - 0.5 * float(chosen), rel=1e-4)


def test_overlong_pairs_are_set_aside_and_counted_never_cut(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    lengths = sorted(
        len(p.prompt_token_ids) + max(len(p.chosen.token_ids), len(p.rejected.token_ids)) for p in PAIRS
    )
    report = train(DPO, pairs, tiny_ref, tmp_path / "out", max_length=lengths[3])
    assert report.pairs + report.metrics["pairs_overlong"] == 6
    assert report.pairs == sum(length <= lengths[3] for length in lengths)


def test_a_stage_of_overlong_pairs_alone_is_skipped(pairs: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    report = train(DPO, pairs, tiny_ref, tmp_path, max_length=3)
    assert report.skipped == "all 6 pairs are longer than max_length = 3"
    assert (report.pairs, report.policy, report.metrics) == (0, tiny_ref, {})
    assert list(tmp_path.iterdir()) == []


def test_ipo_is_measured_by_what_it_minimises(pairs: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    report = train(IPO, pairs, tiny_ref, tmp_path, beta=2.0)
    ratios = summed_logprobs(report.policy, PAIRS) - summed_logprobs(tiny_ref, PAIRS)
    chosen = torch.tensor([len(p.chosen.token_ids) for p in PAIRS])
    rejected = torch.tensor([len(p.rejected.token_ids) for p in PAIRS])
    gaps = ratios[0] / chosen - ratios[1] / rejected
    assert report.metrics["gap_per_token_after"] == pytest.approx(float(gaps.mean()), rel=1e-4)
    assert report.metrics["gap_goal"] == 0.25
    assert report.metrics["accuracy_after"] == pytest.approx(float((gaps > 0).double().mean()))


def test_gradient_checkpointing_changes_memory_not_results(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    report = train(DPO, pairs, tiny_ref, tmp_path / "out", gradient_checkpointing=True)
    assert report.metrics["margin_after"] == pytest.approx(first.metrics["margin_after"], rel=1e-4)


def test_dropout_reaches_the_adapter_of_a_later_stage(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    report = train(DPO, pairs, first.policy, tmp_path / "out", dropout=0.5)
    assert abs(report.metrics["first_loss"] - math.log(2)) > 1e-5


def test_training_that_changes_nothing_is_an_error(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UdasaError, match="training changed no weight"):
        train(DPO, pairs, tiny_ref, tmp_path / "still", learning_rate=1e-45)

    load = training.load_trainable
    monkeypatch.setattr(training, "load_trainable", lambda *args: load(*args).requires_grad_(False))
    monkeypatch.setattr("peft.PeftModel.delete_adapter", lambda *_: None)
    with pytest.raises(UdasaError, match="no weight is trainable"):
        train(DPO, pairs, tiny_ref, tmp_path / "frozen")


def test_a_loss_that_is_no_number_stops_the_stage(pairs: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    class Unbounded(DPO):
        class Options(DPO.Options):
            learning_rate: float = 1e30

    with pytest.raises(UdasaError, match="the loss at step 2 is nan"):
        train(Unbounded, pairs, tiny_ref, tmp_path / "out", learning_rate=1e30, warmup=0, max_grad_norm=1e30)


def test_a_foreign_reference_is_refused(
    pairs: Path, tiny_ref: ModelRef, first: Report, tmp_path: Path
) -> None:
    stranger = replace(tiny_ref, revision="0" * 64)
    with pytest.raises(UdasaError, match="neither the policy at the stage's start, nor its bare base"):
        train(DPO, pairs, first.policy, tmp_path / "out", reference=stranger)
    lost = tiny_ref.with_adapter(Adapter("0" * 64, "nowhere"))
    with pytest.raises(UdasaError, match="cannot be read"):
        train(DPO, pairs, first.policy, tmp_path / "lost", reference=lost)


def test_replayed_pairs_are_trained_on_and_counted_in_figures_of_their_own(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    report = train(DPO, pairs, tiny_ref, tmp_path, stage=Stage("later", 6, "dpo", {}, replayed=2), epochs=1.5)
    before, after = summed_logprobs(tiny_ref, PAIRS), summed_logprobs(report.policy, PAIRS)
    for name, part in (("", slice(0, 4)), ("replayed_", slice(4, 6))):
        figures = {"chosen_logprob_before": before[0, part], "rejected_logprob_after": after[1, part]}
        for figure, expected in figures.items():
            assert report.metrics[f"{name}{figure}"] == pytest.approx(float(expected.mean()), rel=1e-4)
    assert (report.pairs, report.metrics["pairs"], report.metrics["pairs_replayed"]) == (6, 4, 2)
    # Nine visits: six in the first epoch, three in the half of the second.
    assert report.metrics["visits"] + report.metrics["visits_replayed"] == 9
    assert 4 <= report.metrics["visits"] <= 7
    assert "margin_after" in report.metrics
    assert "replayed_margin_after" in report.metrics
