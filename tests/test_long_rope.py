"""Rope that depends on the sequence's length: equal to fresh passes over each prefix, or refused, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.architectures import save_architecture
from tests.plugins.preferences import train, write_pairs
from udasa_core import (
    CausalLM,
    Message,
    Pair,
    Prompt,
    RenderingOptions,
    Response,
    SamplingOptions,
    UdasaError,
    measured_group,
)
from udasa_core.models.prefill import Prefill
from udasa_core.models.prefix_reader import PrefixReader
from udasa_core.models.sampler import sample
from udasa_core.resources.padded_model import text_positions
from udasa_eval.choices.answer_likelihood import AnswerLikelihood
from udasa_eval.choices.answer_tokens import AnswerTokens
from udasa_eval.judges.answering import Answering
from udasa_eval.measures.policy_divergence import PolicyPair, Reading
from udasa_plugin_openai.local import sample_locally
from udasa_plugin_preference.dpo import DPO

# Both change beyond 32 tokens.
_LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "original_max_position_embeddings": 32,
    "short_factor": [1.0] * 4,
    "long_factor": [8.0] * 4,
}
_DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}
_SHORT, _LONG = list(range(40, 50)), list(range(100, 140))
_BUDGET = SamplingOptions(responses=2, max_new_tokens=12, temperature=1.0)


@pytest.fixture(params=["longrope", "dynamic"])
def lm(request: pytest.FixtureRequest, tmp_path: Path) -> CausalLM:
    if request.param == "longrope":
        return save_architecture(
            "phi3",
            tmp_path / "model",
            rope_parameters=_LONGROPE,
            original_max_position_embeddings=32,
            max_position_embeddings=128,
            sliding_window=None,
        )
    return save_architecture(
        "llama", tmp_path / "model", rope_parameters=_DYNAMIC, max_position_embeddings=32
    )


def fresh(lm: CausalLM, prompt: list[int], response: list[int]) -> list[float]:
    """Return the log-probabilities of a response by a pass over each prefix."""
    found = []
    with torch.inference_mode():
        for place, token in enumerate(response):
            # One token first: what a dynamic rope remembers of longer sequences is gone then.
            lm.model(torch.tensor([[5]]))
            logits = lm.model(torch.tensor([[*prompt, *response[:place]]])).logits[0, -1]
            found.append(float(logits.log_softmax(-1)[token]))
    return found


def test_the_rope_does_change_there(lm: CausalLM) -> None:
    """What is refused would be wrong: read on top of a cache, the tokens beyond are others by nats."""
    from transformers import DynamicCache

    cache = DynamicCache(config=lm.model.config)
    with torch.inference_mode():
        lm.model(torch.tensor([_LONG[:32]]), past_key_values=cache, use_cache=True)
        read = lm.model(torch.tensor([_LONG[32:36]]), past_key_values=cache, use_cache=True).logits[0, -1]
        whole = lm.model(torch.tensor([_LONG[:36]])).logits[0, -1]
    assert float((read.log_softmax(-1) - whole.log_softmax(-1)).abs().max()) > 0.1


def test_up_to_there_everything_equals_fresh_passes(lm: CausalLM) -> None:
    response = list(range(60, 82))
    (figures,) = lm.token_statistics([_SHORT], [response])
    assert figures.logprobs == pytest.approx(fresh(lm, _SHORT, response), abs=5e-4)
    for one in sample(lm, [_SHORT, _LONG[:20]], _BUDGET, 3, 2, lambda done: None)[0]:
        assert one.logprobs == pytest.approx(fresh(lm, _SHORT, list(one.token_ids)), abs=5e-4)


def test_a_long_neighbour_never_changes_a_short_prompts_text(lm: CausalLM) -> None:
    alone = [one.token_ids for one in sample(lm, [_SHORT], _BUDGET, 3, 2, lambda done: None)[0]]
    answer = Answering(0.0, 12).answers(lm, [_SHORT], 0)
    with torch.inference_mode():
        lm.model(torch.tensor([_LONG]))
    neighbour = _LONG[:20]
    beside = sample(lm, [_SHORT, neighbour], _BUDGET, 3, 2, lambda done: None)
    assert [one.token_ids for one in beside[0]] == alone
    assert Answering(0.0, 12).answers(lm, [_SHORT, neighbour], 0)[:1] == answer
    for draw in (
        lambda: sample(lm, [_SHORT, _LONG], _BUDGET, 3, 2, lambda done: None),
        lambda: Answering(0.0, 12).answers(lm, [_SHORT, _LONG], 0),
    ):
        with pytest.raises(UdasaError, match="rope"):
            draw()


_BEYOND: dict[str, Callable[[CausalLM], Any]] = {
    "statistics": lambda lm: lm.token_statistics([_SHORT], [_LONG[:23]]),
    "prefix reader": lambda lm: PrefixReader(lm.model).read(
        [tuple(_SHORT), tuple(_LONG)], lambda logits: logits[:, 7]
    ),
    "prefill": lambda lm: Prefill(lm.model, [_SHORT, _LONG]),
    "divergence": lambda lm: PolicyPair(Reading(lm.model, lm.model), Reading(lm.model, lm.model)).divergence(
        _SHORT, _LONG
    ),
    "sampled locally": lambda lm: sample_locally(lm, _LONG[:21], _BUDGET, 0, lm.stop_ids),
    "choices": lambda lm: AnswerLikelihood(lm.model).sums([AnswerTokens(tuple(_LONG), (7, 8))], 128),
    "measured group": lambda lm: measured_group(
        lm, Prompt("p", (Message("user", "hi"),)), _LONG, ["yes", "no"], 2
    ),
}


@pytest.mark.parametrize("how", _BEYOND)
def test_beyond_it_is_refused_and_the_rope_is_named(how: str, lm: CausalLM) -> None:
    with pytest.raises(UdasaError, match=r"rope \((longrope|dynamic)\) changes"):
        _BEYOND[how](lm)


def test_the_generators_reason_names_the_rope_and_what_to_do(lm: CausalLM) -> None:
    prompt = Prompt("p", (Message("user", "what is the sun made of? " * 4),))
    (reason,) = RenderingOptions().refusals(lm, [prompt], SamplingOptions(max_new_tokens=8))
    assert "do not fit in the model's context of 32, where its rope" in reason
    assert "rope_type" in reason
    assert "Shorten" in reason


def test_training_takes_pairs_up_to_there_and_no_longer_maximum(lm: CausalLM, tmp_path: Path) -> None:
    answers = [
        Response(f"{count}", tuple(_LONG[:count]), (0.0,) * count, (0.0,) * count, (0.0,) * count, "stop")
        for count in (22, 23, 5)
    ]
    asked = Prompt("p", (Message("user", "hi"),))
    pairs = write_pairs(
        tmp_path / "pairs.parquet",
        [
            Pair(asked, tuple(_SHORT), answers[2], rejected, 0.5, 0.2, 0.7, "made up")
            for rejected in answers[:2]
        ],
    )
    report = train(DPO, pairs, lm.ref, tmp_path / "out")
    assert report.pairs == 1
    with pytest.raises(UdasaError, match="rope"):
        train(DPO, pairs, lm.ref, tmp_path / "other", max_length=33)


def test_a_long_text_changes_no_short_ones_classes(tmp_path: Path) -> None:
    from transformers import Phi3Config, Phi3ForSequenceClassification

    config = Phi3Config(
        vocab_size=302,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=4,
        pad_token_id=0,
        rope_parameters=_LONGROPE,
        original_max_position_embeddings=32,
        max_position_embeddings=128,
    )
    assert text_positions(Phi3ForSequenceClassification(config)) == 32


def test_another_models_context_has_no_reason(tmp_path: Path) -> None:
    assert save_architecture("llama", tmp_path / "model").context_end == "96"


def test_learned_positions_end_with_a_named_error(tmp_path: Path) -> None:
    lm = save_architecture("opt", tmp_path / "model")
    (figures,) = lm.token_statistics([_SHORT], [[7] * 86])
    assert len(figures.logprobs) == 86
    with pytest.raises(UdasaError, match="learned positions for 96 tokens"):
        lm.token_statistics([_SHORT], [[7] * 87])
