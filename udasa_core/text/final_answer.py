"""What a response finally answers, and the marks by which it says so: \\boxed{…}, "The answer is …"."""

from __future__ import annotations

import re
from dataclasses import dataclass

import regex

from udasa_core.text.sentences import asks, sentences
from udasa_core.text.words import WORD, vocabulary

_BOX_OR_BRACE = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
# \text{Paris} is Paris, and so are its kin.
_DRESS = re.compile(r"\\(?:text(?:bf|it|rm|sf|tt)?|math(?:bf|it|rm|sf)|mbox|emph)\s*\{([^{}]*)\}")
_ANSWER = r"(?:(?:the|my)\s+)?(?:final\s+|correct\s+|right\s+)?answer"
_MARKER = re.compile(
    rf"(?<![^\W_]){_ANSWER}(?:\s+to\s+[^.:\n]{{1,80}}?)?[*_]*\s*(?:(?<![^\W_])is\b\s*[:：]?|[:：])\s*"
    # A heading: "## Answer", "**Final answer**".
    rf"|^[ \t]*(?:#+[ \t]*[*_]*|[*_]+){_ANSWER}[*_]*[ \t]*$\s*",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = regex.compile(rf"{WORD}(?:['’.,]{WORD})*", regex.V1)
# "The answer is 8. Spiders …": a number that ends its sentence, and counts no list.
_NUMBER = re.compile(r"\s*(-?\d[\d,.]*)\.(?=\s|$)")
# "Sure! Paris." answers in its second sentence.
_FILLERS = vocabulary(
    "sure certainly of course yes okay ok well great good question hi absolutely thank thanks you for asking "
    "hello i can help with that"
)
# Words that answer nothing by themselves.
_FUNCTION_WORDS = vocabulary(
    "a an the this that these those it its it's there one is are was were be been being am do does did has "
    "have had will would can could also called known named of in on at to for from by with and or as he she "
    "they his her their which who whom whose what when where how why"
)


@dataclass(frozen=True, slots=True)
class MarkedAnswer:
    """An answer that a response marks as its own. text: the answer, without its marks.

    start, end: where the mark stands in the response: a box with what it holds, or the words "the answer is",
    with the answer behind them. boxed: which of the two it is.
    """

    text: str
    start: int
    end: int
    boxed: bool


def marked_answers(text: str) -> list[MarkedAnswer]:
    r"""Return the answers that a response marks as such, in order; none where it marks none.

    They are what its boxes hold (\boxed{…}, \fbox{…}, nested braces and \text{…} being read), where one has
    a word in it; else what follows each "the answer is", "answer:" or heading "Answer", to the end of its
    sentence. A mark without an answer marks nothing.
    """
    return _boxed(text) or _told(text)


def final_answer(text: str, question: str = "") -> str:
    r"""Return what a response finally answers; "" for a response without a word.

    The last of its `marked_answers`; else the first sentence, for models answer first and elaborate then;
    questions and fillers ("Sure!") that stand before it are skipped where something follows. A sentence that
    ends with a colon only announces: the answer is then all that follows it.

    question: given, the words that the answer shares with it are left out, and so are function words: of "The
    capital of France is Paris." stays "Paris". Where nothing would be left, everything is.
    """
    marked = marked_answers(text)
    answer = marked[-1].text if marked else _telling(text)
    return _new_words(answer, question) if question else answer.strip(" \t\n.!*\"'`")


def answer_share(text: str) -> float:
    """Return the share of a response's characters, in [0, 1], that its final answer has; 1 where it marks
    one, or says nothing."""
    if marked_answers(text) or not text.strip():
        return 1.0
    return len(final_answer(text)) / len(text.strip())


def without_opening(text: str) -> str:
    """Return a response from its first sentence on that tells something.

    Questions and fillers ("Sure!", "I can help with that.") before it are left out; a filler that nothing
    follows is kept. "" where a response only asks.
    """
    found = sentences(text)
    start = 0
    for number, sentence in enumerate(found):
        fills = number + 1 < len(found) and not _announces(sentence) and _is_filler(sentence)
        if not fills and not asks(sentence):
            return text[start:]
        start = text.index(sentence, start) + len(sentence)
    return ""


def _boxed(text: str) -> list[MarkedAnswer]:
    """Return the outermost boxes that hold a word; one pass, whatever the depth."""
    found: list[MarkedAnswer] = []
    # Where each open brace's box begins and its content; None for a brace that is no box's.
    opened: list[tuple[int, int] | None] = []
    for match in _BOX_OR_BRACE.finditer(text):
        if match.group() == "{":
            opened.append(None)
        elif match.group().endswith("{") and len(match.group()) > 2:
            opened.append((match.start(), match.end()))
        elif match.group() == "}" and opened:
            box = opened.pop()
            answer = _undressed(text[box[1] : match.start()]) if box else ""
            if box and any(char.isalnum() for char in answer):
                while found and found[-1].start > box[0]:
                    found.pop()
                found.append(MarkedAnswer(answer, box[0], match.end(), boxed=True))
    return found


def _undressed(content: str) -> str:
    while (plain := _DRESS.sub(r"\1", content)) != content:
        content = plain
    return content.strip()


def _told(text: str) -> list[MarkedAnswer]:
    marks = list(_MARKER.finditer(text))
    ends = [*(mark.start() for mark in marks), len(text)][1:]
    found = []
    for mark, end in zip(marks, ends, strict=True):
        rest = text[mark.end() : end]
        number = _NUMBER.match(rest)
        answer = number[1] if number else _telling(rest)
        if answer:
            found.append(MarkedAnswer(answer, mark.start(), mark.end(), boxed=False))
    return found


def _telling(text: str) -> str:
    """Return the first sentence that tells something, or what it announces; "" where there is no sentence."""
    found = sentences(without_opening(text) or text)
    first, *others = [sentence for sentence in found if not asks(sentence)] or found or [""]
    return " ".join(others) if others and _announces(first) else first


def _announces(sentence: str) -> bool:
    return sentence.rstrip("*_ ").endswith(":")


def _is_filler(sentence: str) -> bool:
    return {word.lower() for word in _WORD.findall(sentence)} <= _FILLERS


def _new_words(answer: str, question: str) -> str:
    """Return the words of an answer that the question does not have, in order."""
    asked = {_stem(word) for word in _WORD.findall(question)}
    words = _WORD.findall(answer)
    told = [word for word in words if _stem(word) not in asked and word.lower() not in _FUNCTION_WORDS]
    return " ".join(told or words)


def _stem(word: str) -> str:
    """Return a word without its case, its possessive and its plural."""
    plain = word.lower().replace("’", "'").removesuffix("'s")
    return plain[:-1] if plain.endswith("s") and len(plain) > 3 else plain
