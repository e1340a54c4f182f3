"""What a model thinks before it answers: the marks that it stands between, and where the answer begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_NAME = r"(?:think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad|inner_monologue)"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One way of marking thoughts, as regular expressions: what begins one, and what ends it.

    lone: an end that shows, without a beginning before it, that all before it was thought; "" where what
    ends a thought ends other things, too.
    """

    begins: str
    ends: str
    lone: str


def _kind(begins: str, ends: str) -> _Kind:
    return _Kind(begins, ends, ends)


_FINAL = r"<\|channel\|>\s*final[^<]*<\|message\|>"
# <think>, <think …>, <seed:think>; <|begin_of_thought|>, <|START_THINKING|>; OpenAI's and Gemma's channels;
# OpenAI's as it reads without special tokens, and Granite's.
_KINDS = (
    _kind(rf"<(?:\w+:)?{_NAME}(?:\s[^<>\n]*)?>", rf"</(?:\w+:)?{_NAME}\s*>"),
    _kind(rf"<\|(?:begin_of_|start_){_NAME}\|>", rf"<\|(?:end_of_|end_){_NAME}\|>"),
    _kind(r"(?-i:\[THINK\])", r"(?-i:\[/THINK\])"),
    _kind("◁think▷", "◁/think▷"),
    _kind(r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    _Kind(r"<\|channel\|>\s*(?:analysis|commentary)[^<]*<\|message\|>", rf"<\|end\|>|{_FINAL}", _FINAL),
    _kind(r"<\|channel>thought", r"<channel\|>"),
    _Kind(r"\Aanalysis(?=.*assistantfinal)", "assistantfinal", ""),
    _Kind(r"\AHere is my thought process:(?=.*Here is my response:)", "Here is my response:", ""),
)
TAG = re.compile(
    rf"(?P<begins>{'|'.join(kind.begins for kind in _KINDS)})|(?:{'|'.join(kind.ends for kind in _KINDS)})",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ThoughtMarks:
    """How one model marks its thoughts. begins, ends: the marks as they are spelled, without white space.

    closing: what stands between a thought and its answer, the end mark and its white space, as it is.
    """

    begins: str
    ends: str
    closing: str

    def spelled(self, thought: str, answer: str | None, *, opened: bool) -> str:
        """Return a thought and its answer as one text, as the model writes it; None: it does not come to one.

        opened: the prompt has the first mark already.
        """
        line = "\n" if self.closing.startswith("\n") else ""
        begins = "" if opened else f"{self.begins}{line}"
        said = f"{begins}{thought.strip()}"
        return said if answer is None else f"{said}{self.closing}{answer.lstrip()}"


# The commonest, for thoughts of a model that shows no marks.
COMMON = ThoughtMarks("<think>", "</think>", "\n</think>\n\n")


def is_reasoning_tag(text: str) -> bool:
    """Say whether a text is nothing but a tag that begins or ends reasoning ("<think>", say)."""
    return TAG.fullmatch(text) is not None


def opening(text: str, marks: ThoughtMarks | None = None) -> str:
    """Return the mark that a text ends with, and so opens a thought; "" where it ends with none.

    marks: the model's own; the known spellings count beside them.
    """
    for kind in _kinds(marks):
        if found := _compiled(rf"({kind.begins})\s*\Z").search(text):
            return found[1]
    return ""


def answer_start(text: str, marks: ThoughtMarks | None = None, opened: str = "") -> int | None:
    """Return where in a response its answer begins: behind its thought, the mark that ends it, white space.

    0 where it thinks nothing; None where its thought does not end, so that there is no answer. A response
    thinks where the prompt `opened` a thought (with this mark), where it begins with a mark, or where one
    ends that nothing in it began. What ends a thought is the last such mark, as chat templates have it.

    marks: the model's own; the known spellings count beside them.
    """
    for kind in _kinds(marks):
        begins = _compiled(kind.begins)
        if opened:
            thinks = begins.fullmatch(opened) is not None
        else:
            thinks = _compiled(rf"\s*(?:{kind.begins})").match(text) is not None
        if thinks:
            return _behind_last(kind, text)
    for kind in () if opened else _kinds(marks):
        lone = _compiled(kind.lone).search(text) if kind.lone else None
        if lone is not None and _compiled(kind.begins).search(text, 0, lone.start()) is None:
            return _behind_last(kind, text)
    return 0


def mirrored(begins: str) -> str:
    """Return the mark that ends what a known mark begins, "" where its spelling does not tell."""
    for pattern, ends in (
        (r"<((?:\w+:)?\w+)(?:\s[^<>\n]*)?>", r"</\1>"),
        (r"\[(\w+)\]", r"[/\1]"),
        (r"◁(\w+)▷", r"◁/\1▷"),
        (r"<\|begin_of_(\w+)\|>", r"<|end_of_\1|>"),
        (r"<\|START_(\w+)\|>", r"<|END_\1|>"),
        (r"<\|start_(\w+)\|>", r"<|end_\1|>"),
        (r"<\|inner_prefix\|>", "<|inner_suffix|>"),
    ):
        if found := re.fullmatch(pattern, begins):
            return found.expand(ends)
    return ""


def _behind_last(kind: _Kind, text: str) -> int | None:
    ends = list(_compiled(kind.ends).finditer(text))
    if not ends or _compiled(kind.begins).search(text, ends[-1].end()):
        return None
    rest = text[ends[-1].end() :]
    return len(text) - len(rest.lstrip())


def _kinds(marks: ThoughtMarks | None) -> tuple[_Kind, ...]:
    own = (_kind(re.escape(marks.begins), re.escape(marks.ends)),) if marks else ()
    return (*own, *_KINDS)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)
