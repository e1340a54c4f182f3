"""How far a policy has moved from the base: KL divergences of their next-token distributions, exactly.

One model is in memory where the policy is the base with adapters: they are switched on and off. Any other
policy is loaded beside the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from udasa_core import ModelRef, Resources, UdasaError, cache_use, load_causal_lm, refuse_longer

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from torch import Tensor

# Logits in a slice of one model, at most (16 MiB in float32).
_LOGITS = 2**22
# A token masked out by the model has logit -inf; exp(-1e4) is 0 all the same, and 0 · -1e4 is no NaN.
_MASKED = -1e4


@dataclass(frozen=True, slots=True)
class Divergence:
    """KL in nats at each of a response's T positions, the token that ends the turn included; each at least 0.

    base_policy: KL(base ‖ policy), what the base would have said and the policy no longer does: forgetting.
    policy_base: KL(policy ‖ base), what the policy says and the base would not: drift.
    """

    base_policy: NDArray[float64]
    policy_base: NDArray[float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """A policy as it is read: `forward` takes the arguments of `model`, whose weights it uses."""

    forward: Callable[..., Any]
    model: Any


@dataclass(frozen=True, slots=True)
class PolicyPair:
    """Two policies over one vocabulary, ready to be read side by side."""

    base: Reading
    policy: Reading

    def divergence(self, prompt: Sequence[int], response: Sequence[int]) -> Divergence:
        """Return the divergences at each token of a response after its prompt, by one pass of either model.

        At each position the whole distributions are compared, nothing is sampled or cut off. Memory: two
        slices of logits of at most 16 MiB each, their float32 copies, and both caches. Raises ValueError for
        an empty sequence, UdasaError for one that is longer than a model's positions reach. A model that
        cannot go on from a cache gives its logits at once.
        """
        import numpy as np
        import torch

        if not prompt or not response:
            raise ValueError("a prompt and a response have at least one token each")
        for reading in (self.base, self.policy):
            refuse_longer(reading.model, len(prompt) + len(response))
        widths = [reading.model.config.get_text_config().vocab_size for reading in (self.base, self.policy)]
        forward: list[NDArray[float64]] = []
        backward: list[NDArray[float64]] = []
        with torch.inference_mode():
            base, policy = (
                _slices(reading, prompt, response, max(1, _LOGITS // max(widths)))
                for reading in (self.base, self.policy)
            )
            for base_logits, policy_logits in zip(base, policy, strict=True):
                # What one model has beyond the other's vocabulary is padding: no token stands for it.
                p, q = base_logits[:, : min(widths)], policy_logits[:, : min(widths)].to(base_logits.device)
                forward.append(kl_divergences(p, q).double().cpu().numpy())
                backward.append(kl_divergences(q, p).double().cpu().numpy())
        return Divergence(np.concatenate(forward), np.concatenate(backward))


def kl_divergences(logits: Tensor, other: Tensor) -> Tensor:
    """Return KL(p ‖ q) in nats, (N,) float32 ≥ 0, of p = softmax(logits) and q = softmax(other), (N, V) each.

    A value below 0 is rounding, and 0. Where q gives nothing to what p expects the value is large and finite.
    """
    p, q = _log_probabilities(logits), _log_probabilities(other)
    divergences: Tensor = (p.exp() * (p - q)).sum(dim=-1).clamp_(min=0.0)
    return divergences


@contextmanager
def policy_pair(resources: Resources, base: ModelRef, policy: ModelRef) -> Iterator[PolicyPair]:
    """Hold both policies ready while the context lasts. Raises UdasaError where their vocabularies differ.

    base: without adapters where the policy is to share its weights.
    """
    if not base.adapters and policy.adapters and replace(policy, adapters=()) == base:
        lm = resources.causal_lm(base)
        with lm.adapted(policy.adapters) as model:

            def unadapted(*args: Any, **kwargs: Any) -> Any:
                with model.disable_adapter():
                    return model(*args, **kwargs)

            yield PolicyPair(Reading(unadapted, lm.model), Reading(model, lm.model))
        return
    lm = resources.causal_lm(base)
    other = lm if policy == base else load_causal_lm(policy, resources.progress)
    if lm.tokenizer.get_vocab() != other.tokenizer.get_vocab():
        raise UdasaError(
            f"KL between {base.source} and {policy.source} cannot be measured: their tokenizers differ. "
            "Write divergence = false, or measure against the model that this one was trained from"
        )
    yield PolicyPair(*(Reading(loaded.model, loaded.model) for loaded in (lm, other)))


def _slices(
    reading: Reading, prompt: Sequence[int], response: Sequence[int], positions: int
) -> Iterator[Tensor]:
    """Yield the logits that precede each of the response's tokens, (n, V) with n ≤ `positions`, in order."""
    import torch
    from transformers import DynamicCache

    ids = torch.tensor([[*prompt, *response[:-1]]], device=reading.model.device)
    if not cache_use(reading.model).goes_on:
        yield from reading.forward(ids, use_cache=False).logits[0, len(prompt) - 1 :].split(positions)
        return
    cache = DynamicCache(config=reading.model.config)
    # The prompt's last token precedes the first one.
    start, first = 0, len(prompt) - 1
    while start < ids.shape[1]:
        stop = min(max(start, first) + positions, ids.shape[1])
        read = reading.forward(
            ids[:, start:stop],
            past_key_values=cache,
            use_cache=True,
            # By index: of a slice, the output matrix would be copied (see `udasa_core.last_logits`).
            logits_to_keep=torch.arange(max(start, first) - start, stop - start, device=ids.device),
        )
        # Some models keep the logits of every position.
        yield read.logits[0, max(start, first) - stop :]
        start = stop


def _log_probabilities(logits: Tensor) -> Tensor:
    logits = logits.float()
    below = (logits - logits.amax(dim=-1, keepdim=True)).clamp_(min=_MASKED)
    return below.log_softmax(dim=-1)
