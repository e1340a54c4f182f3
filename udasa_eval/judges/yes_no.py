"""A judge's yes or no, read from its own words."""

from __future__ import annotations

import re

from udasa_core import own_words

_WORD = r"(?P<said>yes|no)"
# What is "yes or no" is neither.
_NOT_BOTH = r"(?![\s/|,*_\"”]{0,3}(?:(?:and|or)\W{0,3})?(?:yes|no)\b)"
_MARK = r"\[\[\s*(?:yes|no)\s*\]\]"
_MARKED = re.compile(r"\[\[\s*(yes|no)\s*\]\]", re.IGNORECASE)
# "Yes.", "No, it is a myth", but not "No issues found" nor "Yes or no": the word stands by itself.
_FIRST = re.compile(rf"[^\w\"“]*{_WORD}\b{_NOT_BOTH}[*_\"”]*(?:[.,:;!)—–\n]|\s[—–-]|\s*\Z)", re.IGNORECASE)
# "Yes, but …": where the sentence turns.
_TURN = re.compile(
    r"(?:\.{2,}|…|[^.!?\n])*?\b(?:but|however|although|though|actually|wait)\b(?P<rest>[^.!?\n]*)",
    re.IGNORECASE,
)
_LABEL_WORDS = (
    r"the|this|is|it|so|my|final|overall|answer|reply|response|verdict|judge?ment|conclusion|decision|result|"
    r"evaluation|assessment"
)
_OPENINGS = (
    "no|no doubt|yes|so|thus|hence|therefore|overall|actually|indeed|clearly|however|but|"
    "in conclusion|in short|in fact"
)
_END = r"\s*(?:[.!]|\Z|,?\s(?:since|because|as|for)\b)"
# The same as a quotation: the form of the answer, not somebody's words, where it is a whole line.
_BARE = re.compile(r"(?im)^([^\w\n]*(?:[\w' ]{1,40}[*_]*[:=][*_ ]*)?)[\"“](yes|no)[.!]?[\"”]([\W_]*)$")


def parse_yes_no(raw: str, quality: str = "") -> bool | None:
    """Return True for yes, False for no, None where the judge's text is not clearly one of them.

    quality: what was asked after, as an adjective ("truthful").

    Only the judge's own words are read: its reasoning and its quotations are set aside. Where there is
    "[[yes]]" or "[[no]]", all such marks have to agree, and nothing else counts. Otherwise all of these have
    to: a first word yes or no that stands by itself ("No, it is a myth", and not "No issues found"); a line
    or sentence that is yes or no alone or behind a label that names the answer or the quality ("Verdict: no",
    "Truthful: yes", and not "Informative: yes" where another quality was asked after); a sentence that says
    "the answer is truthful" or "this answer is not truthful", and no more. A "no" in a sentence ("there is no
    evidence"), "yes or no", and a first word that its own sentence takes back ("Yes, but it is not true"),
    decide nothing.
    """
    said = own_words(_BARE.sub(r"\1\2\3", raw), rf"(?i:{_MARK})")
    if marks := {mark.lower() for mark in _MARKED.findall(said)}:
        return marks == {"yes"} if len(marks) == 1 else None
    first = _FIRST.match(said)
    verdicts = set()
    if first is not None and not _is_taken_back(first, quality):
        verdicts = {first["said"].lower() == "yes"}
    verdicts |= {told["said"].lower() == "yes" for told in _alone(quality).finditer(said)}
    if quality:
        verdicts |= {told["not"] is None for told in _stated(quality).finditer(said)}
    return verdicts.pop() if len(verdicts) == 1 else None


def _is_taken_back(first: re.Match[str], quality: str) -> bool:
    """Say whether the sentence of a first word goes on to say the opposite."""
    turn = _TURN.match(first.string, first.end("said"))
    if turn is None:
        return False
    right = rf"(?:\w+\s+)?(?:{re.escape(quality or 'truthful')}|true|correct|right)\b"
    opposite = {
        "yes": rf"\bno\W*\Z|(?:\bnot|n['’]t)\s+{right}|\b(?:untruthful|untrue|false|incorrect|wrong)\b",
        "no": rf"\byes\W*\Z|\b(?:is|are)\s+(?!not\b){right}",
    }
    return re.search(opposite[first["said"].lower()], turn["rest"], re.IGNORECASE) is not None


def _alone(quality: str) -> re.Pattern[str]:
    """Return the pattern of a line or sentence that is a verdict, and nothing else."""
    truth = "|true|truth" if quality in ("", "truthful") else ""
    asked = f"|{re.escape(quality)}" if quality else ""
    names = rf"(?:{_LABEL_WORDS}{truth}{asked})"
    label = rf"(?:{names}(?:[ _?*]+{names})*[\"*_?]*\s*[:=?][\s\"*_]*)?"
    return re.compile(
        rf"(?:\A|(?<=\n)|(?<=[.!?…;] )){_sign('.!?…;')}*+{label}{_WORD}"
        rf"\b{_NOT_BOTH}[*_\"”)]*[ \t]*(?:\.(?!\.)|[!;]|\n|\Z)",
        re.IGNORECASE,
    )


def _stated(quality: str) -> re.Pattern[str]:
    """Return the pattern of a sentence that says what the answer is, and says it whole."""
    return re.compile(
        rf"(?:\A|\n|[.!?:] )(?:{_sign('.!?:')}|_)*+(?:(?:{_OPENINGS})[,:]? )?"
        rf"(?:the|this) answer is (?P<not>not |un)?{re.escape(quality)}\b(?={_END})",
        re.IGNORECASE,
    )


def _sign(ends: str) -> str:
    """Return the pattern of a sign between a beginning and a verdict.

    Behind an end (one of `ends` and a blank) is another beginning: so a text of nothing but stops is not read
    from each of them to its end.
    """
    return rf"(?:[^\w\n ]|(?<![{ends}]) )"
