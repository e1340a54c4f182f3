from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.core.models.test_causal_lm import make_adapter
from tests.fakes import FakeResources
from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import ModelRef, UdasaError, load_causal_lm
from udasa_eval.measures import policy_divergence
from udasa_eval.measures.policy_divergence import kl_divergences, policy_pair

PROMPT = [5, 6, 7, 8]
RESPONSE = [20, 21, 9, 9, 40, 2]


@pytest.fixture(scope="module")
def policy(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """The tiny model with two adapters."""
    folder = tmp_path_factory.mktemp("adapters")
    made = [make_adapter(load_causal_lm(tiny_ref), folder / str(seed), seed) for seed in (1, 2)]
    return replace(tiny_ref, adapters=tuple(made))


def whole(ref: ModelRef, ids: list[int]) -> torch.Tensor:
    """Log-probabilities at each position, by one plain pass over everything, in float64."""
    with torch.no_grad():
        return load_causal_lm(ref).model(torch.tensor([ids])).logits[0].double().log_softmax(-1)


def by_hand(base: ModelRef, policy: ModelRef) -> tuple[np.ndarray, np.ndarray]:
    at = slice(len(PROMPT) - 1, -1)
    p, q = whole(base, PROMPT + RESPONSE)[at], whole(policy, PROMPT + RESPONSE)[at]
    forward, backward = (p.exp() * (p - q)).sum(-1), (q.exp() * (q - p)).sum(-1)
    return forward.numpy(), backward.numpy()


def test_by_hand() -> None:
    p = torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]).log()
    q = torch.tensor([[0.25, 0.25, 0.5], [0.2, 0.3, 0.5]]).log()
    # ½ log 2 + 0 − ¼ log 2
    assert kl_divergences(p, q).tolist() == pytest.approx([0.25 * math.log(2), 0.0], abs=1e-7)
    # Logits are known up to a constant.
    assert kl_divergences(p + 100.0, q - 50.0).tolist() == pytest.approx([0.25 * math.log(2), 0.0], abs=1e-5)


def test_a_masked_token_costs_nothing_where_both_mask_it_and_much_where_one_does() -> None:
    p = torch.tensor([[0.0, 0.0, -math.inf]])
    assert kl_divergences(p, p).tolist() == [0.0]
    gone = kl_divergences(torch.zeros(1, 3), p).item()
    assert math.isfinite(gone)
    assert gone > 100


def test_an_adapted_policy_shares_the_bases_weights(tiny_ref: ModelRef, policy: ModelRef) -> None:
    resources = FakeResources(tiny_ref)
    lm = resources.causal_lm(tiny_ref)
    ids = torch.tensor([PROMPT])
    before = lm.model(ids).logits
    names = [name for name, _ in lm.model.named_parameters()]
    with policy_pair(resources, tiny_ref, policy) as pair:
        found = pair.divergence(PROMPT, RESPONSE)
        assert any("lora" in name for name, _ in lm.model.named_parameters())
    forward, backward = by_hand(tiny_ref, policy)
    assert np.abs(forward).min() > 0.01
    assert found.base_policy == pytest.approx(forward, abs=1e-5)
    assert found.policy_base == pytest.approx(backward, abs=1e-5)
    # Afterwards the base is what it was, bit for bit.
    assert torch.equal(lm.model(ids).logits, before)
    assert [name for name, _ in lm.model.named_parameters()] == names
    assert not lm.model.training
    assert not any(parameter.requires_grad for parameter in lm.model.parameters())
    assert resources.causal_lm(tiny_ref) is lm


def test_another_model_is_read_beside_the_base(tiny_ref: ModelRef, tmp_path: Path) -> None:
    other = tiny_ref_of(make_tiny_model(tmp_path / "other", seed=5))
    with policy_pair(FakeResources(tiny_ref), tiny_ref, other) as pair:
        found = pair.divergence(PROMPT, RESPONSE)
    forward, backward = by_hand(tiny_ref, other)
    assert found.base_policy == pytest.approx(forward, abs=1e-5)
    assert found.policy_base == pytest.approx(backward, abs=1e-5)


def test_slices_change_nothing(tiny_ref: ModelRef, policy: ModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    with policy_pair(FakeResources(tiny_ref), tiny_ref, policy) as pair:
        whole = pair.divergence(PROMPT, RESPONSE)
        vocabulary = len(load_causal_lm(tiny_ref).tokenizer)
        for positions in (1, 2):
            monkeypatch.setattr(policy_divergence, "_LOGITS", positions * vocabulary)
            sliced = pair.divergence(PROMPT, RESPONSE)
            assert sliced.base_policy == pytest.approx(whole.base_policy, abs=1e-5)
        assert len(pair.divergence(PROMPT, [7]).base_policy) == 1


def test_padding_beyond_the_vocabulary_is_no_token(tiny_ref: ModelRef, tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "padded")
    lm = load_causal_lm(tiny_ref_of(folder))
    lm.model.resize_token_embeddings(len(lm.tokenizer) + 5)
    lm.model.save_pretrained(folder)
    padded = tiny_ref_of(folder)
    with policy_pair(FakeResources(tiny_ref), tiny_ref, padded) as pair:
        found = pair.divergence(PROMPT, RESPONSE)
    assert found.base_policy == pytest.approx(np.zeros(len(RESPONSE)), abs=1e-5)
    assert found.policy_base == pytest.approx(np.zeros(len(RESPONSE)), abs=1e-5)


def test_the_base_has_not_moved_from_itself(tiny_ref: ModelRef) -> None:
    with policy_pair(FakeResources(tiny_ref), tiny_ref, tiny_ref) as pair:
        found = pair.divergence(PROMPT, RESPONSE)
        with pytest.raises(ValueError, match="at least one token"):
            pair.divergence(PROMPT, [])
    assert found.base_policy.tolist() == found.policy_base.tolist() == [0.0] * len(RESPONSE)


def test_what_samples_estimate_is_what_is_summed(tiny_ref: ModelRef, policy: ModelRef) -> None:
    """The mean of log p/q over draws from p is the same figure, with noise."""
    p, q = whole(tiny_ref, PROMPT)[-1], whole(policy, PROMPT)[-1]
    with policy_pair(FakeResources(tiny_ref), tiny_ref, policy) as pair:
        exact = pair.divergence(PROMPT, [9]).base_policy[0]
    generator = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(p.exp(), 20_000, replacement=True, generator=generator)
    ratios = (p - q)[drawn]
    error = (ratios.std() / math.sqrt(len(ratios))).item()
    assert abs(ratios.mean().item() - exact) < 4 * error
    assert exact > 10 * error


def test_two_tokenizers_have_no_divergence(tiny_ref: ModelRef, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = make_tiny_model(tmp_path / "other", seed=5)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["newword"])
    tokenizer.save_pretrained(folder)
    with (
        pytest.raises(UdasaError, match=r"tokenizers differ.*divergence = false"),
        policy_pair(FakeResources(tiny_ref), tiny_ref, tiny_ref_of(folder)),
    ):
        pass


def test_a_missing_adapter_says_what_to_do(tiny_ref: ModelRef, policy: ModelRef, tmp_path: Path) -> None:
    lost = replace(policy, adapters=(replace(policy.adapters[0], folder=str(tmp_path)),))
    with (
        pytest.raises(UdasaError, match=r"adapter_model\.safetensors.*run again"),
        policy_pair(FakeResources(tiny_ref), tiny_ref, lost),
    ):
        pass
