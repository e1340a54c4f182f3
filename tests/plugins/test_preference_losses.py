"""Losses are functions of tensors: TRL's own values and gradients, hand-computed ones, and pairs' weights."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.fakes import FakeResources
from tests.plugins.preferences import make_pairs, response, train, write_pairs
from tests.plugins.test_preference_training import summed_logprobs
from udasa_core import ModelRef, Pair, UdasaError
from udasa_plugin_preference import PairLogProbs, PreferenceTrainer
from udasa_plugin_preference.cdpo import CDPO
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.ipo import IPO
from udasa_plugin_preference.odpo import ODPO
from udasa_plugin_preference.sft import SFT
from udasa_plugin_preference.simpo import SimPO

TRLS_NAMES = {DPO: "sigmoid", IPO: "ipo", SFT: "sft"}


def built(factory: type[PreferenceTrainer], **options: Any) -> PreferenceTrainer:
    return factory(factory.Options(**options), "planted", FakeResources())


def drawn(seed: int, count: int = 5, length: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Random log-probabilities (2 · count, length), 0 outside responses; their mask; the references' sums."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, length, (2 * count, 1), generator=draw)
    mask = torch.arange(length) >= length - lengths
    log_probs = -3 * torch.rand(2 * count, length, generator=draw) * mask
    references = log_probs.sum(dim=1) + torch.randn(2 * count, generator=draw)
    return log_probs.requires_grad_(), mask, references


def pairs_of(log_probs: Tensor, mask: Tensor, references: Tensor) -> PairLogProbs:
    sides = (*log_probs.sum(dim=1).chunk(2), *references.chunk(2), *mask.sum(dim=1).chunk(2))
    return PairLogProbs(*sides, weights=torch.ones(len(references) // 2))  # type: ignore[misc]


def trls_loss(names: list[str], weights: list[float], beta: float, *given: Tensor) -> Tensor:
    """What TRL's own DPOTrainer makes of the same tensors."""
    from trl import DPOTrainer

    log_probs, mask, references = given
    flat = torch.zeros_like(log_probs)
    outputs = SimpleNamespace(log_probs=log_probs, entropy=flat, mean_logits=flat, is_top1=flat.bool())
    chosen, rejected = references.chunk(2)
    # The mask of the tokens that are asked stands one place to the right of that of the answers.
    completion = torch.cat([torch.zeros(len(mask), 1), mask], dim=1).long()
    inputs = {
        "input_ids": torch.ones_like(completion),
        "attention_mask": torch.ones_like(completion),
        "completion_mask": completion,
        "ref_chosen_logps": chosen,
        "ref_rejected_logps": rejected,
    }
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        use_weighting=False,
        loss_types=names,
        loss_weights=weights,
        beta=beta,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    loss: Tensor = DPOTrainer._compute_loss(trainer, lambda **_: outputs, inputs, False)
    return loss


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("beta", [0.1, 2.5])
@pytest.mark.parametrize("factory", [DPO, IPO, SFT])
def test_loss_and_gradient_are_trls_own(factory: type[PreferenceTrainer], beta: float, seed: int) -> None:
    ours, mask, references = drawn(seed)
    theirs = ours.detach().clone().requires_grad_()
    loss = built(factory, beta=beta).weighted_loss(pairs_of(ours, mask, references))
    expected = trls_loss([TRLS_NAMES[factory]], [1.0], beta, theirs, mask, references)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0.0)
    loss.backward()
    expected.backward()
    # Outside responses the head's zeros are constants: gradients do not reach the model from there.
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad[mask], theirs.grad[mask], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("factory", [DPO, IPO])
def test_the_sft_term_is_trls_own(factory: type[PreferenceTrainer]) -> None:
    ours, mask, references = drawn(9)
    theirs = ours.detach().clone().requires_grad_()
    loss = built(factory, sft_weight=0.3, beta=0.5).weighted_loss(pairs_of(ours, mask, references))
    expected = trls_loss([TRLS_NAMES[factory], "sft"], [1.0, 0.3], 0.5, theirs, mask, references)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0.0)
    loss.backward()
    expected.backward()
    # Outside responses the head's zeros are constants: gradients do not reach the model from there.
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad[mask], theirs.grad[mask], rtol=1e-6, atol=1e-9)


def cpos_loss(kind: str, chosen: Tensor, rejected: Tensor, **options: float) -> Tensor:
    """What TRL's CPOTrainer, which has what its DPOTrainer has not, makes of log-probabilities."""
    from trl.experimental.cpo import CPOTrainer

    given = {"label_smoothing": 0.0, "simpo_gamma": 0.0, **options}
    trainer = SimpleNamespace(alpha=0.0, accelerator=SimpleNamespace(device="cpu"), loss_type=kind, **given)
    losses: Tensor = CPOTrainer.cpo_loss(trainer, chosen, rejected)[0]
    return losses


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("beta", [0.1, 2.5])
@pytest.mark.parametrize("factory", [CDPO, SimPO])
def test_smoothed_and_reference_free_losses_are_trls_own(
    factory: type[PreferenceTrainer], beta: float, seed: int
) -> None:
    ours, mask, references = drawn(seed)
    theirs = ours.detach().clone().requires_grad_()
    sums, tokens = theirs.sum(dim=1), mask.sum(dim=1)
    if factory is CDPO:
        trainer = built(CDPO, beta=beta, epsilon=0.2)
        expected = cpos_loss("sigmoid", *(sums - references).chunk(2), beta=beta, label_smoothing=0.2).mean()
    else:
        trainer = built(SimPO, beta=beta, gamma=0.7)
        expected = cpos_loss("simpo", *(sums / tokens).chunk(2), beta=beta, simpo_gamma=0.7).mean()
    loss = trainer.weighted_loss(pairs_of(ours, mask, references))
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0.0)
    loss.backward()
    expected.backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad[mask], theirs.grad[mask], rtol=1e-6, atol=1e-9)


def test_without_smoothing_or_offset_it_is_dpo_and_an_offset_shifts_it() -> None:
    log_probs, mask, references = drawn(5)
    pairs = replace(pairs_of(log_probs, mask, references), gaps=torch.linspace(-0.2, 1.0, 5))
    dpo = built(DPO, beta=0.3).losses(pairs)
    torch.testing.assert_close(built(CDPO, beta=0.3, epsilon=0.0).losses(pairs), dpo)
    torch.testing.assert_close(built(ODPO, beta=0.3, offset=0.0).losses(pairs), dpo)
    # An offset of α gap is as if the policy had come α gap / β nats less far.
    assert pairs.gaps is not None
    behind = replace(pairs, chosen=pairs.chosen - 2.0 * pairs.gaps / 0.3)
    torch.testing.assert_close(
        built(ODPO, beta=0.3, offset=2.0).losses(pairs), built(DPO, beta=0.3).losses(behind)
    )


# Two pairs by hand: log-ratios 2 and −1 over 4 and 2 tokens; −3 and 1 over 1 and 5 tokens.
BY_HAND = PairLogProbs(
    chosen=torch.tensor([-8.0, -13.0]),
    rejected=torch.tensor([-11.0, -4.0]),
    reference_chosen=torch.tensor([-10.0, -10.0]),
    reference_rejected=torch.tensor([-10.0, -5.0]),
    chosen_tokens=torch.tensor([4, 1]),
    rejected_tokens=torch.tensor([2, 5]),
    weights=torch.tensor([0.5, 3.0]),
)


def test_losses_by_hand() -> None:
    dpo = built(DPO, beta=0.5).losses(BY_HAND)
    assert dpo.tolist() == pytest.approx([math.log(1 + math.exp(-1.5)), math.log(1 + math.exp(2.0))])
    ipo = built(IPO, beta=0.5).losses(BY_HAND)  # h = 2/4 + 1/2 = 1, and −3 − 1/5; the goal is 1
    assert ipo.tolist() == pytest.approx([0.0, (-3.2 - 1.0) ** 2])
    cdpo = built(CDPO, beta=0.5, epsilon=0.25).losses(BY_HAND)
    assert cdpo.tolist() == pytest.approx(
        [0.75 * math.log(1 + math.exp(-h / 2)) + 0.25 * math.log(1 + math.exp(h / 2)) for h in (3.0, -4.0)]
    )
    odpo = built(ODPO, beta=0.5, offset=3.0).losses(replace(BY_HAND, gaps=torch.tensor([0.5, 0.1])))
    assert odpo.tolist() == pytest.approx(
        [math.log(1 + math.exp(-(1.5 - 1.5))), math.log(1 + math.exp(-(-2.0 - 0.3)))]
    )
    simpo = built(SimPO, beta=2.0, gamma=0.5).losses(BY_HAND)  # means −8/4 + 11/2, and −13 + 4/5
    assert simpo.tolist() == pytest.approx(
        [math.log(1 + math.exp(-(2 * 3.5 - 0.5))), math.log(1 + math.exp(-(2 * -12.2 - 0.5)))]
    )
    sft = built(SFT).losses(BY_HAND)
    assert sft.tolist() == pytest.approx([8 * 2 / 5, 13 * 2 / 5])
    assert float(sft.mean()) == pytest.approx((8 + 13) / 5)


def test_weights_multiply_each_pairs_loss_by_hand() -> None:
    loss = built(DPO, beta=0.5).weighted_loss(BY_HAND)
    expected = (0.5 * math.log(1 + math.exp(-1.5)) + 3.0 * math.log(1 + math.exp(2.0))) / 2
    assert float(loss) == pytest.approx(expected)
    with_term = built(DPO, beta=0.5, sft_weight=0.1).weighted_loss(BY_HAND)
    term = 0.1 * (0.5 * 8 * 2 / 5 + 3.0 * 13 * 2 / 5) / 2
    assert float(with_term) == pytest.approx(expected + term)


def test_the_sft_term_counts_where_the_chosen_is_certain_by_hand() -> None:
    preference = (0.5 * math.log(1 + math.exp(-1.5)) + 3.0 * math.log(1 + math.exp(2.0))) / 2
    gated = built(DPO, beta=0.5, sft_weight=0.1, sft_below=0.4)
    # 5 chosen tokens in 2 pairs: −log π of 8 is 8 / 2.5 of the term, that of 13 is 13 / 2.5.
    for us, term in (
        ((0.399, 0.4), 0.5 * 8 / 2.5),
        ((0.9, 0.1), 3.0 * 13 / 2.5),
        ((0.0, 0.2), 0.5 * 8 / 2.5 + 3.0 * 13 / 2.5),
        ((math.nan, 0.9), 0.0),
    ):
        loss = gated.weighted_loss(replace(BY_HAND, chosen_U=torch.tensor(us)))
        assert float(loss) == pytest.approx(preference + 0.1 * term / 2)


def test_sft_below_asks_for_scored_pairs_and_for_a_term() -> None:
    with pytest.raises(UdasaError, match="sft_below asks for chosen_U"):
        built(IPO, sft_weight=1.0, sft_below=0.4).weighted_loss(BY_HAND)
    assert built(IPO, sft_weight=1.0, sft_below=0.4).options.cautions == ()
    (told,) = built(IPO, sft_below=0.4).options.cautions
    assert "sft_weight" in told
    with pytest.raises(ValueError, match="sft_below"):
        SFT.Options(sft_below=0.4)  # type: ignore[arg-type]


def test_metrics_by_hand() -> None:
    assert built(DPO, beta=0.5).metrics(BY_HAND) == {
        "margin_after": pytest.approx(0.5 * (3 - 4) / 2),
        "accuracy_after": 0.5,
    }
    # The gap of sums is right in one pair, the gap by token in the same; the goal is 1/(2β).
    assert built(IPO, beta=0.5).metrics(BY_HAND) == {
        "margin_after": pytest.approx(0.5 * (3 - 4) / 2),
        "accuracy_after": 0.5,
        "gap_per_token_after": pytest.approx((1.0 - 3.2) / 2),
        "gap_goal": 1.0,
    }


def test_each_loss_tells_what_it_minimises_by_hand() -> None:
    base = {"margin_after": pytest.approx(0.5 * (3 - 4) / 2), "accuracy_after": 0.5}
    gaps = torch.tensor([0.6, 0.1])
    # β h is 1.5 and −2; the offsets 1.2 and 0.2, and then 1.8 and 0.3.
    for offset, share in ((2.0, 0.5), (3.0, 0.0)):
        told = built(ODPO, beta=0.5, offset=offset).metrics(replace(BY_HAND, gaps=gaps))
        assert told == {**base, "beyond_offset_after": share}
    assert built(CDPO, beta=0.5).metrics(BY_HAND) == base
    assert built(SimPO, beta=0.5).metrics(BY_HAND) == {
        **base,
        "mean_logprob_gap_after": pytest.approx((3.5 - 12.2) / 2),
        "likelier_after": 0.5,
    }
    with pytest.raises(UdasaError, match="asks for the pairs' gaps"):
        built(ODPO).losses(BY_HAND)


@pytest.mark.parametrize("wrong", [lambda gap: gap.mean(), lambda gap: gap[:1], lambda gap: gap[:, None]])
def test_a_loss_that_is_not_one_a_pair_is_refused(wrong: Any) -> None:
    class Summed(PreferenceTrainer):
        def losses(self, pairs: PairLogProbs) -> Tensor:
            loss: Tensor = wrong(pairs.log_ratio_gap)
            return loss

    with pytest.raises(UdasaError, match="one loss for each pair, not their sum or mean"):
        built(Summed).weighted_loss(BY_HAND)


# --- through the trainer ---------------------------------------------------------------------------------

PAIRS = [
    replace(pair, weight=weight)
    for pair, weight in zip(make_pairs(6), (2.0, 0.5, 0.0, 1.0, 0.25, 3.0), strict=True)
]


def test_a_pairs_weight_multiplies_its_loss_while_training(tiny_ref: ModelRef, tmp_path: Path) -> None:
    file = write_pairs(tmp_path / "pairs.parquet", PAIRS)
    first = train(DPO, file, tiny_ref, tmp_path / "first", batch=6)
    assert first.metrics["first_loss"] == pytest.approx(math.log(2) * 6.75 / 6, rel=1e-6)
    report = train(DPO, file, first.policy, tmp_path / "out", reference=tiny_ref, beta=0.3, batch=6)
    ratios = summed_logprobs(first.policy, PAIRS) - summed_logprobs(tiny_ref, PAIRS)
    losses = -torch.nn.functional.logsigmoid(0.3 * (ratios[0] - ratios[1]))
    expected = sum(pair.weight * float(loss) for pair, loss in zip(PAIRS, losses, strict=True)) / 6
    assert report.metrics["first_loss"] == pytest.approx(expected, rel=1e-4)
    assert expected != pytest.approx(float(losses.mean()), rel=1e-2)


def test_the_sft_term_counts_by_each_pairs_own_score_while_training(
    tiny_ref: ModelRef, tmp_path: Path
) -> None:
    us = (0.1, 0.4, None, 0.39, 0.9, 0.2)
    pairs = [replace(pair, chosen_U=u) for pair, u in zip(make_pairs(6), us, strict=True)]
    file = write_pairs(tmp_path / "pairs.parquet", pairs)
    report = train(DPO, file, tiny_ref, tmp_path / "out", batch=6, sft_weight=0.5, sft_below=0.4)
    chosen = summed_logprobs(tiny_ref, pairs)[0]
    tokens = sum(len(pair.chosen.token_ids) for pair in pairs)
    expected = math.log(2) - 0.5 * float(chosen[0] + chosen[3] + chosen[5]) / tokens
    assert report.metrics["first_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_pair_of_weight_zero_trains_nothing(tiny_ref: ModelRef, tmp_path: Path) -> None:
    import numpy as np

    def with_silent(chosen_seed: int) -> list[Pair]:
        """The same pairs, the silent one's chosen response being another of the same length."""
        length = len(PAIRS[2].chosen.token_ids)
        other = response(np.random.default_rng(chosen_seed), length, cut=False)
        return [*PAIRS[:2], replace(PAIRS[2], chosen=other), *PAIRS[3:]]

    reports = []
    for number in (1, 2):
        file = write_pairs(tmp_path / f"{number}.parquet", with_silent(number))
        reports.append(train(SFT, file, tiny_ref, tmp_path / f"out{number}", batch=6, epochs=2.0))
    one, other = reports
    assert one.policy.adapters[0].sha256 == other.policy.adapters[0].sha256, "byte for byte"
    assert one.metrics["chosen_logprob_before"] != other.metrics["chosen_logprob_before"]


def test_the_offset_is_each_pairs_own_gap_while_training(tiny_ref: ModelRef, tmp_path: Path) -> None:
    pairs = [
        replace(pair, gap=gap)
        for pair, gap in zip(make_pairs(6), (0.1, 0.9, 0.4, 0.0, 0.2, 0.6), strict=True)
    ]
    file = write_pairs(tmp_path / "pairs.parquet", pairs)
    report = train(ODPO, file, tiny_ref, tmp_path / "out", batch=6, offset=2.0)
    expected = sum(math.log(1 + math.exp(2.0 * (pair.gap or 0.0))) for pair in pairs) / 6
    assert report.metrics["first_loss"] == pytest.approx(expected, rel=1e-5)
    file = write_pairs(tmp_path / "some.parquet", [*pairs[:4], replace(pairs[4], gap=None), pairs[5]])
    with pytest.raises(UdasaError, match=r"1 of 6 pairs have no gap.*choose a \[pairing\] that fills it"):
        train(ODPO, file, tiny_ref, tmp_path / "none")


def test_simpo_trains_by_the_policys_own_means(tiny_ref: ModelRef, tmp_path: Path) -> None:
    pairs = make_pairs(6)
    sums = summed_logprobs(tiny_ref, pairs)
    tokens = torch.tensor([[len(p.chosen.token_ids), len(p.rejected.token_ids)] for p in pairs]).T
    apart = (sums / tokens)[0] - (sums / tokens)[1]
    expected = float(-torch.nn.functional.logsigmoid(2.0 * apart - 1.0).mean())
    file = write_pairs(tmp_path / "pairs.parquet", pairs)
    report = train(SimPO, file, tiny_ref, tmp_path / "out", batch=6)
    assert report.metrics["first_loss"] == pytest.approx(expected, rel=1e-4)
    assert report.metrics["mean_logprob_gap_after"] > float(apart.mean())
