"""Passives and orders of English, by words and their order."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_eval.measures.english_words import (
    AFTER_GET,
    ALSO_NOUNS,
    AUXILIARIES,
    BE,
    BETWEEN,
    CONJUNCTIONS,
    DETERMINERS,
    FINITE_AFTER,
    GET,
    MAYBE_SUBJECTS,
    NO_PARTICIPLES,
    OPENINGS,
    ORDERS,
    PARTICIPLES,
    PREPOSITIONS,
    REACH,
    SIGNS,
    SUBJECTS,
    SUBORDINATORS,
    WH,
    listed,
)

# Before "'s" as "is".
_WITH_IS = listed("it he she that what who there this")
# What may follow a verb that is a noun as well, besides pronouns and phrases.
_OBJECTS = listed("me him them us yourself that if whether not and , straight left right carefully")


def is_participle(tokens: Sequence[str], at: int) -> bool:
    """Say whether a word is a past participle by its form, and no adjective that looks like one."""
    word = tokens[at]
    if word in NO_PARTICIPLES:
        return tokens[at + 1 : at + 2] == ["by"]
    ends = (
        word.endswith("ed")
        and len(word) > 3
        and (not word.endswith("eed") or word in ("freed", "guaranteed"))
    )
    return word in PARTICIPLES or ends


def is_passive(tokens: Sequence[str]) -> bool:
    """Say whether "be" or "get" goes with a participle somewhere, adverbs or a subject between them."""
    for at, word in enumerate(tokens):
        is_be = word in BE or (word == "'s" and tokens[at - 1 : at] != [] and tokens[at - 1] in _WITH_IS)
        if not is_be and word not in GET:
            continue
        place = at + 1
        while place < len(tokens) and (tokens[place] in BETWEEN or tokens[place].endswith("ly")):
            place += 1
        follows = place < len(tokens) and is_participle(tokens, place)
        if follows and tokens[at - 1 : at] != ["there"] and not (word in GET and tokens[place] in AFTER_GET):
            return True
        # "Was the bridge built …?": the subject stands between.
        if is_be and all(one in WH or one in OPENINGS for one in tokens[:at]):
            for later in range(at + 2, min(at + 2 + REACH, len(tokens))):
                if tokens[later] in SIGNS or tokens[later] in ("that", "to", "who", "which"):
                    break
                if is_participle(tokens, later) and _closes(tokens, later + 1):
                    return True
    return False


def _closes(tokens: Sequence[str], at: int) -> bool:
    """Say whether a verb may have ended before this place: nothing follows, or what goes with a verb."""
    if at >= len(tokens):
        return True
    word = tokens[at]
    return word in PREPOSITIONS | SIGNS | CONJUNCTIONS | FINITE_AFTER | WH or word.endswith("ly")


def is_order(tokens: Sequence[str]) -> bool:
    """Say whether a sentence, or what comes after its opening phrase, begins with a verb's base form."""
    starts = [0]
    # "To reset it, press …", "If it is dry, add …": after the first comma.
    opens = tokens[0] if tokens else ""
    if opens in SUBORDINATORS | FINITE_AFTER | PREPOSITIONS | WH and "," in tokens:
        starts.append(tokens.index(",") + 1)
    return any(_order_at(tokens, start) for start in starts)


def _order_at(tokens: Sequence[str], at: int) -> bool:
    while at < len(tokens) and tokens[at] in OPENINGS:
        at += 1
    if at >= len(tokens) or tokens[at] not in ORDERS:
        return False
    follows = tokens[at + 1] if at + 1 < len(tokens) else ""
    if follows == "of" or follows in AUXILIARIES - {"have", "do"}:
        return False
    if tokens[at] not in ALSO_NOUNS:
        return True
    return (
        not follows
        or follows in DETERMINERS | PREPOSITIONS | MAYBE_SUBJECTS | SUBJECTS | WH | _OBJECTS
        or follows.endswith("ly")
        or follows.isdigit()
    )
