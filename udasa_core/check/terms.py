"""Whether the terms of a model that votes, reads, judges or samples speak of training with its output.

A hint by names, and no legal advice: which terms bind whom, only their reader can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from udasa_core.config.parse import RunConfig
from udasa_core.export.licence import UNKNOWN, licence_of_source
from udasa_core.export.terms import SPEAKING, named_models, terms_of


def terms_notes(config: RunConfig) -> Iterator[str]:
    """Yield a sentence for each model beside the policy whose licence, or name, is one of known terms.

    Licences are those that a model's files state, where they are on this machine. Nothing is fetched.
    """
    named: list[tuple[str, str]] = []
    if reader := config.models.get("reader"):
        named.append(("reader", reader.source))
    for table in config.plugins():
        if table.kind in SPEAKING:
            named += [(f"{table.kind} {table.name!r}", name) for name in named_models(table.options)]
    said_of: set[tuple[str, str]] = set()
    for place, source in named:
        if source == config.model.source:
            continue  # a model trained with its own output stays under its own licence
        licence = licence_of_source(source, config.root)
        told = terms_of(licence, source).output
        # A server's address and its model's name are of one voice.
        if told and (place, told) not in said_of:
            said_of.add((place, told))
            by = "to judge by its name" if licence == UNKNOWN else f"licence {licence}"
            yield (
                f"{place}: {source} ({by}): {told}. A hint, and no legal advice: read the terms before you "
                "train with what it says"
            )
