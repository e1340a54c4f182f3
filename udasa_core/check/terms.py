"""Whether the terms of a model that votes, reads, judges or samples speak of training with its output.

A hint by names, and no legal advice: which terms bind whom, only their reader can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from udasa_core.config.parse import RunConfig
from udasa_core.errors import FOREIGN
from udasa_core.export.licence import UNKNOWN, licence_of
from udasa_core.models.model_size import local_folder, local_path
from udasa_core.records import ModelRef

# What a licence, or where none is stated a source, is called → what such terms say. The first that fits.
_TERMS = (
    (
        r"llama-?[23](?![.\d])|llama-?3\.0",
        "the Llama 2 and Llama 3 licences forbid to improve other language models with its output",
    ),
    (
        r"llama",
        "from Llama 3.1 on, a model trained with its output bears Llama in its name, and its licence, where "
        "it is passed on; before, other models must not be trained with it",
    ),
    (
        r"gemma",
        "the Gemma terms count a model trained with its output among its derivatives, to which they apply, "
        "too",
    ),
    (
        r"openai\.com|\bopenai\b(?!/gpt-oss)|chatgpt|\bgpt-[345]|^o[1-9](-|$)",
        "OpenAI's terms forbid to develop competing models with its output",
    ),
    (
        r"anthropic|\bclaude",
        "Anthropic's terms forbid to train competing models with its output",
    ),
    (
        r"generativelanguage\.googleapis|\bgemini",
        "Google's terms forbid to develop competing models with its output",
    ),
)
# The kinds whose models say something of responses, or say the responses.
_KINDS = ("generator", "dimension", "judge")
# The options that name a model, or who serves it.
_NAMING = ("source", "model", "base_url")


def terms_notes(config: RunConfig) -> Iterator[str]:
    """Yield a sentence for each model beside the policy whose licence, or name, is one of known terms.

    Licences are those that a model's files state, where they are on this machine. Nothing is fetched.
    """
    named: list[tuple[str, str]] = []
    if reader := config.models.get("reader"):
        named.append(("reader", reader.source))
    for table in config.plugins():
        if table.kind in _KINDS:
            named += [(f"{table.kind} {table.name!r}", name) for name in _named(table.options)]
    said_of: set[tuple[str, str]] = set()
    for place, source in named:
        if source == config.model.source:
            continue  # a model trained with its own output stays under its own licence
        licence = licence_of_source(source, config.root)
        name = source if licence == UNKNOWN else licence
        told = next((said for pattern, said in _TERMS if re.search(pattern, name.casefold())), "")
        # A server's address and its model's name are of one voice.
        if told and (place, told) not in said_of:
            said_of.add((place, told))
            by = "to judge by its name" if licence == UNKNOWN else f"licence {licence}"
            yield (
                f"{place}: {source} ({by}): {told}. A hint, and no legal advice: read the terms before you "
                "train with what it says"
            )


def _named(options: Any) -> Iterator[str]:
    """Yield the names of models and servers in a table's options, however deep."""
    if isinstance(options, Mapping):
        for key, value in options.items():
            if key in _NAMING and isinstance(value, str):
                yield value
            else:
                yield from _named(value)
    elif isinstance(options, list | tuple):
        for item in options:
            yield from _named(item)


def licence_of_source(source: str, root: Path) -> str:
    """Return the licence that a model's own files state; "unknown" where it is no model's source, is not
    here, or states none. What a wheel states is its packaging's."""
    try:
        path = local_path(source, root)
        folder = local_folder(path) if path is not None else None
    except FOREIGN:  # a name that a server knows is no source
        return UNKNOWN
    if folder is None:
        return UNKNOWN
    return licence_of(
        ModelRef(source=f"file:{folder}", revision="", dtype="", template="", folder=str(folder))
    )
