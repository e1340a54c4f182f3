"""The distribution of the next token: drawing from it, and what a drawn or given token was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# A token masked out by the model has logit -inf; exp(-1e4) is 0 all the same, and 0 · -1e4 is no NaN.
_MASKED = -1e4


class NextTokens:
    """N next-token distributions over a vocabulary of V, from logits (N, V).

    Two distributions are kept apart. The raw one is softmax(logits). The sampling one divides the logits by
    the temperature (> 0), keeps the top_k likeliest tokens (0: all), then the fewest of those that hold top_p
    of their mass (1: all), and normalises. Tokens that tie with the last one kept are kept too.

    All arithmetic is float32 whatever the model's dtype. Float32 logits are overwritten; beside them one
    more (N, V) buffer is held (and a sorted one for a moment where top_k or top_p filters).

    entropies: (N,) entropies of the raw distribution, in nats, at least 0.
    """

    def __init__(self, logits: Tensor, temperature: float, top_p: float, top_k: int) -> None:
        import torch

        self._temperature = temperature
        logits = logits.float()
        # log p(v) = below(v) − log Σ exp(below) with below ≤ 0: the usual shift by the row's maximum.
        self._below = logits.sub_(logits.amax(dim=-1, keepdim=True)).clamp_(min=_MASKED)
        weights = self._below.exp()
        total = weights.sum(dim=-1, keepdim=True)
        self._log_total = total.log()
        # H = log Σ w − Σ w·below / Σ w, as one dot product a row: no third (N, V) buffer.
        mean = torch.einsum("nv,nv->n", weights, self._below)[:, None] / total
        self.entropies = (self._log_total - mean).clamp_(min=0.0).squeeze(-1)

        if temperature != 1.0:
            torch.mul(self._below, 1.0 / temperature, out=weights).exp_()
        self._floor = self._least_kept(top_p, top_k) if top_k > 0 or top_p < 1.0 else None
        if self._floor is not None:
            weights.masked_fill_(self._below < self._floor, 0.0)
        self._cumulative = weights.cumsum_(dim=-1)

    def _least_kept(self, top_p: float, top_k: int) -> Tensor:
        size = self._below.shape[-1]
        ordered = self._below.topk(min(top_k, size) if top_k > 0 else size, dim=-1).values
        if top_p >= 1.0:
            return ordered[:, -1:]
        weights = (ordered / self._temperature).exp()
        cumulative = weights.cumsum(dim=-1)
        # A token is kept while the likelier ones hold less than top_p; the likeliest always is.
        kept = cumulative - weights < top_p * cumulative[:, -1:]
        return ordered.gather(-1, kept.sum(dim=-1, keepdim=True).clamp(min=1) - 1)

    def draw(self, uniforms: Tensor) -> Tensor:
        """Return (N, m) tokens by inverse transform of uniforms (N, m) in [0, 1), float32."""
        import torch

        total = self._cumulative[:, -1:]
        # u · total may round up to total, which no cumulative weight exceeds.
        largest = torch.nextafter(total, torch.zeros_like(total))
        return torch.searchsorted(self._cumulative, torch.minimum(uniforms * total, largest), right=True)

    def logprobs(self, tokens: Tensor) -> Tensor:
        """Return the raw log-probabilities of tokens (N, m), in nats, at most 0."""
        return (self._below.gather(-1, tokens) - self._log_total).clamp_(max=0.0)

    def sampling_logprobs(self, tokens: Tensor) -> Tensor:
        """Return the sampling log-probabilities of tokens (N, m); -inf for a token that is not kept."""
        below = self._below.gather(-1, tokens)
        logprobs = (below / self._temperature - self._cumulative[:, -1:].log()).clamp_(max=0.0)
        if self._floor is None:
            return logprobs
        return logprobs.masked_fill_(below < self._floor, float("-inf"))
