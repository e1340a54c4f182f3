"""A judge's yes or no, read from its own words."""

from __future__ import annotations

import re

_FIRST = re.compile(r"\W*(yes|no)\b(?!\W{0,3}(?:and|or|/)?\W{0,3}(?:yes|no)\b)", re.IGNORECASE)
_MARKED = re.compile(r"\[\[\s*(yes|no)\s*\]\]", re.IGNORECASE)
# "Answer: yes", "**Verdict:** No", "True: yes": a line that says what it is and then the verdict.
_NAMED = re.compile(r"[\W_]*(?:[\w' ]{1,40}[\W_]*[:=][\W_]*)?(yes|no)[\W_]*", re.IGNORECASE)


def parse_yes_no(raw: str, quality: str = "") -> bool | None:
    """Return True for yes, False for no, None where the judge's text is not clearly one of them.

    quality: what was asked after, as an adjective ("truthful").

    Read in this order: "[[yes]]" or "[[no]]", where all such marks agree; a text that begins with yes or no,
    whatever follows, but "yes or no", "yes and no", "Yes/No"; a last line that is yes or no alone or after
    a colon ("Verdict: no"); "the answer is truthful" or "this answer is not truthful", where all such
    statements agree. A "no" inside a sentence ("there is no evidence") decides nothing.
    """
    if marks := {mark.lower() for mark in _MARKED.findall(raw)}:
        return marks == {"yes"} if len(marks) == 1 else None
    lines = [line for line in raw.splitlines() if line.strip()]
    if not lines:
        return None
    if found := _FIRST.match(raw) or _NAMED.fullmatch(lines[-1]):
        return found[1].lower() == "yes"
    return _stated(raw, quality) if quality else None


def _stated(raw: str, quality: str) -> bool | None:
    """Return what all sentences "the answer is (not) …" say, None where there is none or they disagree."""
    found = re.findall(
        rf"(?<!whether )(?<!if )\b(?:the|this) answer is (not |un)?{re.escape(quality)}\b(?! or\b)",
        raw,
        re.IGNORECASE,
    )
    verdicts = {not negation for negation in found}
    return verdicts.pop() if len(verdicts) == 1 else None
