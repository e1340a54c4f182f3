"""Whether a sentence offers its answer beside another: "Paris or Lyon", "honey, pollen and wax", "A and
B"."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import AnswerWord
from udasa_eval.answers.mentions import NEGATORS, STOPS, VERBS, Asked, Mention
from udasa_eval.answers.words import vocabulary

# What may stand between an answer and the "or" of its alternative in an enumeration.
_LIST_REACH = 4
# These begin no further item of an enumeration.
_NO_ITEMS = vocabulary(
    "it i he she they we you this that these those which who whose where when its his her their"
)
UNITS = vocabulary(
    "celsius fahrenheit kelvin km kilometers kilometres miles mile m meters metres feet foot ft inches "
    "inch cm mm yards kg kilograms pounds lbs grams g ounces liters litres gallons hours minutes seconds "
    "days weeks months years"
)


def alternatives(
    words: Sequence[AnswerWord], mention: Mention, accepted: Sequence[Mention], asked: Asked
) -> bool:
    """Say whether "or", "either" or an enumeration offers something beside the answer that is not
    accepted."""
    covered = {at for mention in accepted for at in range(mention.start, mention.end)}
    for at in (_or_after(words, mention.end), _or_before(words, mention.start)):
        if at is None:
            continue
        left, right = at - 1, at + 1
        other = left if at < mention.start else right
        if other < 0 or other >= len(words) or other in covered:
            continue
        if words[other].text in asked.words and not asked.offers:
            continue
        if _converts(words, mention, other):
            continue
        return True
    return _listed(words, mention, covered, asked) or _and_another(words, mention, covered, asked)


def _or_after(words: Sequence[AnswerWord], end: int) -> int | None:
    """Return where the "or" stands that joins what ends at `end` to more: "Paris or", "Paris, Lyon or"."""
    for at in range(end, min(end + 1 + _LIST_REACH, len(words))):
        if words[at].text == "or":
            return at
        if (
            words[at].text in VERBS
            or words[at].after_article
            or words[at].text in {"which", "that", "who", "and"}
        ):
            return None
    return None


def _or_before(words: Sequence[AnswerWord], start: int) -> int | None:
    for at in range(start - 1, max(start - 3, -1), -1):
        if words[at].text == "or":
            return at
        if words[at].text in VERBS or words[at + 1].opens:
            return None
    return None


def _converts(words: Sequence[AnswerWord], mention: Mention, other: int) -> bool:
    """Say whether the alternative is the same quantity in another unit: 100 degrees Celsius or 212
    Fahrenheit."""
    here = {word.text for word in words[mention.start : mention.end + 2]} & UNITS
    there = {word.text for word in words[other : other + 3]} & UNITS
    return words[other].number and bool(here) and bool(there) and here != there


def _listed(words: Sequence[AnswerWord], mention: Mention, covered: set[int], asked: Asked) -> bool:
    """Say whether the answer is one of an enumeration: "honey, pollen and wax", "oxide, iron, and copper"."""
    items = 0
    size = 0  # words of the item that is read
    for at in range(mention.end, len(words)):
        word = words[at]
        if word.text in {"and", "or"}:
            last = at + 1 < len(words) and not _ends_list(words[at + 1]) and at + 1 not in covered
            return last and (items > 0 or (word.opens and mention.start > 0 and words[mention.start].opens))
        if _ends_list(word) or word.after_article or at in covered:
            return False
        if word.gap.strip() == ",":
            items, size = items + 1, 0
        size += 1
        if items == 0 or size > 2 or (word.opens and word.gap.strip() != ","):
            return False
    return False


def _ends_list(word: AnswerWord) -> bool:
    return word.text in VERBS | STOPS | NEGATORS | _NO_ITEMS


def _and_another(words: Sequence[AnswerWord], mention: Mention, covered: set[int], asked: Asked) -> bool:
    """Say whether a second name is joined by "and": "Shakespeare and Marlowe", though not "… and Marlowe
    was"."""
    if not words[mention.start].capital:
        return False
    before = mention.start - 1
    joined = before > 0 and words[before].text == "and" and not words[before].opens
    if joined and _another_name(words[before - 1], before - 1, covered, asked):
        return True
    after = mention.end
    if after + 1 >= len(words) or words[after].text != "and":
        return False
    if not _another_name(words[after + 1], after + 1, covered, asked):
        return False
    return not any(word.text in VERBS - {"are", "were", "have"} for word in words[after + 2 : after + 5])


def _another_name(word: AnswerWord, at: int, covered: set[int], asked: Asked) -> bool:
    known = at in covered or word.text in asked.words or word.text in _NO_ITEMS
    return word.capital and not known
