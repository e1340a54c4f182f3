"""How the last policies of two orders of the same pairs differ, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, better_end, student_interval

# With fewer prompts or items no two-sided paired test reaches 5%: 2 / 2⁵ is more.
_FEWEST = 6


# One policy's figure by prompt, or by a suite's item.
ByItem = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure under the configured order, and under others.

    ours, theirs: means over the items that all have; theirs the mean over the other orders. least, most:
    the least and the most of the other orders' means. difference: ours less theirs, with its paired 95%
    interval by item, NaN where there are fewer than six. verdict: "better" or "worse" ("higher" or "lower"
    where nobody says which end is better) where the interval excludes 0 and ours lies beyond all of theirs;
    else "no evidence".
    """

    figure: str
    ours: float
    theirs: float
    least: float
    most: float
    difference: Metric
    verdict: str


def compared(
    ours: Mapping[str, ByItem], others: Sequence[Mapping[str, ByItem]], config: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Compare one policy's figures with the means of others', of which there is one at least. config: the
    run's, whose gates may say which end of a suite's figure is better."""
    return tuple(_differences(ours, others, config))


def _differences(
    ours: Mapping[str, ByItem], others: Sequence[Mapping[str, ByItem]], config: Mapping[str, Any]
) -> Iterator[Difference]:
    for figure, own in ours.items():
        if not all(figure in other for other in others):
            continue
        items = sorted(set(own).intersection(*(other[figure] for other in others)))
        if not items:
            continue
        mine = np.array([own[item] for item in items])
        theirs = np.array([[other[figure][item] for item in items] for other in others])
        yield _difference(figure, mine, theirs, better_end(figure, config))


def _difference(
    figure: str, ours: NDArray[float64], theirs: NDArray[float64], better: str | None
) -> Difference:
    paired = ours - theirs.mean(axis=0)
    is_share = min(ours.min(), theirs.min()) >= 0 and max(ours.max(), theirs.max()) <= 1
    low, high = student_interval(paired, _FEWEST, unit=float(is_share))
    means = theirs.mean(axis=1)
    least, most = float(means.min()), float(means.max())
    bounded = (low, high) if np.isfinite(low) else (np.nan, np.nan)
    mean = float(ours.mean())
    return Difference(
        figure,
        mean,
        float(means.mean()),
        least,
        most,
        Metric(figure, float(paired.mean()), *bounded, len(paired)),
        _verdict(low > 0 and mean > most, high < 0 and mean < least, better),
    )


def _verdict(is_higher: bool, is_lower: bool, better: str | None) -> str:
    if not (is_higher or is_lower):
        return "no evidence"
    end = "higher" if is_higher else "lower"
    if better is None:
        return end
    return "better" if end == better else "worse"
