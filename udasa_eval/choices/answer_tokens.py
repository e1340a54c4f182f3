"""An answer's tokens after its context's: what a model is asked the likelihood of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from udasa_core import UdasaError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Tokens = tuple[int, ...]
# "own": an answer's own tokens; "lm-eval": as lm-evaluation-harness cuts them, for figures that are compared
# with its own.
TokenRule = Literal["own", "lm-eval"]


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    """Token ids of a context and of the answer that follows it, neither empty; the answer's are scored."""

    context: Tokens
    answer: Tokens

    def __post_init__(self) -> None:
        if not self.context or not self.answer:
            raise ValueError("a context and its answer have at least one token each")

    @property
    def read(self) -> int:
        """How many tokens a model reads: all but the last, which is only foretold."""
        return len(self.context) + len(self.answer) - 1

    def within(self, length: int) -> AnswerTokens:
        """Return what a model of context length `length` can read: the context's beginning goes.

        Raises UdasaError where the answer alone is longer.
        """
        if self.read <= length:
            return self
        if len(self.answer) > length:
            raise UdasaError(
                f"an answer has {len(self.answer)} tokens, more than the {length} that the model can attend "
                "to: choose a model with a longer context"
            )
        return AnswerTokens(self.context[self.read - length :], self.answer)


def tokenised(
    tokenizer: PreTrainedTokenizerBase, context: str, answers: Sequence[str], rule: TokenRule = "own"
) -> list[AnswerTokens]:
    """Return each answer after one context, tokenised as lm-evaluation-harness 0.4.13 does (`_encode_pair`).

    White space at the context's end goes over to the answer; context and answer are encoded as one text,
    with the tokenizer's own special tokens, and cut where the context alone, encoded, ends.

    rule: by "own", what a tokenizer appends to every text (an end token) is no part of a context or an
    answer. By "lm-eval" it is: the context ends with it, and such a text is cut one token late, so that the
    end token is scored in place of the answer's first. They differ for such tokenizers alone.
    """
    kept = context.rstrip()
    moved = context[len(kept) :]
    ending = _appended(tokenizer) if rule == "own" else 0
    start, *wholes = (
        ids[: len(ids) - ending]
        for ids in tokenizer([kept, *(kept + moved + answer for answer in answers)])["input_ids"]
    )
    return [AnswerTokens(tuple(start), tuple(whole[len(start) :])) for whole in wholes]


def _appended(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many special tokens the tokenizer puts after every text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    before = next(place for place in range(len(whole)) if whole[place : place + len(bare)] == bare)
    return len(whole) - before - len(bare)
