"""Which known name a mistyped one is meant for."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A name of fewer letters is as near to many others as to the one that was meant.
_SHORTEST_PART = 4
# Names that a message lists.
_LISTED = 20
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "known", spelled: str = '"{}"') -> str:
    """Return what to say of a name that is not known: 'did you mean "x"?', or "`otherwise`: a, b, …".

    Only a name that is like it is suggested (see `likely`); where none is, the known ones are listed, the
    first few where there are many. spelled: how the suggested name is written, with {} for it.
    """
    known = list(dict.fromkeys(known))
    meant = likely(name, known)
    return f"did you mean {spelled.format(meant)}?" if meant else f"{otherwise}: {listed(known)}"


def listed(names: Iterable[str]) -> str:
    """Return names as a list for a sentence: the first few, and how many more there are; or "none"."""
    names = list(names)
    more = len(names) - _LISTED
    return f"{', '.join(names[:_LISTED])} and {more} more" if more > 1 else ", ".join(names) or "none"


def likely(name: str, known: Iterable[str]) -> str:
    """Return the known name that `name` is most like, or "" where it is like none.

    Like are: the same letters in other cases or with other marks between the words; a slip or two, the more
    the longer the names are; a beginning or an end of four letters or more; the same words with one left out.
    """
    found = [(_distance(name, one), place, one) for place, one in enumerate(known)]
    return min(((far, place, one) for far, place, one in found if far is not None), default=(0, 0, ""))[2]


def _distance(name: str, known: str) -> float | None:
    """Return how far two names are from each other, from 0; None where they are not alike."""
    one, other = (_BETWEEN_WORDS.sub("", text.casefold()) for text in (name, known))
    if not one or not other:
        return None
    if one == other:
        return 0.0
    slips = _slips(one, other)
    shorter, longer = sorted((one, other), key=len)
    if slips <= _allowed(len(longer)):
        return slips
    if len(shorter) >= _SHORTEST_PART and (longer.startswith(shorter) or longer.endswith(shorter)):
        return slips
    words, known_words = (set(_BETWEEN_WORDS.split(text.casefold())) for text in (name, known))
    return slips if len(words) > 1 and len(known_words) > 1 and words < known_words else None


def _allowed(letters: int) -> float:
    """Return how many slips a name may have: one of three letters, one more for each four from eight on."""
    return 0 if letters < 3 else max(1, letters // 4)


def _slips(one: str, other: str) -> float:
    """Return by how many slips two texts differ: a letter too many or missing, two in the other's place, or
    another letter, which counts more in a short text: "cpo" is no slip for "dpo"."""
    replaced = 1 if min(len(one), len(other)) > _SHORTEST_PART else 2
    before: list[float] = []
    row: list[float] = [float(place) for place in range(len(other) + 1)]
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [float(i)]
        for j, their in enumerate(other, 1):
            steps = [before[j] + 1, row[j - 1] + 1, before[j - 1] + (replaced if letter != their else 0)]
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == their:
                steps.append(earlier[j - 2] + 1)
            row.append(min(steps))
    return row[-1]
