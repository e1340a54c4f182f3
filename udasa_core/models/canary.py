"""A text by which a policy is known again where something else serves it: an adapter that is not applied, or
another one, gives samples that look like samples."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from udasa_core.errors import UdasaError
from udasa_core.models.causal_lm import CausalLM, load_causal_lm
from udasa_core.models.token_statistics import forced_statistics
from udasa_core.records import Message, ModelRef

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What is asked, a text for each row; the next row where a text shows too little of an adapter.
_QUESTIONS = (
    (
        "Tell me about the sea.",
        "Why is the sky blue?",
        "What should I do on a rainy day?",
        "Name three animals and say where they live.",
    ),
    (
        "Write a short letter to a friend.",
        "How does bread rise?",
        "Is it right to lie?",
        "What is a good way to learn a language?",
    ),
)
# Tokens of an answer.
_LENGTH = 40
# How many times the tolerance an adapter's effect has to be.
_TIMES = 5.0
# Nats a token that rounding alone may make: in float32, and elsewhere.
_ROUNDING = 1e-3
_COARSE = 5e-3
# By how much the share of an adapter's effect that is found may differ from all of it.
_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Canary:
    """What a policy says here of some answers, which it wrote itself, to fixed questions.

    ids: each question with its answer, in tokens. starts: where the answers begin. logprobs: of the answers'
    tokens under the policy, in nats; bare: the same under the weights without its adapters, None where it
    has none. tolerance: by how many nats the two sides may differ: on any token where is_exact (float32),
    on the mean of all tokens elsewhere, where 16 or 4 bits round.
    """

    ids: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]
    logprobs: tuple[tuple[float, ...], ...]
    bare: tuple[tuple[float, ...], ...] | None
    tolerance: float
    is_exact: bool

    @property
    def effect(self) -> float:
        """What the adapters change of these answers, measured as the tolerance is; 0 without adapters."""
        return 0.0 if self.bare is None else self._distance(_joined(self.logprobs), _joined(self.bare))

    def fault(self, there: Sequence[Sequence[float]]) -> str:
        """Say how what another side says of the same texts differs, "" where it is the policy that says it.

        there: of each text the log-probability of every token but the first, in nats.
        """
        if list(map(len, there)) != [len(text) - 1 for text in self.ids]:
            return "it does not give one log-probability for each token of a text"
        found = _joined([row[start - 1 :] for row, start in zip(there, self.starts, strict=True)])
        if not all(map(math.isfinite, found)):
            return "it gives log-probabilities that are not finite"
        here = _joined(self.logprobs)
        distance = self._distance(found, here)
        what = "on a token" if self.is_exact else "a token"
        told = f"a text's log-probability differs by {distance:.3g} nats {what} from what it is here"
        if self.bare is None:
            return f"{told}; {self.tolerance:.3g} is allowed" if distance > self.tolerance else ""
        share = _share(found, here, _joined(self.bare))
        applied = f"{share:.0%} of what the adapter changes is found there"
        if distance > self.tolerance:
            return f"{told}, where the adapter changes {self.effect:.3g} and {self.tolerance:.3g} is allowed; {applied}"
        return "" if abs(share - 1.0) <= _SHARE else f"{applied}, and it should be all of it"

    def _distance(self, one: Sequence[float], other: Sequence[float]) -> float:
        apart = [abs(a - b) for a, b in zip(one, other, strict=True)]
        return max(apart) if self.is_exact else math.fsum(apart) / len(apart)


def make_canary(policy: ModelRef, tolerance: float) -> Canary:
    """Return a canary of a policy, read here once: adapters beside its weights, which are forgotten again.

    tolerance: nats a token, as `Canary.tolerance`. It is lowered to a fifth of what the adapters change of
    the text, where that is less. Raises UdasaError where they change no text by more than rounding does.
    """
    lm = load_causal_lm(replace(policy, adapters=()))
    is_exact = policy.dtype == "float32" and policy.quantization == "none"
    rounding = _ROUNDING if is_exact else _COARSE
    found = []
    for questions in _QUESTIONS:
        canary = _canary(lm, policy, questions, tolerance, is_exact)
        if not policy.adapters or canary.effect > _TIMES * tolerance:
            return canary
        found.append(canary)
    strongest = max(found, key=lambda canary: canary.effect)
    if strongest.effect <= _TIMES * rounding:
        raise UdasaError(
            f"the adapter of {policy.source} changes no text's log-probability by more than "
            f"{strongest.effect:.2g} nats a token, which rounding may do: whether another program applies it "
            'cannot be told. Train on, sample by use = "transformers", or compute in float32'
        )
    # In 16 bits two programs round further apart than a fifth of a light adapter's effect: its share tells.
    return replace(strongest, tolerance=min(tolerance, strongest.effect / _TIMES)) if is_exact else strongest


def _canary(
    lm: CausalLM, policy: ModelRef, questions: Sequence[str], tolerance: float, is_exact: bool
) -> Canary:
    prompts = [_rendered(lm, question) for question in questions]
    bare = None
    if policy.adapters:
        with lm.adapted(policy.adapters) as adapted:
            model = adapted.get_base_model()
            answers = [_answer(model, prompt, lm.stop_ids) for prompt in prompts]
            logprobs = _figures(model, prompts, answers)
        bare = _figures(lm.model, prompts, answers)
    else:
        answers = [_answer(lm.model, prompt, lm.stop_ids) for prompt in prompts]
        logprobs = _figures(lm.model, prompts, answers)
    texts = tuple((*prompt, *answer) for prompt, answer in zip(prompts, answers, strict=True))
    return Canary(texts, tuple(map(len, prompts)), logprobs, bare, tolerance, is_exact)


def _rendered(lm: CausalLM, question: str) -> list[int]:
    messages = [Message("user", question)]
    if lm.tokenizer.chat_template:
        with contextlib.suppress(ValueError):
            return lm.render(messages)
    return lm.render(messages, "plain")


def _answer(model: PreTrainedModel, prompt: Sequence[int], stops: Collection[int]) -> list[int]:
    """Return what the model answers greedily: tokens that it is sure of, which round least."""
    import torch
    from transformers import GenerationConfig

    stop = sorted(stops)
    ids = torch.tensor([list(prompt)], device=model.device)
    greedily = GenerationConfig(
        do_sample=False, max_new_tokens=_LENGTH, eos_token_id=stop or None, pad_token_id=stop[0] if stop else None
    )
    with torch.inference_mode():
        whole = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=greedily)
    return [int(token) for token in whole[0, len(prompt) :].tolist()]


def _figures(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
) -> tuple[tuple[float, ...], ...]:
    return tuple(one.logprobs for one in forced_statistics(model, prompts, answers, 1.0, 1.0, 0))


def _share(found: Sequence[float], here: Sequence[float], bare: Sequence[float]) -> float:
    """Return how much of what adapters change is found, as a slope: 1 all of it, 0 none."""
    whole = math.fsum((a - b) ** 2 for a, b in zip(here, bare, strict=True))
    part = math.fsum((f - b) * (a - b) for f, a, b in zip(found, here, bare, strict=True))
    return part / whole if whole else 0.0


def _joined(rows: Sequence[Sequence[float]]) -> list[float]:
    return [value for row in rows for value in row]
