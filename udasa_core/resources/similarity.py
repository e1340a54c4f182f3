"""How far texts mean the same, by an entailment model or by an embedder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from udasa_core.resources.protocols import Embedder, Entailment

if TYPE_CHECKING:
    from numpy import bool_, float64
    from numpy.typing import NDArray


class EntailmentSimilarity:
    """Similarity in [0, 1] = ½ (p(a entails b) + p(b entails a)), 1 for equal texts.

    Source: the entailment affinity of Lin, Trivedi and Sun 2023 (arXiv 2305.19187), symmetrised as in their
    code; equivalence is the bidirectional entailment of Kuhn, Gal and Farquhar 2023 (arXiv 2302.09664),
    strictly: both directions must have entailment as their likeliest label. We differ in the diagonal, which
    is not asked for: a text means what it says.
    """

    def __init__(self, entailment: Entailment) -> None:
        self._entailment = entailment

    def matrices(self, sets: Sequence[Sequence[str]]) -> list[NDArray[float64]]:
        """Return an (n, n) symmetric matrix in [0, 1] for each set of n texts."""
        return [(matrix[:, :, 2] + matrix[:, :, 2].T) / 2 for matrix in self._probabilities(sets)]

    def equivalences(self, sets: Sequence[Sequence[str]], cosine: float) -> list[NDArray[bool_]]:
        """Return an (n, n) symmetric matrix for each set of n texts; `cosine` plays no part."""
        entailed = [rows.argmax(axis=2) == 2 for rows in self._probabilities(sets)]
        return [matrix & matrix.T for matrix in entailed]

    def _probabilities(self, sets: Sequence[Sequence[str]]) -> Iterator[NDArray[float64]]:
        """Yield (n, n, 3) probabilities; equal texts entail one another. All sets are read in one call."""
        import numpy as np

        pairs = {(a, b): None for texts in sets for a in texts for b in texts if a != b}
        rows = dict(zip(pairs, self._entailment.probabilities(list(pairs)), strict=True))
        certain = np.array([0.0, 0.0, 1.0])
        for texts in sets:
            table = [[certain if a == b else rows[a, b] for b in texts] for a in texts]
            yield np.array(table, dtype=np.float64).reshape(len(texts), len(texts), 3)


class EmbedderSimilarity:
    """Similarity in [0, 1] = cosine of the texts' embeddings, negative ones as 0."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def matrices(self, sets: Sequence[Sequence[str]]) -> list[NDArray[float64]]:
        """Return an (n, n) symmetric matrix in [0, 1] for each set of n texts."""
        import numpy as np

        flat = [text for texts in sets for text in texts]
        rows = self._embedder.embed(flat).astype(np.float64)
        found, start = [], 0
        for texts in sets:
            own = rows[start : start + len(texts)]
            start += len(texts)
            # einsum, not a matrix product: its sums do not depend on the set's size or order.
            cosines = np.einsum("id,jd->ij", own, own)
            equal = np.array([[a == b for b in texts] for a in texts], dtype=bool).reshape(cosines.shape)
            found.append(np.where(equal, 1.0, np.clip((cosines + cosines.T) / 2, 0.0, 1.0)))
        return found

    def equivalences(self, sets: Sequence[Sequence[str]], cosine: float) -> list[NDArray[bool_]]:
        """Return an (n, n) symmetric matrix for each set of n texts."""
        return [matrix >= cosine for matrix in self.matrices(sets)]
