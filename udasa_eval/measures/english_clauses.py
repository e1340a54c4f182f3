"""Subordinate clauses of English, by the words that begin them and what follows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from udasa_eval.measures.english_verbs import is_participle
from udasa_eval.measures.english_words import (
    AUXILIARIES,
    BE,
    CONJUNCTIONS,
    DETERMINERS,
    FINITE,
    FINITE_AFTER,
    MAYBE_SUBJECTS,
    OPENINGS,
    ORDERS,
    PREPOSITIONS,
    REACH,
    SIGNS,
    SUBJECTS,
    SUBORDINATORS,
    TAKE_CLAUSE,
    WH,
    listed,
)

# "The longer we waited, the more nervous he became."
_CORRELATIVE = re.compile(r"the (?:more|less|fewer|\w+er)\b.*,\s*the (?:more|less|fewer|\w+er)\b")
# They begin a clause unless it is cut short: "while in London", "if necessary".
_IF_WHOLE = frozenset(("if", "while"))
_CERTAIN = SUBORDINATORS - _IF_WHOLE
_BEFORE_THAT = listed("so now given provided except assuming such")
_SHORT = listed("so not any possible necessary needed applicable ever only")
_NOUNS_IN_ING = listed("thing everything something anything nothing morning evening spring king")
# A clause without a mark follows: "everything he said".
_PRONOUNS = listed(
    "everything something anything nothing all everyone anyone things thing way time day moment reason"
)
_VERBS = ORDERS | FINITE


def has_clause(tokens: Sequence[str], asks: bool) -> bool:
    """Say whether a finite clause stands inside another one. asks: whether the sentence is a question."""
    if _CORRELATIVE.match(" ".join(tokens)):
        return True
    return any(_begins_clause(tokens, at, asks) for at in range(len(tokens)))


def _begins_clause(tokens: Sequence[str], at: int, asks: bool) -> bool:
    word = tokens[at]
    before = tokens[at - 1] if at else ""
    after = tokens[at + 1] if at + 1 < len(tokens) else ""
    if not after or after in SIGNS:
        return False
    if word in _CERTAIN:
        return after != "of"
    if word in _IF_WHOLE:
        return before != "a" and not _is_elliptical(tokens, at + 1)
    if word in FINITE_AFTER:
        names_examples = word == "as" and "such" in tokens[:at]
        return not names_examples and _is_finite_ahead(tokens, at + 1)
    if word == "that":
        return _that_begins_clause(tokens, at, before, after, asks)
    if word in WH:
        return _wh_begins_clause(tokens, at, after, asks)
    if word in SUBJECTS | MAYBE_SUBJECTS and before:
        sure = word in SUBJECTS
        if before in TAKE_CLAUSE:
            return sure or after in AUXILIARIES or after in FINITE
        # "everything he said", "the book I read"
        named = at > 1 and tokens[at - 2] in DETERMINERS and before not in PREPOSITIONS | AUXILIARIES
        adverbial = at > 2 and tokens[at - 3] in PREPOSITIONS
        return sure and (before in _PRONOUNS or (named and not adverbial))
    return False


def _is_elliptical(tokens: Sequence[str], at: int) -> bool:
    """Say whether what follows has no subject and verb: "while in London", "if necessary", "when asked"."""
    word = tokens[at]
    ing = word.endswith("ing") and word not in _NOUNS_IN_ING
    return word in PREPOSITIONS or word in _SHORT or ing or is_participle(tokens, at)


def _is_finite_ahead(tokens: Sequence[str], at: int) -> bool:
    """Say whether a subject and a finite verb follow, before a sign or another clause."""
    if tokens[at] in SUBJECTS:
        return at + 1 < len(tokens)
    if tokens[at] == "if":
        return True
    for place in range(at + 1, min(at + 1 + REACH, len(tokens))):
        word = tokens[place]
        if word in SIGNS or word in CONJUNCTIONS or word in WH or word == "that":
            return False
        if word in AUXILIARIES or word in FINITE:
            return True
        if tokens[place - 1] not in DETERMINERS and is_participle(tokens, place):
            return True
        if place == at + 1 and tokens[at] in MAYBE_SUBJECTS and word not in PREPOSITIONS:
            return True
    return False


def _that_begins_clause(tokens: Sequence[str], at: int, before: str, after: str, asks: bool) -> bool:
    if not before or (asks and at < 3 and before in AUXILIARIES):
        return False
    if before in _BEFORE_THAT:
        return True
    if before in PREPOSITIONS | CONJUNCTIONS | SIGNS | DETERMINERS:
        return False
    if after in SUBJECTS | MAYBE_SUBJECTS - {"one"} | DETERMINERS | AUXILIARIES:
        return True
    if before in TAKE_CLAUSE or before in BE:
        return at + 2 < len(tokens)
    plain = after.endswith("s") and not after.endswith(("ss", "us"))
    return plain or after.endswith("ed") or after in _VERBS


def _wh_begins_clause(tokens: Sequence[str], at: int, after: str, asks: bool) -> bool:
    leading = all(one in OPENINGS | PREPOSITIONS for one in tokens[:at])
    if after == "to" or (leading and asks):
        return False
    if leading and (after in ("a", "an") or tokens[at] == "how"):
        return False
    return not (tokens[at] in ("when", "where") and _is_elliptical(tokens, at + 1))
