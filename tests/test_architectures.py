"""Whatever is measured or sampled of a model equals plain passes over whole sequences, or is refused.

One tiny random model a family, windows shorter than the sequences, prompts of different lengths side by side.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.architectures import MEASURED, REFUSED, SAMPLED, save_architecture
from udasa_core import CausalLM, SamplingOptions, UdasaError, cache_use, load_causal_lm
from udasa_core.models.prefill import Prefill
from udasa_core.models.prefix_reader import PrefixReader
from udasa_core.models.sampler import sample
from udasa_eval.choices.answer_likelihood import AnswerLikelihood
from udasa_eval.choices.answer_tokens import AnswerTokens
from udasa_eval.judges.answering import Answering
from udasa_eval.measures.policy_divergence import PolicyPair, Reading, kl_divergences
from udasa_plugin_openai.local import sample_locally

_QUICK = ("gemma2", "gpt2", "llama", "mamba", "olmoe", "roberta", "xlm-roberta")
_SAMPLING = SamplingOptions(responses=3, max_new_tokens=14, temperature=1.0)
# Nats in float32: rounding of sums over a few thousand tokens' worth of arithmetic stays below.
_APART = 5e-4


def _some(count: int, seed: int) -> list[int]:
    draw = random.Random(seed)
    return [draw.randrange(3, 290) for _ in range(count)]


_START = _some(20, 0)
_ALIKE = [_START + _some(count, count) for count in (3, 11, 1)]
_UNLIKE = [_some(2, 21), _some(14, 22)]


class Plain:
    """The oracle: a fresh, unpadded pass over each prefix, without a cache."""

    def __init__(self, lm: CausalLM) -> None:
        self.lm = lm
        self._known: dict[tuple[int, ...], torch.Tensor] = {}

    def next(self, prefix: Sequence[int]) -> torch.Tensor:
        """Return log-probabilities (V,) of what follows."""
        key = tuple(prefix)
        if key not in self._known:
            with torch.inference_mode():
                logits = self.lm.model(torch.tensor([list(key)]), use_cache=False).logits[0, -1]
            self._known[key] = logits.double().log_softmax(-1)
        return self._known[key]

    def logprobs(self, prompt: Sequence[int], response: Sequence[int]) -> list[float]:
        """Return the log-probability of each of a response's tokens."""
        return [float(self.next([*prompt, *response[:place]])[token]) for place, token in enumerate(response)]


def _apart(found: Sequence[float], expected: Sequence[float]) -> float:
    assert len(found) == len(expected)
    return max(abs(one - other) for one, other in zip(found, expected, strict=True))


def _statistics(lm: CausalLM, plain: Plain) -> float:
    prompts = [_ALIKE[0], _ALIKE[0], _UNLIKE[0], _ALIKE[1], _ALIKE[0]]
    responses = [_some(count, 30 + count) for count in (30, 3, 40, 12, 1)]
    found = lm.token_statistics(prompts, responses)
    return max(
        _apart(figures.logprobs, plain.logprobs(prompt, response))
        for prompt, response, figures in zip(prompts, responses, found, strict=True)
    )


def _prefixes(lm: CausalLM, plain: Plain) -> float:
    sequences = [(*_START, *_some(count, count)) for count in (1, 5, 6, 25)]
    sequences += [tuple(_some(count, 50 + count)) for count in (3, 4, 5, 6, 30)]
    found = PrefixReader(lm.model).read(sequences, lambda logits: logits.double().log_softmax(-1)[:, 7])
    return _apart(found, [float(plain.next(sequence)[7]) for sequence in sequences])


def _choices(lm: CausalLM, plain: Plain) -> float:
    answers = [
        AnswerTokens((*_START, *_some(before, before)), tuple(_some(count, count + 1)))
        for before in (3, 9)
        for count in (2, 12, 4)
    ]
    expected = [sum(plain.logprobs(answer.context, answer.answer)) for answer in answers]
    return _apart(AnswerLikelihood(lm.model).sums(answers, 90), expected)


def _divergence(lm: CausalLM, plain: Plain) -> float:
    def flatter(*args: Any, **kwargs: Any) -> Any:
        output = lm.model(*args, **kwargs)
        output.logits = output.logits * 0.5
        return output

    prompt, response = _ALIKE[0], _some(30, 60)
    found = PolicyPair(Reading(lm.model, lm.model), Reading(flatter, lm.model)).divergence(prompt, response)
    rows = torch.stack([plain.next([*prompt, *response[:place]]) for place in range(30)])
    return _apart(found.base_policy.tolist(), kl_divergences(rows, rows * 0.5).tolist())


def _answers(lm: CausalLM, plain: Plain) -> float:
    prompts = [*_UNLIKE, *_ALIKE]
    worst = 0.0
    for prompt, text in zip(prompts, Answering(0.0, 14).answers(lm, prompts, 0), strict=True):
        said: list[int] = []
        while len(said) < 14 and not lm.stop_ids & set(said):
            said.append(int(plain.next([*prompt, *said]).argmax()))
        worst = max(worst, float(lm.decode(said) != text))
    return worst


def _prefilled(lm: CausalLM, plain: Plain) -> float:
    prefill = Prefill(lm.model, _ALIKE)
    with torch.inference_mode():
        found = [float(prefill.read(prompt)[1][0].double().log_softmax(-1)[7]) for prompt in _ALIKE]
    return _apart(found, [float(plain.next(prompt)[7]) for prompt in _ALIKE])


def _sampled(lm: CausalLM, plain: Plain) -> float:
    prompts = [*_UNLIKE, *_ALIKE]
    groups = [
        group
        for some in (prompts, _ALIKE)
        for group in zip(some, sample(lm, some, _SAMPLING, 3, 2, lambda done: None), strict=True)
    ]
    return max(
        _apart(one.logprobs, plain.logprobs(prompt, one.token_ids)) for prompt, some in groups for one in some
    )


def _sampled_locally(lm: CausalLM, plain: Plain) -> float:
    return max(
        _apart(one.logprobs, plain.logprobs(prompt, one.token_ids))
        for prompt in (_ALIKE[0], _UNLIKE[0])
        for one in sample_locally(lm, prompt, _SAMPLING, 3, lm.stop_ids)
    )


Measurement = Callable[[CausalLM, Plain], float]
# Whatever reads given tokens is to work for every causal language model.
_READING: tuple[Measurement, ...] = (_statistics, _prefixes, _choices, _divergence)
_DRAWING: tuple[Measurement, ...] = (_answers, _prefilled, _sampled, _sampled_locally)


def _kinds(families: dict[str, dict[str, Any]]) -> list[Any]:
    return [
        pytest.param(kind, marks=() if kind in _QUICK else pytest.mark.slow, id=kind) for kind in families
    ]


@pytest.mark.parametrize("kind", _kinds(SAMPLED))
def test_all_figures_equal_plain_passes(kind: str, tmp_path: Path) -> None:
    lm = save_architecture(kind, tmp_path / "model")
    plain = Plain(lm)
    found = {measure.__name__: measure(lm, plain) for measure in (*_READING, *_DRAWING)}
    assert {name: apart for name, apart in found.items() if not apart < _APART} == {}


@pytest.mark.parametrize("kind", _kinds(MEASURED))
def test_given_tokens_are_read_as_in_plain_passes_and_what_cannot_be_sampled_is_refused(
    kind: str, tmp_path: Path
) -> None:
    lm = save_architecture(kind, tmp_path / "model")
    plain = Plain(lm)
    found = {measure.__name__: measure(lm, plain) for measure in _READING}
    for measure in _DRAWING:
        with suppress(UdasaError):
            found[measure.__name__] = measure(lm, plain)
    assert {name: apart for name, apart in found.items() if not apart < _APART} == {}
    with pytest.raises(UdasaError, match=f"cannot sample from a {lm.model.config.model_type} model"):
        _sampled(lm, plain)


@pytest.mark.parametrize("kind", _kinds(REFUSED))
def test_a_model_that_looks_ahead_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match="no causal language model"):
        _ = save_architecture(kind, tmp_path / "model").model


@pytest.mark.parametrize("kind", _kinds({**SAMPLED, **MEASURED}))
def test_rounding_to_sixteen_bits_is_taken_for_no_other_reading(kind: str, tmp_path: Path) -> None:
    lm = save_architecture(kind, tmp_path / "model")
    rounded = load_causal_lm(replace(lm.ref, dtype="bfloat16"))
    assert cache_use(rounded.model) == cache_use(lm.model)


def test_the_sweep_is_wide() -> None:
    names = [*SAMPLED, *MEASURED, *REFUSED]
    assert len(set(names)) == len(names) > 100
