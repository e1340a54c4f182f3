"""A judge asked about planted answers, in the words of a suite: one at a time, and two in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Judge
from udasa_eval.experiments.judge_findings import (
    AGAIN,
    ORDERS,
    POSITION,
    UNREADABLE,
    Finding,
    preference,
    share,
)
from udasa_eval.experiments.judge_planted import EQUAL, RIGHT, Asking, Item
from udasa_eval.judges.pairwise import judge_pairs
from udasa_eval.judges.repeats import judged, own_grade
from udasa_eval.statistics.columns import known_mean


def singly(judge: Judge, asking: Asking, items: Sequence[Item], seed: int, repeats: int) -> list[Finding]:
    """Have each answer graded by itself; right and wrong ones `repeats` times."""
    texts = [(place, text) for place, item in enumerate(items) for text in _texts(item)]
    prompts = [asking.single(items[place].id, items[place].prompt, text) for place, text in texts]
    first = judged(judge, prompts, seed, 1, own_grade).values[:, 0]
    grades = dict(zip(texts, first.tolist(), strict=True))
    found = []
    for respect in _respects(items):
        if respect == EQUAL:
            continue
        both = np.full((len(items), 2), np.nan)
        for place, item in enumerate(items):
            if respect in item.answers:
                both[place] = [grades[place, text] for text in item.answers[respect]]
        difference = both[:, 0] - both[:, 1]
        if respect == RIGHT:
            above = np.where(np.isfinite(difference), (np.sign(difference) + 1) / 2, np.nan)
            found.append(preference("single", respect, above, 0.5, seed))
        else:
            found.append(preference("single", respect, difference, 0.0, seed))
    again = [text for text in texts if text[1] in items[text[0]].answers.get(RIGHT, ())]
    if repeats > 1:
        more = [asking.single(items[place].id, items[place].prompt, text) for place, text in again]
        values = judged(judge, more, seed, repeats, own_grade).values
        found.append(
            share("single", AGAIN, _by_item(_same(values), [place for place, _ in again], items), seed)
        )
    lost = _by_item(np.isnan(first).astype(float64), [place for place, _ in texts], items)
    return [*found, share("single", UNREADABLE, lost, seed)]


def in_pairs(judge: Judge, asking: Asking, items: Sequence[Item], seed: int, repeats: int) -> list[Finding]:
    """Have answers compared by twos, in both orders; right with wrong ones `repeats` times."""
    respects = _respects(items)
    asked = [
        (place, respect)
        for respect in respects
        for place, item in enumerate(items)
        if respect in item.answers
    ]

    def compared(which: Sequence[tuple[int, str]], times: int) -> tuple[NDArray[float64], NDArray[float64]]:
        """Return the preference for what has the respect, shown first and shown second, (n, times) each."""
        shown = [(items[place], items[place].answers[respect]) for place, respect in which]
        verdicts = judge_pairs(
            f"{asking.words}, in pairs",
            judge,
            [asking.pair(item.id, item.prompt, has, has_not) for item, (has, has_not) in shown],
            [asking.pair(item.id, item.prompt, has_not, has) for item, (has, has_not) in shown],
            seed,
            times,
            1.0,
        )
        return verdicts.first.values, verdicts.swapped.values

    first, second = (values[:, 0] for values in compared(asked, 1))
    found, for_first, same = [], [], []
    for respect in respects:
        here = [number for number, (_, which) in enumerate(asked) if which == respect]
        places = [asked[number][0] for number in here]
        if respect == EQUAL:
            found.append(preference("pair", EQUAL, _by_item(first[here], places, items), 0.5, seed))
            continue
        found.append(
            preference("pair", respect, _by_item((first[here] + second[here]) / 2, places, items), 0.5, seed)
        )
        for_first.append(_by_item((first[here] + 1 - second[here]) / 2, places, items))
        equal = np.where(np.isfinite(first[here] + second[here]), first[here] == second[here], np.nan)
        same.append(_by_item(equal, places, items))
    found.insert(0, preference("pair", POSITION, known_mean(for_first), 0.5, seed))
    found.append(share("pair", ORDERS, known_mean(same), seed))
    again = [one for one in asked if one[1] == RIGHT]
    if repeats > 1 and again:
        repeated = np.stack([_same(values) for values in compared(again, repeats)])
        found.append(
            share(
                "pair",
                AGAIN,
                _by_item(known_mean(list(repeated)), [place for place, _ in again], items),
                seed,
            )
        )
    unread = (np.isnan(first) + np.isnan(second).astype(float64)) / 2
    lost = _by_item(unread, [place for place, _ in asked], items)
    return [*found, share("pair", UNREADABLE, lost, seed)]


def judgements(items: Sequence[Item], forms: Sequence[str], repeats: int) -> int:
    """Return how often a judge is asked about items, at most."""
    right = sum(RIGHT in item.answers for item in items)
    count = 0
    if "single" in forms:
        count += sum(len(_texts(item)) for item in items) + 2 * right * (repeats - 1)
    if "pair" in forms:
        count += sum(1 if respect == EQUAL else 2 for item in items for respect in item.answers)
        count += 2 * right * (repeats - 1)
    return count


def _texts(item: Item) -> list[str]:
    """Return an item's different answers."""
    return list(dict.fromkeys(text for pair in item.answers.values() for text in pair))


def _respects(items: Sequence[Item]) -> list[str]:
    return list(dict.fromkeys(respect for item in items for respect in item.answers))


def _same(values: NDArray[float64]) -> NDArray[float64]:
    """Return the share of pairs of repeats, (n, R) → (n,), that say the same; NaN where no two were read."""
    parts = [
        np.where(np.isfinite(one + other), one == other, np.nan) for one, other in combinations(values.T, 2)
    ]
    return known_mean(parts)


def _by_item(values: NDArray[float64], places: Sequence[int], items: Sequence[Item]) -> NDArray[float64]:
    """Return the mean of the values of each item, (Q,); NaN where it has none."""
    result = np.full(len(items), np.nan)
    for place in set(places):
        ours = values[[at == place for at in places]]
        ours = ours[np.isfinite(ours)]
        if len(ours):
            result[place] = ours.mean()
    return result
