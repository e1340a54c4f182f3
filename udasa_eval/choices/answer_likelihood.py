"""How likely a model finds given answers, whatever they share being read once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from udasa_core import branch_cache, keeps_every_position, last_logits, refuse_longer
from udasa_eval.choices.answer_tokens import AnswerTokens
from udasa_eval.choices.token_tree import TokenTree, packed, shared_start

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache, PreTrainedModel

# Told how many answers more are done.
Advance = Callable[[int], None]
# A tree's nodes at most: more make matrices no faster, and attention, quadratic in them, dearer.
_NODES = 384
# Logits at a time, at most (256 MiB in float32); a tree has fewer nodes where the vocabulary is large.
_LOGITS = 2**26
# Rows of logits whose logarithm of summed exponentials is taken together: what stays in a core's cache.
_ROWS = 16
# How far a token's log-probability in a tree may be from the same in its whole sequence, on average, in nats:
# rounding stays far below, a model that reads a tree wrongly far above.
_APART = {"float32": 0.01, "float64": 0.01}
_APART_16_BIT = 0.25


class AnswerLikelihood:
    """Summed log-probabilities of answers under a model's raw distribution (temperature 1), in nats.

    The beginning that all contexts share is read once for all; the rest as trees of tokens (see TokenTree),
    several contexts in a pass, with logits only at the places that an answer's token is foretold from. The
    sums equal those over whole sequences up to rounding; log-probabilities are taken in float32.

    That takes a cache that keeps every position, positions that are told the model, and attention that goes
    by a given mask. A model without one of these (with a sliding window, a recurrent state, fused attention),
    or whose first tree says something else than a whole sequence does, is given whole sequences, one a pass.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._shares = _shares(model)
        # How many tokens the model was given so far.
        self.read = 0

    def sums(
        self,
        answers: Sequence[AnswerTokens],
        length: int,
        advance: Advance = lambda count: None,
    ) -> list[float]:
        """Return each answer's summed log-probability, in order.

        length: the model's context; of a longer sequence the last tokens that fit are read. advance: told how
        many answers more are done. Raises UdasaError where an answer alone is longer, or `length` is more
        than the model's positions reach.
        """
        import torch

        refuse_longer(self._model, min(length, max((answer.read for answer in answers), default=0)))
        found = [0.0] * len(answers)
        fit = [number for number, sequence in enumerate(answers) if sequence.read <= length]
        alone = [number for number, sequence in enumerate(answers) if sequence.read > length]
        with torch.inference_mode():
            if fit and self._shares:
                alone += self._in_trees(answers, fit, found, advance)
            else:
                alone += fit
            for number in alone:
                found[number] = self._whole(answers[number].within(length))
                advance(1)
        return found

    def _in_trees(
        self,
        answers: Sequence[AnswerTokens],
        fit: Sequence[int],
        found: list[float],
        advance: Advance,
    ) -> list[int]:
        """Fill in `found` for those of `fit`; return those that are left, as trees do not suit the model."""
        some = [answers[number] for number in fit]
        start = shared_start(some)
        nodes = max(1, min(_NODES, _LOGITS // self._model.config.get_text_config().vocab_size))
        beginning = self._beginning(some[0].context[:start])
        for pack in packed(some, start, nodes):
            tree = TokenTree(start, [some[index] for index in pack])
            figures = tree.sums(self._tree(tree, beginning))
            # The last sequence of the first tree stands behind all the others.
            if pack[0] == 0 and not self._holds(some[pack[-1]], figures[-1]):
                return list(fit)
            for index, figure in zip(pack, figures, strict=True):
                found[fit[index]] = figure
            advance(len(pack))
        return []

    def _holds(self, sequence: AnswerTokens, figure: float) -> bool:
        """Whether an answer's figure from a tree is that of its whole sequence; remembers if it is not."""
        apart = _APART.get(str(self._model.dtype).removeprefix("torch."), _APART_16_BIT)
        self._shares = abs(figure - self._whole(sequence)) <= apart * len(sequence.answer)
        return self._shares

    def _beginning(self, tokens: Sequence[int]) -> DynamicCache:
        """Return the cache of what all sequences begin with, of one row."""
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._model.config)
        if tokens:
            self.read += len(tokens)
            ids = torch.tensor([tokens], device=self._model.device)
            last_logits(self._model, ids, past_key_values=cache, use_cache=True)
        return cache

    def _tree(self, tree: TokenTree, beginning: DynamicCache) -> list[float]:
        """Return the log-probability of each of a tree's steps; the beginning's cache stays as it is."""
        import torch

        device = self._model.device
        cache = branch_cache(beginning)
        sees = torch.ones(len(tree), tree.start + len(tree), dtype=torch.bool)
        sees[:, tree.start :] = torch.from_numpy(tree.sees())
        # Added to the attention's scores: every implementation that takes a mask takes one of numbers.
        mask = torch.zeros(sees.shape, dtype=self._model.dtype).masked_fill_(
            ~sees, torch.finfo(self._model.dtype).min
        )
        foretelling = sorted({node for node, _ in tree.steps})
        row_of = {node: row for row, node in enumerate(foretelling)}
        self.read += len(tree)
        logits = self._model(
            torch.tensor([tree.tokens], device=device),
            attention_mask=mask[None, None].to(device),
            position_ids=torch.tensor([tree.depths], device=device) + tree.start,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=torch.tensor(foretelling, device=device),
        ).logits[0]
        rows = torch.tensor([row_of[node] for node, _ in tree.steps], device=device)
        tokens = torch.tensor([token for _, token in tree.steps], device=device)
        figures: list[float] = _log_probabilities(logits, rows, tokens).tolist()
        return figures

    def _whole(self, sequence: AnswerTokens) -> float:
        """Return an answer's figure by a pass over its whole sequence."""
        import torch

        count = len(sequence.answer)
        self.read += sequence.read
        ids = torch.tensor([(*sequence.context, *sequence.answer)], device=self._model.device)
        last = torch.arange(-count, 0, device=ids.device)
        keep = {"logits_to_keep": last} if "logits_to_keep" in _arguments(self._model) else {}
        logits = self._model(ids[:, :-1], use_cache=False, **keep).logits[0, -count:]
        rows = torch.arange(count, device=logits.device)
        return float(_log_probabilities(logits, rows, ids[0, -count:]).double().sum())


def _log_probabilities(logits: Tensor, rows: Tensor, tokens: Tensor) -> Tensor:
    """Return (n,) float32 log-probabilities of tokens (n,), each after one of the rows (n,) of the logits."""
    import torch

    sums = torch.cat([some.float().logsumexp(dim=-1) for some in torch.split(logits, _ROWS)])
    return logits[rows, tokens].float() - sums[rows]


def _shares(model: PreTrainedModel) -> bool:
    """Whether a model can read a tree on top of a cache, as far as can be seen without trying."""
    config = model.config.get_text_config()
    return (
        keeps_every_position(model)
        and {"position_ids", "past_key_values", "logits_to_keep"} <= _arguments(model)
        and config._attn_implementation in ("sdpa", "eager")
        # Biases by distance, which a model makes itself, from a mask of whole rows.
        and not getattr(config, "alibi", False)
    )


def _arguments(model: PreTrainedModel) -> set[str]:
    return set(inspect.signature(model.forward).parameters)
