"""ROUGE-L of a text against one reference, as the evaluation of TruthfulQA counts it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile("[a-z0-9]+")


def rouge_l(text: str, reference: str) -> float:
    """Return the F-measure of summary-level ROUGE-L in [0, 100]; 100 shares every word in order, 0 none.

    Precision and recall count the words of each of the reference's sentences that are in the union of its
    longest common subsequences with the text's sentences, each word of either side at most once (Lin 2004,
    section 3.2, with the clipping of ROUGE-1.5.5). Words are runs of a–z and 0–9 after lower-casing, without
    stemming; sentences end at line breaks, and at " . " as the harness has it. This is rouge_score's
    `rougeLsum` × 100; of texts of one sentence it is ROUGE-L.
    """
    said, wanted = _sentences(text), _sentences(reference)
    length, wanted_length = sum(map(len, said)), sum(map(len, wanted))
    if not length or not wanted_length:
        return 0.0
    left = Counter(word for sentence in said for word in sentence)
    hits = 0
    for sentence in wanted:
        shared = set().union(*(_common(sentence, other) for other in said))
        for at in sorted(shared):
            if left[sentence[at]] > 0:
                left[sentence[at]] -= 1
                hits += 1
    return 200.0 * hits / (length + wanted_length)


def _sentences(text: str) -> list[list[str]]:
    return [_WORD.findall(line.lower()) for line in text.replace(" . ", ".\n").split("\n") if line]


def _common(wanted: Sequence[str], said: Sequence[str]) -> list[int]:
    """Return the places in `wanted` of one longest common subsequence with `said`.

    Which of several longest ones decides what a union holds: as rouge_score does, it is read from the end,
    a match first, then the shorter text where that is longer, else the shorter reference.
    """
    lengths = [[0] * (len(said) + 1) for _ in range(len(wanted) + 1)]
    for i, word in enumerate(wanted, start=1):
        for j, other in enumerate(said, start=1):
            before = lengths[i - 1]
            lengths[i][j] = before[j - 1] + 1 if word == other else max(before[j], lengths[i][j - 1])
    places: list[int] = []
    i, j = len(wanted), len(said)
    while i > 0 and j > 0:
        if wanted[i - 1] == said[j - 1]:
            i, j = i - 1, j - 1
            places.append(i)
        elif lengths[i][j - 1] > lengths[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return places
