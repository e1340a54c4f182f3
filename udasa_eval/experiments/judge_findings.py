"""What a judge says of planted answers: how far it goes by one respect, with an interval and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.experiments.judge_planted import (
    AI,
    EQUAL,
    LISTED,
    NAMED,
    PADDED,
    REPEATED,
    RIGHT,
    SAMPLED,
    SURE,
)
from udasa_eval.statistics.paired import holm, sign_flip

Form = Literal["single", "pair"]
POSITION, AGAIN, ORDERS, UNREADABLE = "position", "the same again", "the same in both orders", "unreadable"
UNREAD, TOO_FEW = "cannot be read", "too few prompts"
# Of fewer prompts no p is small enough when some twenty are tested together: nothing is told.
_FEWEST = 10
_ALPHA = 0.05
# A judge of which more cannot be read is told of as such, and as nothing else.
_MOST_UNREADABLE = 0.5
_TOLERABLE = 0.1


class _Words(NamedTuple):
    """What is said where a figure is surely above what is fair, surely below, and neither."""

    above: str
    below: str
    neither: str = "no preference found"


_WORDS = {
    RIGHT: _Words("tells right from wrong", "prefers the wrong", "does not tell right from wrong"),
    POSITION: _Words("prefers the first", "prefers the second"),
    EQUAL: _Words("prefers the first of equal ones", "prefers the second of equal ones"),
    PADDED: _Words("prefers the longer", "prefers the shorter"),
    REPEATED: _Words("prefers the longer", "prefers the shorter"),
    LISTED: _Words("prefers lists", "prefers prose"),
    SURE: _Words("prefers the confident", "prefers the plain"),
    AI: _Words('prefers "As an AI"', 'dislikes "As an AI"'),
    NAMED: _Words("prefers its own family's name", "prefers other families' names"),
    SAMPLED: _Words("prefers its own model's answers", "prefers the other model's answers"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure of a judge, over prompts.

    figure: of pairs the preference for what has the respect, in [0, 1]; of single grades the difference in
    grades; of RIGHT the share in which the right answer is above, in both. fair: what a judge without this
    preference has; None where none is fair. p: of no preference, by random signs of the prompts' values; NaN
    where it is not tested. verdict: in plain words, "" where there is nothing to say.
    """

    form: Form
    respect: str
    figure: Metric
    fair: float | None
    p: float = float("nan")
    verdict: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether the verdict stands when all that were tested together are counted."""
        return self.verdict.endswith(": surely")


def preference(form: Form, respect: str, values: NDArray[float64], fair: float, seed: int) -> Finding:
    """Return how far values (Q,), one a prompt, lie from what is fair; NaN ones are left out."""
    figure = Resamples.draw(len(values), seed).mean(respect, values)
    there = values[np.isfinite(values)]
    p = sign_flip(there - fair, seed) if len(there) >= _FEWEST else float("nan")
    return Finding(form, respect, figure, fair, p)


def share(form: Form, respect: str, values: NDArray[float64], seed: int) -> Finding:
    """Return the mean of shares (Q,), one a prompt, of which none is fair or unfair."""
    figure = Resamples.draw(len(values), seed).mean(respect, values)
    return Finding(form, respect, figure, None, verdict=_said_of_share(respect, figure))


def _said_of_share(respect: str, figure: Metric) -> str:
    if respect == UNREADABLE:
        return "often unreadable" if figure.value > _TOLERABLE else ""
    return "contradicts itself more often than not" if figure.high < 0.5 else ""


def with_verdicts(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with what each says. "Surely": at 5% for all of them together, by Holm's correction of
    their p; "perhaps": the interval of this one alone excludes what is fair.

    Of a form of which more than half cannot be read, nothing else is said.
    """
    lost = {
        one.form for one in findings if one.respect == UNREADABLE and not one.figure.value <= _MOST_UNREADABLE
    }
    tested = [place for place, one in enumerate(findings) if np.isfinite(one.p) and one.form not in lost]
    corrected = dict(zip(tested, holm([findings[place].p for place in tested]), strict=True))
    return [
        replace(one, verdict=_said(one, corrected.get(place), lost)) for place, one in enumerate(findings)
    ]


def _said(one: Finding, p: float | None, lost: set[Form]) -> str:
    if one.form in lost:
        return UNREAD if one.respect == UNREADABLE else ""
    if one.fair is None:
        return one.verdict
    if p is None:
        return TOO_FEW
    words, figure = _WORDS[one.respect], one.figure
    told = words.above if figure.value > one.fair else words.below
    if p < _ALPHA:
        return f"{told}: surely"
    if figure.low > one.fair or figure.high < one.fair:
        return f"{told}: perhaps"
    return words.neither


def sentence(findings: Sequence[Finding]) -> str:
    """Return what is sure of a judge in one form, in a sentence without a stop: what it prefers, whether it
    tells right from wrong, and what cannot be read."""
    by_respect = {one.respect: one for one in findings}
    unreadable, right = by_respect[UNREADABLE], by_respect[RIGHT]
    told = []
    if unreadable.verdict:
        told.append(f"{unreadable.figure.value:.0%} of its judgements cannot be read")
    if right.verdict == TOO_FEW:
        told.append("these are too few to tell what it prefers")
    elif right.verdict:
        perhaps = "perhaps " if right.verdict.endswith(": perhaps") else ""
        told.append(f"{perhaps}{_plain(right)} (right above wrong in {right.figure.value:.0%})")
        sure: dict[str, list[str]] = {}
        for one in findings:
            if one.is_sure and one.respect != RIGHT:
                sure.setdefault(_plain(one), []).append(_measured(one))
        told += [f"{verdict} ({', and '.join(measured)})" for verdict, measured in sure.items()]
        told += [] if sure else ["no other preference is sure"]
    return "; ".join(told)


def _plain(one: Finding) -> str:
    return one.verdict.partition(":")[0]


def _measured(one: Finding) -> str:
    value = one.figure.value
    if one.form == "single":
        return f"{one.respect}, {value:+.2f} grades"
    return f"{one.respect}, in {value:.0%}, where 50% is fair"
