"""How a model thinks before it answers: its marks, found by rendering, and a response split by them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from udasa_core.text.thought import ThoughtMarks, answer_start, is_reasoning_tag, mirrored, opening

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Stand for a thought and an answer; what a template writes around the thought marks it.
_THOUGHT, _ANSWER = "Thought7f3a", "Answer7f3a"
_ASKED = {"role": "user", "content": "?"}
# Under which a message has its thought, in one template or another.
_KEYS = ("reasoning_content", "reasoning", "thinking")
# A prompt's last tokens are enough to see whether it opens a thought.
_END = 32

# Renders a conversation as text, an answer opened at its end if the second argument says so. Raises
# ValueError where the template refuses it.
Written = Callable[[Sequence[Mapping[str, str]], bool], str]


def found_marks(tokenizer: PreTrainedTokenizerBase, written: Written) -> ThoughtMarks | None:
    """Return how a model marks its thoughts; None where neither its chat template nor its tokens tell.

    A template that takes a message's thought apart from its content shows the marks around it. One that
    only opens a thought shows the beginning, whose spelling tells the end; and so do added tokens.
    """
    prompt = _written(written, (_ASKED,), True)
    begins = opening(prompt)
    for key in _KEYS:
        turn = {"role": "assistant", "content": _ANSWER, key: _THOUGHT}
        before, found, rest = _written(written, (_ASKED, turn), False).rpartition(_THOUGHT)
        closing, answered, _ = rest.partition(_ANSWER)
        if found and answered and closing.strip():
            told = opening(before) or _own(before, prompt, closing.strip())
            if told:
                return ThoughtMarks(told, closing.strip(), closing)
    added = [str(token.content) for token in tokenizer.added_tokens_decoder.values()]
    if not begins:
        begins = next((one for one in added if is_reasoning_tag(one) and mirrored(one) in added), "")
    ends = mirrored(begins)
    return ThoughtMarks(begins, ends, f"\n{ends}\n\n") if ends else None


def thinking_note(
    tokenizer: PreTrainedTokenizerBase,
    marks: ThoughtMarks | None,
    prompt: Sequence[int],
    thinking_tokens: int | None,
) -> str:
    """Say whether a model thinks before it answers a prompt (token ids), and what is done then; "" where
    nothing shows that it can."""
    if marks is None:
        return ""
    opened = opened_by(tokenizer, marks, prompt)
    if not opened and _decoded(tokenizer, prompt[-_END:]).rstrip().endswith(marks.ends):
        return f"the chat template closes the model's thought at once ({marks.ends}): it answers without one"
    does = (
        f"the model thinks before it answers, for its chat template opens a thought ({opened})"
        if opened
        else f"the model may think before it answers, for there are marks of thoughts ({marks.begins})"
    )
    budget = (
        f"thinking_tokens = {thinking_tokens} bounds the thought apart from the answer"
        if thinking_tokens
        else "max_new_tokens bounds thought and answer together, unless thinking_tokens bounds the thought"
    )
    return (
        f"{does}: what comes before {marks.ends} is split off, answers alone are compared, read and graded, "
        f"and a response that is cut off in its thought is never paired; {budget}. tokens, of a dimension by "
        "likelihood and of [trainer], says whether the thought counts"
    )


def _own(before: str, prompt: str, ends: str) -> str:
    """Return the mark of a model's own that a text ends with, before a thought; "" where none shows: what
    comes after the `prompt`, or what `ends` tells."""
    if before.startswith(prompt) and (new := before[len(prompt) :].strip()):
        return new
    told = re.sub(r"\A([<\[◁])/", r"\1", ends)
    return told if before.rstrip().endswith(told) else ""


def opened_by(tokenizer: PreTrainedTokenizerBase, marks: ThoughtMarks | None, prompt: Sequence[int]) -> str:
    """Return the mark by which a prompt (token ids) opens the response's thought, "" where it opens none."""
    return opening(_decoded(tokenizer, prompt[-_END:]), marks)


def split_thought(
    tokenizer: PreTrainedTokenizerBase,
    marks: ThoughtMarks | None,
    opened: str,
    token_ids: Sequence[int],
    stops: Collection[int],
) -> tuple[str, int]:
    """Return a response's thought as it is spelled, special tokens too, and how many of its tokens, the first
    ones, are the thought's: all of them where it does not end.

    opened: as `opened_by`. White space behind the thought's end mark is the thought's in tokens, and so is a
    token that holds the mark's end.
    """
    count = len(token_ids)
    while count and token_ids[count - 1] in stops:
        count -= 1
    text = _decoded(tokenizer, token_ids[:count])
    start = answer_start(text, marks, opened)
    if start is None:
        return text, len(token_ids)
    if not start:
        return "", 0
    thought = text[:start].rstrip()
    lengths = _Lengths(tokenizer, token_ids)
    marked = bisect_left(range(count), len(thought), key=lengths)
    spaced = bisect_right(range(count + 1), start, key=lengths) - 1
    return thought, max(marked, spaced)


@dataclass(frozen=True, slots=True)
class _Lengths:
    """The characters that a response's first tokens spell, by their number."""

    tokenizer: PreTrainedTokenizerBase
    token_ids: Sequence[int]

    def __call__(self, count: int) -> int:
        return len(_decoded(self.tokenizer, self.token_ids[:count]))


def _decoded(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids)))


def _written(written: Written, turns: Sequence[Mapping[str, str]], generation: bool) -> str:
    """Return a conversation as text, "" where the template takes no such turns."""
    with suppress(ValueError):
        return written(turns, generation)
    return ""
