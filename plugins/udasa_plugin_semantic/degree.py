"""Dimension `semantic.degree`: does the model say the same thing again?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core import Abstain, Column, Group, Resources, Score, hookimpl

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


class Degree:
    """One score a response in [0, 1]: 0 where every other response means the same, 1 where none does.

    Formula, for response i of K to one prompt:

        u_i = 1 − 1/(K−1) · Σ_{j≠i} clip(cos(e_i, e_j), 0, 1)

    where e is the run's embedder. Equal responses count once each, for consistency is a vote.

    Source: the degree matrix of Lin, Trivedi and Sun 2023 (arXiv 2305.19187), C_Deg = D_ii / K. We differ
    twice: similarity comes from the sentence embedder, not from an entailment model; and the response's
    similarity to itself is left out, so that u reaches both ends of its range (u = K/(K−1) · (1 − C_Deg):
    the same order wherever K is the same).

    Abstains where a prompt has one response only. An empty response is scored like any other text.
    Cost: one embedding a distinct response, then K² products a prompt.
    """

    class Options(BaseModel):
        """`semantic.degree` has no options."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    needs: ClassVar[tuple[str, ...]] = ("embedder",)
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self._resources = resources

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        texts = [response.text for group in groups for response in group.responses]
        embeddings = self._resources.embedder().embed(texts)
        columns: list[tuple[Score, ...]] = []
        start = 0
        for group in groups:
            stop = start + len(group.responses)
            columns.append(_degrees(embeddings[start:stop]))
            start = stop
        return Column(self.name, tuple(columns))


def _degrees(embeddings: NDArray[float32]) -> tuple[Score, ...]:
    """Return the K uncertainties of one prompt's (K, d) unit embeddings."""
    import numpy as np

    count = len(embeddings)
    if count < 2:
        return (Abstain("the prompt has one response: there is no other to compare it with"),) * count
    rows = embeddings.astype(np.float64)
    similarity = np.clip(rows @ rows.T, 0.0, 1.0)
    np.fill_diagonal(similarity, 0.0)
    degrees = similarity.sum(axis=1) / (count - 1)
    return tuple(np.clip(1.0 - degrees, 0.0, 1.0).tolist())
