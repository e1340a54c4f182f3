"""Scored responses whose rightness is known: what the signal of an uncertainty is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float64, int64, intp
from numpy.typing import NDArray

from udasa_eval.answers.overlap import overlap, word_set


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """n responses to some questions, scored by some columns and labelled right or wrong.

    questions: int (n,), which question a response answers, any integers. right: bool (n,). columns: by name
    the uncertainties, float64 (n,) in [0, 1], 0 = certain, NaN where the column abstained. tokens: int (n,),
    the response's length. truncated, refusal: bool (n,). answers: n extracted answers, for the majority.
    texts: the n whole responses, or none; given, two responses of one text make no pair.
    """

    questions: NDArray[int64]
    right: NDArray[bool_]
    columns: Mapping[str, NDArray[float64]]
    tokens: NDArray[int64]
    truncated: NDArray[bool_]
    refusal: NDArray[bool_]
    answers: Sequence[str]
    texts: Sequence[str] = ()

    def __post_init__(self) -> None:
        n = len(self.questions)
        for name in ("right", "tokens", "truncated", "refusal", "answers"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} values for {n} responses")
        if len(self.texts) not in (0, n):
            raise ValueError(f"texts has {len(self.texts)} values for {n} responses; give all or none")
        for name in ("right", "truncated", "refusal"):
            if getattr(self, name).dtype != np.bool_:
                raise ValueError(f"{name} holds {getattr(self, name).dtype}, not bool")
        for name, values in self.columns.items():
            if values.shape != (n,):
                raise ValueError(f"column {name} has the shape {values.shape}, not ({n},)")
            beyond = values[~np.isnan(values) & ~((values >= 0) & (values <= 1))]
            if len(beyond):
                raise ValueError(f"column {name} has {beyond[0]}, outside [0, 1]")

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def question_index(self) -> NDArray[intp]:
        """The questions numbered from 0 in the order of their numbers, (n,)."""
        return np.unique(self.questions, return_inverse=True)[1].astype(intp)

    def by_question(self) -> list[NDArray[intp]]:
        """Return the indices of each question's responses, in their order."""
        return rows_by_question(self.questions)

    def majority_right(self) -> NDArray[bool_]:
        """Return for each question whether its majority answer is right, bool (questions,).

        The majority is spoken for by the response whose answer the others join most: the sum of overlaps
        |A ∩ B| / min(|A|, |B|) of its words with theirs, the first of equals. So "12" and "12 eggs" are one
        answer, and no label enters. Responses without a word neither vote nor speak where another has one.
        """
        return np.array([self._majority_is_right(rows) for rows in self.by_question()], dtype=bool)

    def _majority_is_right(self, rows: NDArray[intp]) -> bool:
        told = [word_set(self.answers[row]) for row in rows]
        joined = [sum(overlap(one, other) for other in told if other) if one else 0.0 for one in told]
        return bool(self.right[rows[joined.index(max(joined))]])


def rows_by_question(questions: NDArray[int64]) -> list[NDArray[intp]]:
    """Return the indices of each question's responses, in their order; questions by number."""
    order = np.argsort(questions, kind="stable")
    starts = np.flatnonzero(np.diff(questions[order])) + 1
    return np.split(order, starts) if len(order) else []
