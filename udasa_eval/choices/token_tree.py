"""Token sequences as one tree: what two of them begin with in common stands in it once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from udasa_eval.choices.answer_tokens import AnswerTokens

if TYPE_CHECKING:
    from numpy import bool_
    from numpy.typing import NDArray


class TokenTree:
    """Answers after their contexts as a tree, without the first `start` tokens, which all contexts share.

    Read as one row of tokens, each of which attends to its ancestors alone and stands at its own depth, a
    tree costs what its distinct beginnings cost, and has no padding (tree attention, as in SpecInfer, Miao et
    al. 2023, arXiv 2305.09781). Answers' last tokens are foretold and never read, so no node stands for them.

    tokens, depths: N nodes' tokens, and how many ancestors each has; parents come before their children.
    steps: the distinct predictions (node, token) that the answers are made of: the token after that node.
    """

    def __init__(self, start: int, answers: Sequence[AnswerTokens] = ()) -> None:
        self.start = start
        self.tokens: list[int] = []
        self.depths: list[int] = []
        self.steps: dict[tuple[int, int], int] = {}
        self._parents: list[int] = []
        self._children: dict[tuple[int, int], int] = {}
        self._paths: list[list[int]] = []
        for sequence in answers:
            self.add(sequence)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, sequence: AnswerTokens) -> None:
        """Add an answer; of its context at least one token comes after the start."""
        if len(sequence.context) <= self.start:
            raise ValueError(
                f"a context of {len(sequence.context)} tokens has none after the first {self.start}"
            )
        node = -1
        for token in sequence.context[self.start :]:
            node = self._child(node, token)
        path = []
        for place, token in enumerate(sequence.answer, start=1):
            path.append(self.steps.setdefault((node, token), len(self.steps)))
            if place < len(sequence.answer):
                node = self._child(node, token)
        self._paths.append(path)

    def sums(self, steps: Sequence[float]) -> list[float]:
        """Return each answer's sum over the figures of its steps, in the order of adding."""
        return [float(sum(steps[step] for step in path)) for path in self._paths]

    def sees(self) -> NDArray[bool_]:
        """Return (N, N): whether a node (row) attends to another (column): itself and its ancestors."""
        seen = np.zeros((len(self), len(self)), dtype=bool)
        for node, parent in enumerate(self._parents):
            if parent >= 0:
                seen[node] = seen[parent]
            seen[node, node] = True
        return seen

    def _child(self, parent: int, token: int) -> int:
        child = self._children.setdefault((parent, token), len(self.tokens))
        if child == len(self.tokens):
            self.tokens.append(token)
            self.depths.append(self.depths[parent] + 1 if parent >= 0 else 0)
            self._parents.append(parent)
        return child


def shared_start(answers: Sequence[AnswerTokens]) -> int:
    """Return how many tokens all contexts begin with, each keeping at least one more."""
    contexts = [sequence.context for sequence in answers]
    first, last = min(contexts), max(contexts)
    most = min(map(len, contexts)) - 1
    for place in range(most):
        if first[place] != last[place]:
            return place
    return most


def packed(answers: Sequence[AnswerTokens], start: int, nodes: int) -> Iterator[list[int]]:
    """Yield numbers of answers, in order, whose trees hold at most `nodes` nodes each.

    Answers after one context stay together where they fit; an answer that has more nodes stands alone.
    """
    pack: list[int] = []
    filled = 0
    for piece, size in _pieces(answers, start, nodes):
        if pack and filled + size > nodes:
            yield pack
            pack, filled = [], 0
        pack += piece
        filled += size
    if pack:
        yield pack


def _pieces(answers: Sequence[AnswerTokens], start: int, nodes: int) -> Iterator[tuple[list[int], int]]:
    """Yield neighbours of one context, as many as fit, with the size of their tree."""
    for _, group in groupby(range(len(answers)), key=lambda number: answers[number].context):
        piece: list[int] = []
        tree, size = TokenTree(start), 0
        for number in group:
            tree.add(answers[number])
            if piece and len(tree) > nodes:
                yield piece, size
                piece, tree = [], TokenTree(start, [answers[number]])
            piece.append(number)
            size = len(tree)
        yield piece, size
