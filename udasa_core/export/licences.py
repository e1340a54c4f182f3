"""Whose licences bind an exported model: its base's, and those of the models that had a say in its pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.export.licence import (
    UNKNOWN,
    licence_link,
    licence_of,
    licence_of_source,
    where_to_look,
)
from udasa_core.export.places import Places
from udasa_core.export.terms import SPEAKING, Terms, named_voices, terms_of
from udasa_core.records import ModelRef
from udasa_core.sources.source import names_source
from udasa_core.store.runs import Run


def root_of(run: Run) -> Path:
    """Return the folder where the relative sources of a run's configuration begin."""
    return Path(run.manifest.plain.get("root", ""))


def base_terms(run: Run) -> Terms:
    """Return the terms that a run's base model comes under by the licence that its files state; what a name
    alone tells is no ground for naming a model."""
    return terms_of(licence_of(run.base, root_of(run)), "")


def licences(run: Run, places: Places) -> Iterator[tuple[str, str]]:
    """Yield what each model is called and its licence, with what its terms ask: the base first, then each
    other one that read, scored, compared, judged or said responses."""
    base = licence_of(run.base, root_of(run))
    asked = terms_of(base, run.base.source).passing_on
    told = _told(base, licence_link(run.base, root_of(run)), where_to_look(run.base))
    yield f"base model, `{run.base.called}`, which binds this model too", _sentence(told, asked, base)
    told_of = set()
    for place, called, asking, licence in _makers(run):
        if (place, called) in told_of:
            continue
        told_of.add((place, called))
        output = next(filter(None, (terms_of(licence, name).output for name in asking)), "")
        known = where_to_look(_named(called)) if names_source(called) else "the terms of whoever serves it"
        yield f"{place}, `{places.source(called)}`", _sentence(_told(licence, "", known), output, licence)


def _makers(run: Run) -> Iterator[tuple[str, str, Sequence[str], str]]:
    """Yield each model beside the base that had a say in what was trained on: its place, what it is called,
    the names that tell its terms, and its licence. Of a server's, the address tells, too."""
    plain, root = run.manifest.plain, root_of(run)
    for role, model in plain["models"].items():
        ref = ModelRef.from_json(model)
        if ref.revision != run.base.revision:
            yield role, ref.source, [ref.source], licence_of(ref, root)
    for kind, table in _tables(plain["config"]):
        place = f"{kind} {table.get('name', table.get('use'))!r}"
        built = [one for one in plain["plugins"] if (one["kind"], one["name"]) == (kind, table.get("name"))]
        # As it was written, and as the plugin filled it up.
        for voice in named_voices([table, *(one["options"] for one in built)]):
            names = list(voice.values())
            if "base_url" in voice:
                yield place, voice.get("model", voice["base_url"]), names, UNKNOWN
                continue
            for name in names:
                if name != run.base.source:
                    yield place, name, [name], licence_of_source(name, root)


def _tables(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in SPEAKING:
        tables = config.get(kind, ())
        for table in [tables] if isinstance(tables, Mapping) else tables:
            yield kind, {"name": table.get("use"), **table}


def _named(source: str) -> ModelRef:
    return ModelRef(source=source, revision="", dtype="", template="")


def _told(licence: str, link: str, where: str) -> str:
    if licence == UNKNOWN:
        return f"unknown, its files state none: look at {where} before you pass this model on"
    return f"{licence} ({link})" if link else licence


def _sentence(told: str, asked: str, licence: str) -> str:
    """Return a licence with what its terms ask; by the name alone where the licence is not known."""
    if not asked:
        return told
    by_name = "to judge by its name, " if licence == UNKNOWN else ""
    return f"{told}. A hint, and no legal advice: {by_name}{asked}"
