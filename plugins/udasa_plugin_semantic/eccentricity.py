"""Dimension `semantic.eccentricity`: how far does a response lie from the centre of what the model says?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_core import Column, ComparedOptions, Group, Plugin, Score, hookimpl
from udasa_plugin_semantic.dissent import ALONE

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# Eigenvalues and squared distances are rounded to this many digits: which eigenvalues count, and which
# responses are equal, must not hang on the last bit.
_DIGITS = 12


class Eccentricity(Plugin):
    """One score a response in [0, √(1 − 1/N)]: 0 at the centre of the responses, more the further out.

    Formula, for N texts, a prompt's K responses and its voters, with the run's similarity s (N × N,
    s_ii = 1), D = diag(Σ_j s_ij):

        L   = I − D^(−1/2) s D^(−1/2)
        P   = Σ_{m: λ_m < threshold} v_m v_mᵀ          over the eigenvalues λ and eigenvectors v of L
        u_i = √[(I − J) P (I − J)]_ii                  with J = 1/N everywhere

    P projects on the informative eigenvectors, so u depends neither on their signs nor on the basis of
    an eigenvalue that occurs several times; it is the Euclidean distance of response i's spectral embedding
    from the mean of all.

    Source: C_Ecc(s_i) = −‖v'_i‖ of Lin, Trivedi and Sun 2023 (arXiv 2305.19187); the Euclidean norm of u
    over the N texts is their U_Ecc. We differ in s_ii, which is 1 here and what the model says there, and
    in taking an embedder's cosine where the run has no entailment model.

    Where all agree or all disagree, all score alike (0, and √(1 − 1/N)), and so do both of two responses. An
    informative eigenvector counts in full however weak it is: a response that is half like the others may
    lie as far out as one that is like none.

    Abstains where a prompt has one response only. Cost: as semantic.degree, whose similarities it shares, and
    the eigenvectors of an N × N matrix a prompt.
    """

    class Options(ComparedOptions):
        """What is compared, and which eigenvectors are informative."""

        threshold: float = Field(
            default=0.9,
            gt=0.0,
            le=1.0,
            description="Eigenvectors of the Laplacian with an eigenvalue below this are informative.",
        )

    options: Options
    needs = ("similarity",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return self.options.column(self.name, groups, self._uncertainties)

    def _uncertainties(self, groups: Sequence[Group]) -> Iterator[tuple[Score, ...]]:
        matrices = self.options.matrices(self.resources, groups)
        for group, matrix in zip(groups, matrices, strict=True):
            yield _eccentricities(matrix, self.options.threshold)[: len(group.responses)]


def _eccentricities(similarity: NDArray[float64], threshold: float) -> tuple[Score, ...]:
    """Return the N uncertainties of one prompt's (N, N) similarities."""
    import numpy as np

    count = len(similarity)
    if count < 2:
        return (ALONE,) * count
    roots = np.sqrt(similarity.sum(axis=1))
    values, vectors = np.linalg.eigh(np.eye(count) - similarity / np.outer(roots, roots))
    informative = vectors[:, values.round(_DIGITS) < threshold]
    centred = informative - informative.mean(axis=0)
    # The diagonal of (I − J) V Vᵀ (I − J).
    squares = (centred**2).sum(axis=1)
    return tuple(np.sqrt(squares.round(_DIGITS)).tolist())
