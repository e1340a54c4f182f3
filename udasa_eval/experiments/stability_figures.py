"""How far the pairs of two readings of the same responses are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.statistics.columns import known_mean
from udasa_eval.statistics.ranks import rank_agreement

# Below this the reader's own noise decides more pairs than it leaves alone.
_SELF = 0.5


@dataclass(frozen=True, slots=True)
class Choice:
    """What one column, or the configured pairing, chose: by prompt, (Q,).

    chosen, rejected: which text of the prompt's, −1 where it makes no pair. gaps: how far they lie apart, NaN
    likewise. stages: the pair's stage by number, −1 where it is in none, or nobody staged.
    """

    chosen: NDArray[int64]
    rejected: NDArray[int64]
    gaps: NDArray[float64]
    stages: NDArray[int64]


# A reading by column.
Reading = Mapping[str, Choice]


@dataclass(frozen=True, slots=True)
class ColumnStability:
    """How far one column's pairs under a reader are those of the base, means over the reader's draws.

    chosen, rejected, stage: the share of prompts, paired in both, whose chosen response (rejected one, stage)
    is the same; 1 is perfect. gap_rank: Spearman's ρ of their gaps. paired: the share of the base's paired
    prompts that give a pair again. change: `chosen` less that of the base with other voters; below 0 it flips
    more. In all of them prompts are resampled. verdict: "" or what is to be heeded.
    """

    column: str
    chosen: Metric
    rejected: Metric
    gap_rank: Metric
    stage: Metric
    paired: Metric
    change: Metric
    verdict: str


@dataclass(frozen=True, slots=True)
class Stability:
    """One reader's figures by column."""

    reader: str
    columns: tuple[ColumnStability, ...]

    @property
    def warned(self) -> tuple[str, ...]:
        """The columns that have a verdict, with it."""
        return tuple(f"{one.column} {one.verdict}" for one in self.columns if one.verdict)


def compared(
    reader: str, first: Reading, read: Sequence[Reading], floor: Sequence[Reading], seed: int
) -> Stability:
    """Compare a reader's draws with the base's own pairs, and with what other voters of the base change.

    first: the base's reading. read: the reader's, one a draw. floor: those of the base with other voters; the
    same object as `read` where the base itself is told of.
    """
    size = len(next(iter(first.values())).chosen)
    resamples = Resamples.draw(size, seed)
    is_floor = read is floor
    columns = []
    for name, base in first.items():
        ours, theirs = [one[name] for one in read], [one[name] for one in floor]
        chosen, self_chosen = _kept(base, ours, "chosen"), _kept(base, theirs, "chosen")
        change = resamples.mean("change", chosen - self_chosen)
        mean = resamples.mean("chosen", chosen)
        columns.append(
            ColumnStability(
                name,
                mean,
                resamples.mean("rejected", _kept(base, ours, "rejected")),
                _gap_rank(base, ours, seed),
                resamples.mean("stage", _kept(base, ours, "stages")),
                resamples.mean("paired", _paired(base, ours)),
                change,
                _verdict(is_floor, mean, change),
            )
        )
    return Stability(reader, tuple(columns))


def _verdict(is_floor: bool, chosen: Metric, change: Metric) -> str:
    if is_floor:
        return "does not agree with itself" if chosen.high < _SELF else ""
    return "makes other pairs" if change.high < 0 else ""


def _kept(base: Choice, others: Sequence[Choice], what: str) -> NDArray[float64]:
    """Return by prompt the share of draws in which a part of the pair stays, NaN where none compares."""
    before: NDArray[int64] = getattr(base, what)
    parts = []
    for other in others:
        after: NDArray[int64] = getattr(other, what)
        both = (base.chosen >= 0) & (other.chosen >= 0)
        # A pair that somebody put in no stage has left its stage; where nobody staged, nothing is told.
        both &= before >= 0
        parts.append(np.where(both, before == after, np.nan))
    return known_mean(parts)


def _paired(base: Choice, others: Sequence[Choice]) -> NDArray[float64]:
    return known_mean([np.where(base.chosen >= 0, other.chosen >= 0, np.nan) for other in others])


def _gap_rank(base: Choice, others: Sequence[Choice], seed: int) -> Metric:
    gaps = np.stack([base.gaps, known_mean([other.gaps for other in others])], axis=1)
    gaps = gaps[~np.isnan(gaps).any(axis=1)]
    return rank_agreement("gap_rank", gaps, Resamples.draw(len(gaps), seed))
