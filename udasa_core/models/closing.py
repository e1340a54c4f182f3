"""The token with which a chat template closes the assistant's turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Stands for a response; whatever a template writes after it closes the turn.
_RESPONSE = "Response7f3a"

# Renders a conversation as text, without opening an answer.
Rendered = Callable[[Sequence[Mapping[str, str]]], str]


def closing_token(tokenizer: PreTrainedTokenizerBase, render: Rendered) -> int | None:
    """Return the added token (<|im_end|>, say) that comes first after a response, or None where none does.

    It counts where it follows a response that is the last turn and one that another turn follows, so that a
    token that opens the next turn is not taken for it. `render` raises what the template raises.
    """
    answered = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _RESPONSE}]
    last = _after(tokenizer, render(answered))
    within = _after(tokenizer, render([*answered, {"role": "user", "content": "?"}]))
    added = set(tokenizer.added_tokens_decoder)
    for token, other in zip(last, within, strict=False):
        if token != other:
            return None
        if token in added:
            return token
    return None


def _after(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Return the tokens that come after the response; none where the template left it out."""
    _, found, rest = text.rpartition(_RESPONSE)
    ids: list[int] = tokenizer(rest, add_special_tokens=False)["input_ids"] if found else []
    return ids
