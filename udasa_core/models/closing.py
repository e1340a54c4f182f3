"""The token with which a chat template closes the assistant's turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Stands for a response; whatever a template writes after it closes the turn.
_RESPONSE = "Response7f3a"
_SYSTEM = {"role": "system", "content": "Answer."}
_ANSWERED = ({"role": "user", "content": "?"}, {"role": "assistant", "content": _RESPONSE})
_ASKED_ON = (*_ANSWERED, _ANSWERED[0])

# Renders a conversation as text, without opening an answer. Raises ValueError where the template refuses it,
# which is said of each prompt.
Rendered = Callable[[Sequence[Mapping[str, str]]], str]


def closing_token(tokenizer: PreTrainedTokenizerBase, render: Rendered) -> int | None:
    """Return the added token (<|im_end|>, say) that comes first after a response, or None where none does.

    It counts where it follows a response that is the last turn and one that another turn follows, so that a
    token that opens the next turn is not taken for it. Where the template closes no last turn, or takes no
    further one, the other alone decides.
    """
    last, within = (_ids(tokenizer, _after(turns, render)) for turns in (_ANSWERED, _ASKED_ON))
    added = set(tokenizer.added_tokens_decoder)
    if not last:
        opening = _ids(tokenizer, _written(_ANSWERED, render).partition(_ANSWERED[0]["content"])[0])
        first = next((token for token in within if token in added), None)
        return None if first in opening else first
    for token, other in zip(last, within or last, strict=False):
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
    """Return what a template makes turns of, as text; "" where it takes no conversation."""
    return _written(_ASKED_ON, render) or _written(_ANSWERED, render)


def _after(turns: Sequence[Mapping[str, str]], render: Rendered) -> str:
    """Return what comes after the response; "" where the template left it out, or takes no such turns."""
    _, found, rest = _written(turns, render).rpartition(_RESPONSE)
    return rest if found else ""


def _written(turns: Sequence[Mapping[str, str]], render: Rendered) -> str:
    """Return a conversation as text, with a system message where the template asks for one; "" where it takes
    no such conversation."""
    for tried in (turns, (_SYSTEM, *turns)):
        with suppress(ValueError):
            return render(tried)
    return ""


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
