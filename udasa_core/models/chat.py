"""A conversation written out by a model's chat template."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload

from udasa_core.errors import FOREIGN

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What a template that writes today's date is told: the same prompt is the same tokens on every day. It is the
# date that Llama 3.2's template writes where it is told none.
TODAY = datetime(2024, 7, 26)
# An option of transformers' own: control tokens that a message spells are read as text.
SANITIZE = "sanitize_control_tokens"
_DIRECTIVES = ["-d", "-m", "-H", "-I", "-j", *"aAbBcCdeGhHIjmMpSuUVwWxXyYZzfFDTR", "%"]


@overload
def chat(
    tokenizer: PreTrainedTokenizerBase,
    turns: Sequence[Mapping[str, str]],
    generation: bool,
    options: Mapping[str, Any],
    tokenize: Literal[False],
) -> str: ...


@overload
def chat(
    tokenizer: PreTrainedTokenizerBase,
    turns: Sequence[Mapping[str, str]],
    generation: bool,
    options: Mapping[str, Any],
    tokenize: Literal[True],
) -> list[int]: ...


def chat(
    tokenizer: PreTrainedTokenizerBase,
    turns: Sequence[Mapping[str, str]],
    generation: bool,
    options: Mapping[str, Any],
    tokenize: bool,
) -> str | list[int]:
    """Return a conversation as text or token ids, an answer opened at its end if `generation`.

    The template's today is 26 July 2024, always. Raises ValueError where the template refuses the
    conversation, or fails at it.
    """
    from jinja2 import TemplateError

    template = tokenizer.get_chat_template()
    settings = dict(options)
    if settings.get(SANITIZE) and not _spells_tokens(tokenizer, turns):
        del settings[SANITIZE]
    try:
        rendered: str | list[int] = tokenizer.apply_chat_template(
            list(turns),
            chat_template=_frozen() + template if "strftime_now" in template else None,
            add_generation_prompt=generation,
            tokenize=tokenize,
            return_dict=False,
            **settings,
        )
    except TemplateError as error:
        raise ValueError(f"the model's chat template refuses the conversation: {error}") from error
    # A template is a program: what its author did not foresee can raise anything.
    except FOREIGN as error:
        raise ValueError(
            f"the model's chat template fails at the conversation: {type(error).__name__}: {error}"
        ) from error
    return rendered


def _spells_tokens(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Mapping[str, str]]) -> bool:
    """Say whether a conversation spells tokens that are no ordinary text.

    Some vocabularies have a special token ("!" for padding) as text, too, which transformers refuses to read
    as such: every text with an exclamation mark.
    """
    text = "\0".join(turn["content"] for turn in turns)
    return any(
        added.content in text and not (added.special and token in _as_text(tokenizer, added.content))
        for token, added in tokenizer.added_tokens_decoder.items()
    )


def _as_text(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


def heard(
    tokenizer: PreTrainedTokenizerBase,
    turns: Sequence[Mapping[str, str]],
    generation: bool,
    options: Mapping[str, Any],
) -> list[int]:
    """Return a conversation as token ids, as `chat` does.

    Raises ValueError, too, where the template drops a message: whatever it says, the conversation is the
    same.
    """
    ids = chat(tokenizer, turns, generation, options, True)
    signs = [f"70317031{number}." for number in range(len(turns))]
    signed = [
        {**turn, "content": f"{turn['content']} {sign}"} for turn, sign in zip(turns, signs, strict=True)
    ]
    plain = {name: value for name, value in options.items() if name != SANITIZE}
    try:
        text = chat(tokenizer, signed, generation, plain, False)
    except ValueError:
        return ids  # taken as it is, and not with a sign in it: nothing is known
    for turn, sign in zip(turns, signs, strict=True):
        if turn["content"].strip() and sign not in text:
            raise ValueError(f"the model's chat template drops the {turn['role']} message")
    return ids


def _frozen() -> str:
    """Return a Jinja macro in place of transformers' clock, which takes no other function from outside."""
    replaced = "".join(f" | replace('%{one}', '{TODAY.strftime(f'%{one}')}')" for one in _DIRECTIVES)
    # The line break belongs to the block: transformers has Jinja take it away.
    return f"{{% macro strftime_now(format) %}}{{{{ format{replaced} }}}}{{% endmacro %}}\n"


def unknown_options(tokenizer: PreTrainedTokenizerBase, options: Mapping[str, Any]) -> list[str]:
    """Return the options that neither the chat template's text nor the tokenizer names: ignored."""
    template = tokenizer.get_chat_template()
    known = inspect.signature(type(tokenizer).apply_chat_template).parameters
    return [
        name
        for name in sorted(options)
        if name not in known and not re.search(rf"\b{re.escape(name)}\b", template)
    ]
