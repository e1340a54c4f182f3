"""Reading many token sequences that begin alike, each shared beginning once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from udasa_core.models.kv_cache import WORTH_SHARING, branch_cache, keeps_every_position
from udasa_core.models.last_logits import last_logits
from udasa_core.models.positions import refuse_longer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache, PreTrainedModel

Tokens = tuple[int, ...]

# A batch's tokens at most, those in the cache included: what bounds memory.
_BATCH_TOKENS = 4096
# A batch ends where a segment is shorter than this share of its longest: padding costs as much as reading.
_SIMILAR = 0.7


@dataclass(frozen=True, slots=True)
class _Node:
    """Tokens that all sequences of one branch go on with; `ends` numbers the sequence where it ends here."""

    segment: Tokens
    children: tuple[_Node, ...] = ()
    ends: int = -1


@dataclass(frozen=True, slots=True)
class _Context:
    """What has been read: a cache of R rows, and mask (R, width): 1 for a token, 0 for padding."""

    cache: DynamicCache
    mask: Tensor

    def row(self, row: int, copies: int) -> _Context:
        """Return `copies` copies of one row; this context stays as it is."""
        cache = branch_cache(self.cache)
        cache.batch_select_indices(self.mask.new_full((copies,), row))
        return _Context(cache, self.mask[row : row + 1].expand(copies, -1))


class PrefixReader:
    """The next token's logits after each of many sequences, shared beginnings being read once.

    The sequences form a radix tree, as in RadixAttention (Zheng et al. 2023, arXiv 2312.07104), which is
    walked depth first: each branch's tokens are read on top of the cache of what they follow. The logits
    equal those of a whole pass over each sequence up to rounding.

    Padding lies between the segments of a row, masked, with positions counted over real tokens. Only a cache
    that keeps every position bears that: a model with another kind (a sliding window, a recurrent state) is
    given one whole sequence at a time.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._shares = keeps_every_position(model)

    def read(self, sequences: Sequence[Tokens], reduce: Callable[[Tensor], Tensor]) -> list[float]:
        """Return one figure a sequence, in order: `reduce` maps logits (R, vocabulary) to figures (R,).

        Equal sequences are read once. No sequence may be empty. Raises UdasaError where one is longer than
        the model's positions reach (see `refuse_longer`).
        """
        import torch
        from transformers import DynamicCache

        if not sequences:
            return []
        refuse_longer(self._model, max(map(len, sequences)))
        distinct = sorted(set(sequences))
        figures: dict[Tokens, float] = {}
        with torch.inference_mode():
            if self._shares:
                start = _Context(
                    DynamicCache(config=self._model.config),
                    torch.zeros((1, 0), dtype=torch.long, device=self._model.device),
                )
                for number, figure in self._walk(
                    start, 0, _branches(distinct, range(len(distinct)), 0), reduce
                ):
                    figures[distinct[number]] = figure
            else:
                for sequence in distinct:
                    ids = torch.tensor([sequence], device=self._model.device)
                    figures[sequence] = float(reduce(last_logits(self._model, ids, use_cache=False)))
        return [figures[sequence] for sequence in sequences]

    def _walk(
        self, context: _Context, row: int, nodes: Sequence[_Node], reduce: Callable[[Tensor], Tensor]
    ) -> Iterator[tuple[int, float]]:
        """Read `nodes`, which all follow one row of `context`; yield each sequence's number and figure."""
        for batch in _batches(nodes, context.mask.shape[1]):
            read, logits = self._feed(context.row(row, len(batch)), [node.segment for node in batch])
            figures = reduce(logits).tolist()
            for index, node in enumerate(batch):
                if node.children:
                    yield from self._walk(read, index, node.children, reduce)
                else:
                    yield node.ends, figures[index]

    def _feed(self, context: _Context, segments: Sequence[Tokens]) -> tuple[_Context, Tensor]:
        """Read one segment a row on top of `context`, whose cache grows; return the last logits (R, V)."""
        import torch

        width = max(map(len, segments))
        device = context.mask.device
        ids = torch.tensor(
            [[0] * (width - len(segment)) + list(segment) for segment in segments], device=device
        )
        lengths = torch.tensor([len(segment) for segment in segments], device=device)
        fresh = (torch.arange(width, device=device) >= width - lengths[:, None]).long()
        mask = torch.cat([context.mask, fresh], dim=1)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -width:]
        logits = last_logits(
            self._model,
            ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=context.cache,
            use_cache=True,
        )
        return _Context(context.cache, mask), logits


def _branches(sequences: Sequence[Tokens], numbers: Sequence[int], depth: int) -> tuple[_Node, ...]:
    """Return the nodes that `numbers`' sequences go on with, all of them being equal up to `depth`.

    sequences: distinct and sorted, so that those with a common beginning are neighbours.
    """
    first, last = sequences[numbers[0]], sequences[numbers[-1]]
    if len(numbers) == 1:
        return (_Node(first[depth:], ends=numbers[0]),)
    # A last token is never shared, for its logits are asked for.
    common = _common(first, last, min(len(sequences[number]) for number in numbers) - 1)
    groups = [list(group) for _, group in groupby(numbers, key=lambda number: sequences[number][common])]
    if len(groups) == 1:
        # One sequence is the beginning of the others.
        return tuple(_Node(sequences[number][depth:], ends=number) for number in numbers)
    if (common - depth) * (len(numbers) - 1) < WORTH_SHARING:
        return tuple(node for group in groups for node in _branches(sequences, group, depth))
    children = tuple(node for group in groups for node in _branches(sequences, group, common))
    return (_Node(first[depth:common], children),)


def _common(first: Tokens, other: Tokens, limit: int) -> int:
    """Return how many tokens two sequences begin with in common, at most `limit`."""
    for length, (left, right) in enumerate(zip(first[:limit], other[:limit], strict=False)):
        if left != right:
            return length
    return limit


def _batches(nodes: Sequence[_Node], width: int) -> Iterator[list[_Node]]:
    """Yield nodes of similar length together, the longest first; `width` tokens of cache go with each."""
    batch: list[_Node] = []
    for node in sorted(nodes, key=lambda node: -len(node.segment)):
        if batch:
            longest = len(batch[0].segment)
            full = (len(batch) + 1) * (width + longest) > _BATCH_TOKENS
            if full or len(node.segment) < _SIMILAR * longest:
                yield batch
                batch = []
        batch.append(node)
    if batch:
        yield batch
