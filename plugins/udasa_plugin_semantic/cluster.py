"""Dimension `semantic.cluster`: how many of the responses mean what this one means?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_core import Column, ComparedOptions, Group, Plugin, Score, hookimpl
from udasa_plugin_semantic.dissent import ALONE

if TYPE_CHECKING:
    from numpy import bool_
    from numpy.typing import NDArray


class Cluster(Plugin):
    """One score a response in [0, 1]: 0 where all N texts mean the same, 1 where no other means the same.

    Formula, for N texts, a prompt's K responses and its voters, with C(i) the cluster of response i:

        u_i = −ln(|C(i)| / N) / ln N

    Without voters the mean of u over the responses, times ln K, is the discrete semantic entropy of the
    prompt (nats).

    Clusters are the connected components of "means the same": by entailment, where both directions have
    entailment as their likeliest label; by an embedder, where the cosine reaches `cosine`. So they do not
    depend on the order of the responses.

    Source: discrete semantic entropy, Farquhar, Kossen, Kuhn and Gal 2024 (Nature 630:625), over the
    bidirectional entailment of Kuhn, Gal and Farquhar 2023 (arXiv 2302.09664). We differ in two
    points: each response has its own share, not only the prompt the mean; and where meaning the same is not
    transitive, they compare a response with the first member of each cluster in the order of sampling, while
    here a chain of responses is one cluster.

    Abstains where a prompt has one response only. At most N different values a prompt, so ties are many.
    Cost: as semantic.degree, whose model calls it shares.
    """

    class Options(ComparedOptions):
        """What is compared, and when two texts mean the same."""

        cosine: float = Field(
            default=0.85,
            ge=0.0,
            le=1.0,
            description="Without an entailment model: the cosine from which on two texts mean the same.",
        )

    options: Options
    needs = ("similarity",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return self.options.column(self.name, groups, self._uncertainties)

    def _uncertainties(self, groups: Sequence[Group]) -> Iterator[tuple[Score, ...]]:
        matrices = self.options.equivalences(self.resources, groups, self.options.cosine)
        for group, matrix in zip(groups, matrices, strict=True):
            yield _surprises(matrix)[: len(group.responses)]


def _surprises(equivalent: NDArray[bool_]) -> tuple[Score, ...]:
    """Return the N uncertainties of one prompt's (N, N) equivalences."""
    count = len(equivalent)
    if count < 2:
        return (ALONE,) * count
    return tuple(math.log(count / size) / math.log(count) for size in _cluster_sizes(equivalent))


def _cluster_sizes(equivalent: NDArray[bool_]) -> list[int]:
    """Return the size of each response's connected component."""
    reached = equivalent
    # Each product doubles the length of the chains that are followed; a chain has K − 1 links at most.
    for _ in range(len(equivalent).bit_length()):
        reached = reached @ reached
    sizes: list[int] = reached.sum(axis=1).tolist()
    return sizes
