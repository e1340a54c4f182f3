"""The forms of sentences: questions, orders, passives, subordinate clauses, list items."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from udasa_core import Metric, Resamples, sentences
from udasa_eval.measures.english_clauses import has_clause
from udasa_eval.measures.english_verbs import is_order, is_passive

FORMS = ("questions", "imperatives", "passives", "subordinate_clauses", "list_items")
"""The forms that are counted."""

_TOKEN = re.compile(
    r"n't\b|'(?:s|re|m|ll|d|ve)\b|[^\W\d_]+?(?=n't\b)|[^\W\d_]+|\d[\d.,]*\d|\d|[,;:()\u2013\u2014-]"
)
_ITEM = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)]|[a-zA-Z][.)])\s+\S")
_QUESTION_END = re.compile(r"[?？][\"'”’)*_ !?]*$")


def forms_of(sentence: str) -> frozenset[str]:
    """Return which of `FORMS` an English sentence has by itself; none is legal.

    questions: it ends with a question mark. imperatives: its main clause is an order or advice without a
    subject. passives: somewhere "be" or "get" with a participle as its verb, not with an adjective ("is
    tired"). subordinate_clauses: at least one finite clause inside another.

    By words and their order alone, without a parser: docs/evaluation.md says how often it is right.
    """
    asks = bool(_QUESTION_END.search(sentence))
    tokens = [token.replace("n't", "not") for token in _TOKEN.findall(sentence.lower().replace("’", "'"))]
    found = {
        "questions": asks,
        "imperatives": not asks and is_order(tokens),
        "passives": is_passive(tokens),
        "subordinate_clauses": has_clause(tokens, asks),
    }
    return frozenset(form for form, is_there in found.items() if is_there)


def form_counts(texts: Sequence[str]) -> Mapping[str, int]:
    """Return how many sentences of some texts have each of `FORMS`, and how many "sentences" and "words" they
    have.

    A line that begins with a bullet or a number is a list item with all of its sentences.
    """
    counts: Counter[str] = Counter(dict.fromkeys((*FORMS, "sentences", "words"), 0))
    for line in (line for text in texts for line in text.splitlines()):
        for sentence in sentences(line):
            counts["sentences"] += 1
            counts["words"] += len(sentence.split())
            counts["list_items"] += bool(_ITEM.match(line))
            counts.update(forms_of(sentence))
    return dict(counts)


def form_shares(texts: Sequence[str]) -> dict[str, float]:
    """Return each form's share of the sentences of all texts, in [0, 1], and sentence_words, the words in one
    on average.

    Raises ValueError where no text has a sentence.
    """
    counts = form_counts(texts)
    if not counts["sentences"]:
        raise ValueError("forms of texts without a sentence: there is none to count")
    return {name: counts[over] / counts["sentences"] for name, over in _FIGURES.items()}


def form_metrics(counts: Sequence[Mapping[str, int]], resamples: Resamples) -> list[Metric]:
    """Return the figures of `form_shares` over prompts, from the `form_counts` of each one's responses, with
    bootstrap intervals over prompts; n is the number of sentences, and the value NaN where there is none."""
    under = np.array([count["sentences"] for count in counts])
    return [
        resamples.ratio(name, np.array([count[over] for count in counts]), under, int(under.sum()))
        for name, over in _FIGURES.items()
    ]


# A figure → what is counted over sentences.
_FIGURES: Mapping[str, str] = {**{form: form for form in FORMS}, "sentence_words": "words"}
