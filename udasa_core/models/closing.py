"""The token with which a chat template closes the assistant's turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Stands for a response; whatever a template writes after it closes the turn.
_RESPONSE = "Response7f3a"
_ANSWERED = ({"role": "user", "content": "?"}, {"role": "assistant", "content": _RESPONSE})
_ASKED_ON = (*_ANSWERED, _ANSWERED[0])

# Renders a conversation as text, without opening an answer. Raises ValueError where the template refuses it,
# which is said of each prompt.
Rendered = Callable[[Sequence[Mapping[str, str]]], str]


def closing_token(tokenizer: PreTrainedTokenizerBase, render: Rendered) -> int | None:
    """Return the added token (<|im_end|>, say) that comes first after a response, or None where none does.

    It counts where it follows a response that is the last turn and one that another turn follows, so that a
    token that opens the next turn is not taken for it.
    """
    last, within = (_ids(tokenizer, _after(turns, render)) for turns in (_ANSWERED, _ASKED_ON))
    added = set(tokenizer.added_tokens_decoder)
    for token, other in zip(last, within, strict=False):
        if token != other:
            return None
        if token in added:
            return token
    return None


def closing_note(tokenizer: PreTrainedTokenizerBase, render: Rendered, eos_ids: Collection[int]) -> str:
    """Say where a template closes a turn otherwise than the model's settings (`eos_ids`) tell, and what is
    done about it; "" where they agree."""
    closing = closing_token(tokenizer, render)
    if closing in eos_ids:
        return ""
    named = " or ".join(str(tokenizer.convert_ids_to_tokens(token)) for token in sorted(eos_ids)) or "none"
    if closing is not None:
        spelled = tokenizer.convert_ids_to_tokens(closing)
        return (
            f"the chat template closes a turn with {spelled}, and the model's settings (eos_token_id) name "
            f"{named}: responses end at either, and recorded ones are closed with {spelled}"
        )
    return (
        f"the chat template closes a turn with no token of its own (it writes {_after(_ANSWERED, render)!r} "
        f"there): responses end at {named} alone, as the model's settings name it. Look whether they run on "
        "into further turns; if so, mend the model's chat_template, or name the token that ends them in its "
        "generation_config.json (eos_token_id)"
    )


def turns_text(render: Rendered) -> str:
    """Return what a template makes turns of, as text; "" where it takes no such conversation."""
    with suppress(ValueError):
        return render(_ASKED_ON)
    return ""


def _after(turns: Sequence[Mapping[str, str]], render: Rendered) -> str:
    """Return what comes after the response; "" where the template left it out, or takes no such turns."""
    with suppress(ValueError):
        _, found, rest = render(turns).rpartition(_RESPONSE)
        return rest if found else ""
    return ""


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
