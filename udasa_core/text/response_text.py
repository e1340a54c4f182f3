"""Parts of a response: its sentences, and its final answer."""

from __future__ import annotations

import re

# A full stop after these ends no sentence.
_ABBREVIATIONS = frozenset(
    {
        *("mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "gen", "col", "capt", "inc", "ltd", "vol"),
        *("vs", "etc", "e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "approx", "ca", "fig", "mt", "ft"),
    }
)
_END = re.compile(r"(?<=[.!?。！？؟])[\"'”’)\]*_]*(?=\s)|(?<=[。！？])[」』”’)）]*|\n+")
_LAST_WORD = re.compile(r"[(\[\"'“‘*_]*([^\s.]+(?:\.[^\s.]+)*)\.$")
# Longer than any abbreviation; what stands before is not looked at again at each full stop.
_LONGEST_WORD = 40
# "No. 5" goes on, "No. It is not." does not.
_COUNTS = re.compile(r"\s*\d")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
# Braces may hold braces that hold braces: \boxed{\frac{\sqrt{2}}{2}}.
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_MARKER = re.compile(
    r"(?:^|\b)(?:(?:the|my)\s+)?(?:final\s+|correct\s+|right\s+)?answer(?:\s+to\s+[^.:\n]{1,80}?)?"
    r"\s*(?:is\b\s*:?|:)\s*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’.,][^\W_]+)*", re.UNICODE)
# "The answer is 8. Spiders …": a number that ends its sentence, and counts no list.
_NUMBER = re.compile(r"\s*(-?\d[\d,.]*)\.(?=\s|$)")
# "Sure! Paris." answers in its second sentence.
_FILLERS = frozenset(
    {
        *(
            "sure",
            "certainly",
            "of",
            "course",
            "yes",
            "okay",
            "ok",
            "well",
            "great",
            "good",
            "question",
            "hi",
        ),
        *(
            "absolutely",
            "thank",
            "thanks",
            "you",
            "for",
            "asking",
            "hello",
            "i",
            "can",
            "help",
            "with",
            "that",
        ),
    }
)
# Words that answer nothing by themselves.
_FUNCTION_WORDS = frozenset(
    {
        *("a", "an", "the", "this", "that", "these", "those", "it", "its", "it's", "there", "one"),
        *("is", "are", "was", "were", "be", "been", "being", "am", "do", "does", "did", "has", "have", "had"),
        *("will", "would", "can", "could", "also", "called", "known", "named"),
        *("of", "in", "on", "at", "to", "for", "from", "by", "with", "and", "or", "as"),
        *("he", "she", "they", "his", "her", "their"),
        *("which", "who", "whom", "whose", "what", "when", "where", "how", "why"),
    }
)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, in order, bullets removed; none of them is empty.

    A line ends a sentence. A full stop ends one before white space, unless it belongs to an initial, a number
    of a list or a common English abbreviation. A text without any such sign is one sentence.
    """
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        piece = text[start : match.end()]
        if match.group() == "" or not match.group().startswith("\n"):
            word = _LAST_WORD.search(piece[-_LONGEST_WORD:].rstrip())
            if word and (_is_initials(word[1]) or word[1].lower() in _ABBREVIATIONS):
                continue
            if word and word[1].lower() == "no" and _COUNTS.match(text, match.end()):
                continue
            if re.fullmatch(r"\s*\d{1,2}\.", piece):
                continue
        found.append(piece)
        start = match.end()
    found.append(text[start:])
    stripped = (_BULLET.sub("", piece).strip() for piece in found)
    return [piece for piece in stripped if any(char.isalnum() for char in piece)]


def final_answer(text: str, question: str = "") -> str:
    r"""Return what a response finally answers; "" for a response without a word.

    The last \boxed{…}; else what follows the last "the answer is" or "answer:", to the end of its sentence;
    else the first sentence, for models answer first and elaborate then; questions and fillers ("Sure!") that
    stand before it are skipped where something follows. A sentence that ends with a colon only announces: the
    answer is then all that follows it.

    question: given, the words that the answer shares with it are left out, and so are function words: of "The
    capital of France is Paris." stays "Paris". Where nothing would be left, everything is.
    """
    boxed = _BOXED.findall(text)
    if boxed and boxed[-1].strip():
        answer = boxed[-1].strip()
    else:
        marked = [text[match.end() :] for match in _MARKER.finditer(text)]
        marked = [rest for rest in marked if sentences(rest) or _NUMBER.match(rest)]
        number = _NUMBER.match(marked[-1]) if marked else None
        answer = number[1] if number else _telling(sentences(marked[-1] if marked else text))
    return _new_words(answer, question) if question else answer.strip(" \t\n.!*\"'`")


def _telling(found: list[str]) -> str:
    """Return the first sentence that tells something; "" where there is no sentence."""
    told = [sentence for sentence in found if not sentence.rstrip("\"'”’)* ").endswith("?")]
    for number, sentence in enumerate(told):
        announced = told[number + 1 :] if sentence.rstrip("*_ ").endswith(":") else []
        if announced:
            return " ".join(announced)
        if not {word.lower() for word in _WORD.findall(sentence)} <= _FILLERS:
            return sentence
    return next(iter([*told, *found]), "")


def _is_initials(word: str) -> bool:
    return all(len(part) == 1 and part.isalpha() for part in word.split("."))


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
