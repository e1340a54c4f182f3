"""What the terms of known models ask of whoever trains with their weights or their output, and passes it on.

Found by licence, or where none is stated by name: hints, and no legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from udasa_core.export.licence import UNKNOWN

# The kinds whose models say something of responses, or say the responses.
SPEAKING = ("generator", "dimension", "judge")
# The options that name a model, or who serves it.
_NAMING = ("source", "model", "base_url")


@dataclass(frozen=True, slots=True)
class Terms:
    """One family's terms.

    pattern: what the licence, or where none is stated the source, is called. output: what they say of
    training with the model's output ("" where nothing). passing_on: what they ask of whoever passes on a
    model that was made from it. prefix: what such a model's name begins with; shown: what is shown with it.
    by_licence: a name alone does not tell these. family: for
    readers.
    """

    pattern: str
    output: str = ""
    passing_on: str = ""
    prefix: str = ""
    shown: str = ""
    by_licence: bool = False
    family: str = ""


_COPY = "pass on a copy of the licence with it"
# The first that fits.
KNOWN = (
    Terms(
        r"llama-?2(?![.\d])",
        family="Llama 2",
        output="the Llama 2 and Llama 3 licences forbid to improve other language models with its output",
        passing_on=f"{_COPY}, and its Notice; the Acceptable Use Policy binds whoever uses this model",
    ),
    Terms(
        r"llama-?3(?![.\d])|llama-?3\.0",
        family="Llama 3",
        output="the Llama 2 and Llama 3 licences forbid to improve other language models with its output",
        passing_on=f"{_COPY}, and its Notice; the name of this model begins with Llama 3, and where it is "
        "offered it says Built with Meta Llama 3; the Acceptable Use Policy binds whoever uses it",
        prefix="Llama-3",
        shown="Built with Meta Llama 3",
    ),
    Terms(
        r"llama",
        family="Llama 3.1 and later",
        output="from Llama 3.1 on, a model trained with its output bears Llama in its name, and its licence, "
        "where it is passed on; before, other models must not be trained with it",
        passing_on=f"{_COPY}, and its Notice; the name of this model begins with Llama, and where it is "
        "offered it says Built with Llama; the Acceptable Use Policy binds whoever uses it",
        prefix="Llama",
        shown="Built with Llama",
    ),
    Terms(
        r"gemma",
        family="Gemma",
        output="the Gemma terms count a model trained with its output among its derivatives, to which they "
        "apply, too",
        passing_on="pass on the Gemma Terms of Use, their restrictions of use as a binding condition, and a "
        "notice that this model was changed, which this card is",
    ),
    Terms(
        r"qwen|qianwen",
        family="Qwen, by licence",
        output="the Qwen licences ask whoever passes on a model trained with its output to show Built with "
        "Qwen, or Improved using Qwen",
        passing_on=f"{_COPY}; the documentation of this model says Built with Qwen, or Improved using Qwen",
        shown="Built with Qwen",
        by_licence=True,
    ),
    Terms(
        r"cc-by-nc|non-?commercial|research",
        family="not commercial, by licence",
        passing_on="for uses that are not commercial alone; name whoever made it",
        by_licence=True,
    ),
    Terms(
        r"openrail",
        family="OpenRAIL, by licence",
        passing_on=f"{_COPY}, and its restrictions of use",
        by_licence=True,
    ),
    Terms(
        r"openai\.com|\bopenai\b(?!/gpt-oss)|chatgpt|\bgpt-[345]|^o[1-9](-|$)",
        family="OpenAI",
        output="OpenAI's terms forbid to develop competing models with its output",
    ),
    Terms(
        r"anthropic|\bclaude",
        family="Anthropic",
        output="Anthropic's terms forbid to train competing models with its output",
    ),
    Terms(
        r"generativelanguage\.googleapis|\bgemini",
        family="Google Gemini",
        output="Google's terms forbid to develop competing models with its output",
    ),
)
_UNTOLD = Terms("")


def terms_of(licence: str, source: str) -> Terms:
    """Return the terms that a model comes under, by its licence, or where that is "unknown" by its source;
    empty ones where they are none of the known."""
    is_named = licence == UNKNOWN
    name = (source if is_named else licence).casefold()
    known = (one for one in KNOWN if not (is_named and one.by_licence))
    return next((one for one in known if re.search(one.pattern, name)), _UNTOLD)


def named_voices(options: Any) -> Iterator[Mapping[str, str]]:
    """Yield what a plugin's options name together, however deep: a model's source, or a server and its model,
    by option."""
    if isinstance(options, Mapping):
        if named := {name: options[name] for name in _NAMING if isinstance(options.get(name), str)}:
            yield {name: value for name, value in named.items() if value}
        for key, value in options.items():
            if key not in _NAMING or not isinstance(value, str):
                yield from named_voices(value)
    elif isinstance(options, list | tuple):
        for item in options:
            yield from named_voices(item)


def named_models(options: Any) -> Iterator[str]:
    """Yield the names of models and servers in a plugin's options, however deep."""
    for voice in named_voices(options):
        yield from voice.values()
