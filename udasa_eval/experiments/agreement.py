"""How far one checkpoint agrees with itself: repeated scorings of the same and of fresh responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples, answer_to
from udasa_eval.experiments.intraclass import intraclass
from udasa_eval.experiments.labelled import rows_by_question
from udasa_eval.experiments.pairs import extremes
from udasa_eval.experiments.within import within_spearman
from udasa_eval.statistics.columns import known_mean
from udasa_eval.statistics.ranks import rank_agreement


@dataclass(frozen=True, slots=True)
class Agreement:
    """One column's agreement with itself over some `repeats`; `kind` of responses: "same" or "fresh"."""

    column: str
    kind: str
    repeats: int
    metrics: tuple[Metric, ...]

    def metric(self, name: str) -> Metric:
        """Return a figure by its name; KeyError where there is none."""
        return {metric.name: metric for metric in self.metrics}[name]


@dataclass(frozen=True, slots=True)
class FreshScores:
    """One repeat with responses of its own: by response its question, its uncertainty (NaN: abstained), its
    answer.

    questions: int (m,). scores: float64 (m,). answers: m extracted answers.
    """

    questions: NDArray[int64]
    scores: NDArray[float64]
    answers: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.questions) == len(self.scores) == len(self.answers):
            raise ValueError("questions, scores and answers of a repeat have one length")


def same_responses(
    column: str, scores: NDArray[float64], questions: NDArray[int64], texts: Sequence[str] = (), *, seed: int
) -> Agreement:
    """Compare r scorings of the same n responses. Metrics, with 95% intervals clustered by question:

    - icc: `intraclass` over the responses that every repeat scored; n responses.
    - rank: mean over questions of the mean of Spearman's ρ over all pairs of repeats; n questions where it is
      defined.
    - chosen_flips, rejected_flips: share of (question, pair of repeats) in which the least, or the most,
      uncertain response is another one, over questions that make a pair in both; 0 is perfect; n questions.

    scores: (r, n), NaN for abstentions. texts: given, a flip to a response of the same text is none.
    """
    repeats = _repeats(scores.shape[0])
    rows = rows_by_question(questions)
    resamples = Resamples.draw(len(rows), seed)
    scored = ~np.isnan(scores).any(axis=0)
    index = np.unique(questions, return_inverse=True)[1]
    between = list(combinations(range(repeats), 2))
    rho = within_spearman(scores.T, scores.T, rows)
    rank = known_mean([rho[:, one, other] for one, other in between])
    picked = np.stack([extremes(repeat, rows, texts) for repeat in scores])
    identity = (
        np.unique(np.array(texts), return_inverse=True)[1] if len(texts) else np.arange(scores.shape[1])
    )
    flips = _flips(picked, lambda _, one, __, other: bool(identity[one] != identity[other]))
    return Agreement(
        column,
        "same",
        repeats,
        (
            intraclass("icc", scores[:, scored].T, index[scored], resamples),
            resamples.mean("rank", rank),
            resamples.mean("chosen_flips", flips[:, 0]),
            resamples.mean("rejected_flips", flips[:, 1]),
        ),
    )


def fresh_responses(column: str, repeats: Sequence[FreshScores], *, seed: int) -> Agreement:
    """Compare r repeats with fresh responses to the same questions, by question. Metrics, with 95% intervals:

    - icc: `intraclass` of the questions' mean uncertainties; n questions that every repeat scored.
    - rank: mean over pairs of repeats of Spearman's ρ of these means across questions.
    - chosen_flips, rejected_flips: share of (question, pair of repeats) in which the chosen, or rejected,
      response has another answer, over questions that make a pair in both; n questions. Two answers are one
      as a run's single clusters are counted (`Answer.same_as`): "9" and "equals 9", not "calf" and "lamb".

    ValueError where the repeats do not have the same questions.
    """
    count = _repeats(len(repeats))
    ids = np.unique(repeats[0].questions)
    for number, repeat in enumerate(repeats[1:], start=2):
        if not np.array_equal(np.unique(repeat.questions), ids):
            raise ValueError(f"{column}: repeat {number} has other questions than the first")
    means = np.empty((len(ids), count))
    picked = np.full((count, len(ids), 2), -1, dtype=int64)
    # They are answers without their question's words already.
    told = [[answer_to("", answer) for answer in repeat.answers] for repeat in repeats]
    for number, repeat in enumerate(repeats):
        rows = rows_by_question(repeat.questions)
        means[:, number] = [_mean(repeat.scores[ours]) for ours in rows]
        picked[number] = extremes(repeat.scores, rows)
    flips = _flips(
        picked, lambda first, one, second, other: not told[first][one].same_as(told[second][other])
    )
    all_resamples = Resamples.draw(len(ids), seed)
    kept = ~np.isnan(means).any(axis=1)
    resamples = Resamples.draw(int(kept.sum()), seed)
    return Agreement(
        column,
        "fresh",
        count,
        (
            intraclass("icc", means[kept], np.arange(int(kept.sum())), resamples),
            rank_agreement("rank", means[kept], resamples),
            all_resamples.mean("chosen_flips", flips[:, 0]),
            all_resamples.mean("rejected_flips", flips[:, 1]),
        ),
    )


def _repeats(count: int) -> int:
    if count < 2:
        raise ValueError(f"agreement needs at least 2 repeats, not {count}")
    return count


def _flips(picked: NDArray[int64], differ: Callable[[int, int, int, int], bool]) -> NDArray[float64]:
    """Return by question the share of pairs of repeats that pick another one, (Q, 2), NaN where none
    compares.

    picked: (r, Q, 2), the responses that each repeat chose and rejected, −1 where it made no pair. differ:
    says whether a repeat's response and another repeat's are different ones (repeat, response, repeat,
    response).
    """
    parts = []
    for first, second in combinations(range(len(picked)), 2):
        part = np.full(picked.shape[1:], np.nan)
        for at in zip(*np.nonzero((picked[first] >= 0) & (picked[second] >= 0)), strict=True):
            part[at] = differ(first, int(picked[first][at]), second, int(picked[second][at]))
        parts.append(part)
    return known_mean(parts)


def _mean(values: NDArray[float64]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else np.nan
