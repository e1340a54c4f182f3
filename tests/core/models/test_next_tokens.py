"""The next-token distributions against float64 arithmetic written out."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from udasa_core.models.next_tokens import NextTokens

# Probabilities .5, .25, .125, .125: entropies and logarithms by hand.
DYADIC = [math.log(p) for p in (0.5, 0.25, 0.125, 0.125)]


def made(rows: list[list[float]], temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0) -> NextTokens:
    return NextTokens(torch.tensor(rows), temperature, top_p, top_k)


def probabilities(distributions: NextTokens, size: int) -> list[float]:
    return distributions.sampling_logprobs(torch.arange(size)[None])[0].exp().tolist()


def test_the_raw_figures_by_hand() -> None:
    distributions = made([DYADIC])
    assert distributions.entropies.tolist() == pytest.approx([1.75 * math.log(2)])
    assert distributions.logprobs(torch.tensor([[0, 2]]))[0].tolist() == pytest.approx([DYADIC[0], DYADIC[2]])


def test_temperature_and_filters_leave_the_raw_figures_alone() -> None:
    plain, filtered = made([DYADIC]), made([DYADIC], 0.5, 0.6, 2)
    tokens = torch.tensor([[0, 1, 2, 3]])
    assert torch.equal(plain.logprobs(tokens), filtered.logprobs(tokens))
    assert torch.equal(plain.entropies, filtered.entropies)


def test_a_temperature_of_a_half_squares_the_probabilities() -> None:
    # .25, .0625, .015625 twice, over their sum .34375
    expected = [p / 0.34375 for p in (0.25, 0.0625, 0.015625, 0.015625)]
    assert probabilities(made([DYADIC], temperature=0.5), 4) == pytest.approx(expected)


def test_top_k_keeps_the_likeliest_and_their_ties() -> None:
    assert probabilities(made([DYADIC], top_k=2), 4) == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert probabilities(made([DYADIC], top_k=3), 4) == pytest.approx([0.5, 0.25, 0.125, 0.125])


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (0.4, [1, 0, 0, 0]),
        (0.6, [2 / 3, 1 / 3, 0, 0]),
        (0.8, [0.5, 0.25, 0.125, 0.125]),
        (1e-9, [1, 0, 0, 0]),
    ],
)
def test_top_p_keeps_the_fewest_that_hold_it(top_p: float, expected: list[float]) -> None:
    assert probabilities(made([DYADIC], top_p=top_p), 4) == pytest.approx(expected)


def test_top_p_goes_by_what_top_k_left() -> None:
    # Of .5 and .25 the first holds 2/3, so .6 is reached by it alone.
    assert probabilities(made([DYADIC], top_p=0.6, top_k=2), 4) == pytest.approx([1, 0, 0, 0])


def test_an_excluded_token_has_sampling_logprob_minus_infinity() -> None:
    assert made([DYADIC], top_k=1).sampling_logprobs(torch.tensor([[1]])).item() == -math.inf


def test_masked_and_huge_logits_give_no_nan() -> None:
    distributions = made([[-math.inf, 3e38, -math.inf]])
    assert distributions.entropies.tolist() == [0.0]
    assert distributions.draw(torch.tensor([[0.0, 0.5, 1 - 2**-24]])).tolist() == [[1, 1, 1]]


def test_draws_invert_the_cumulative_distribution() -> None:
    uniforms = torch.tensor([[0.0, 0.49, 0.51, 0.74, 0.76, 0.87, 0.88, 1 - 2**-24]])
    assert made([DYADIC]).draw(uniforms).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]]


def test_drawn_frequencies_match_the_filtered_distribution() -> None:
    uniforms = torch.rand(1, 40_000, generator=torch.Generator().manual_seed(3))
    counts = torch.bincount(made([DYADIC], temperature=2.0, top_k=2).draw(uniforms)[0], minlength=4)
    # √.5 : √.25 after the temperature
    expected = math.sqrt(0.5) / (math.sqrt(0.5) + 0.5)
    assert counts[2:].tolist() == [0, 0]
    assert counts[0].item() / 40_000 == pytest.approx(expected, abs=0.01)


def test_bfloat16_logits_are_measured_in_float32() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.bfloat16)
    distributions = NextTokens(logits, 1.0, 1.0, 0)
    assert distributions.entropies.dtype == torch.float32
    assert logits.tolist() == [[1.0, 2.0, 3.0]]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(2, 40),
    st.floats(0.1, 3.0),
    st.floats(0.05, 1.0),
    st.integers(0, 45),
    st.integers(0, 2**31),
)
def test_a_drawn_token_is_never_an_excluded_one(
    rows: int, size: int, temperature: float, top_p: float, top_k: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    distributions = NextTokens(4 * torch.randn(rows, size, generator=generator), temperature, top_p, top_k)
    tokens = distributions.draw(torch.rand(rows, 8, generator=generator))
    assert torch.isfinite(distributions.sampling_logprobs(tokens)).all()
    every = distributions.sampling_logprobs(torch.arange(size).expand(rows, size))
    assert torch.allclose(every.exp().sum(dim=1), torch.ones(rows), atol=1e-5)
