"""What a judge says itself: its text without its reasoning, and without what it quotes."""

from __future__ import annotations

import re

from udasa_core.text.thought import TAG

_QUOTED = [
    re.compile(pattern, re.DOTALL | re.MULTILINE)
    for pattern in (
        r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)",
        r"^[ \t]*>.*$",
        # What judges are shown stands between such lines.
        r"\[The Start of [^\]\n]*\].*?\[The End of [^\]\n]*\]",
        r"``.*?``|`[^`]*`",
        r"“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»|「[^「」]*」|『[^『』]*』|‹[^‹›]*›",
        r"(?<![\w\"])\"(?=\S)[^\"]*?(?<=\S)\"(?!\w)",
        r"(?<!\w)‘(?:[^‘’]|(?<=\w)’(?=\w))*’(?!\w)",
        r"(?<!\w)'(?=\S)(?:[^'\n]|(?<=\w)'(?=\w))*?(?<=\S)'(?!\w)",
    )
]
_WHOLLY_FENCED = re.compile(r"\s*(```|~~~)\w*\n((?:(?!```|~~~).)*)\n[ \t]*\1\s*", re.DOTALL)
_LABEL = (
    r"(?:(?:my|the|a|an|so|final|overall|total)\s+){0,4}"
    r"(?:rating|score|grade|verdict|judge?ment|decision|evaluation|assessment)(?:\s+is)?"
)
# Taken whole or not at all: what comes behind it is none of it, and a judge may say nothing but stars.
_DRESS = r"[ \t\"'“”„‘’«»`*_.,:;=#-]*+"
_PAIRS = (('"', '"'), ("'", "'"), ("`", "`"), ("“", "”"), ("«", "»"), ("‘", "’"))


def own_words(text: str, mark: str = "") -> str:
    """Return a judge's text without its reasoning (<think>…</think> and the like) and its quotations.

    Reasoning that began and does not end reaches to the text's end; where only its end stands there, all
    before it is reasoning. Quotations: in quotation marks of any kind, in backticks, in a fenced block, in
    lines that begin with ">", and between FastChat's [The Start of …] and [The End of …].

    mark: a regular expression of what is looked for ("[[7]]"). A last line that is nothing else, but for a
    label ("Rating:"), is the judge's own, quotation marks or not: instructions show the form in such.
    """
    said = _without_reasoning(text)
    if fenced := _WHOLLY_FENCED.fullmatch(said):
        said = fenced[2]
    last = _last_line(said, mark) if mark else None
    if last is None:
        return _without_quotations(said)
    return f"{_without_quotations(said[: last.start()])}\n{last['mark']}"


def _without_reasoning(text: str) -> str:
    kept, start, is_reasoning = [], 0, False
    for tag in TAG.finditer(text):
        if tag["begins"] is not None:
            if not is_reasoning:
                kept.append(text[start : tag.start()])
            is_reasoning = True
            continue
        if not is_reasoning:
            # The prompt opened it, as some models' chat templates do.
            kept = []
        start, is_reasoning = tag.end(), False
    return "\n".join(kept if is_reasoning else [*kept, text[start:]])


def _without_quotations(text: str) -> str:
    for pattern in _QUOTED:
        text = pattern.sub(" … ", text)
    return text


def _last_line(text: str, mark: str) -> re.Match[str] | None:
    """Return the last line where it is a mark alone, or behind a label, and not the end of a quotation."""
    found = re.search(
        rf"(?:\A|\n)(?P<fence>[ \t]*```\w*[ \t]*\n)?(?P<line>{_DRESS}(?:(?i:{_LABEL}){_DRESS})?"
        rf"(?P<mark>{mark}){_DRESS})(?(fence)\n[ \t]*```)\s*\Z",
        text,
    )
    if found is None:
        return None
    for opening, closing in _PAIRS:
        there = [found["line"].count(opening), found["line"].count(closing)]
        if there[0] % 2 if opening == closing else there[0] != there[1]:
            return None
    before = text[: found.start()].rstrip()
    # "The response says" and "It ends with:" introduce somebody else's mark, "My rating:" one's own.
    if re.search(r"[\w,:]\Z", before) and not re.search(rf"(?i:{_LABEL})[\W_]*\Z", before):
        return None
    return found
