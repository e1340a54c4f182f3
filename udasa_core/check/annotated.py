"""The annotated TOML of `udasa init`: a recipe with every key explained, the others at their defaults.

Made from what reads it (the core's tables and the selected plugins' options), and from what the recipe's own
comments say of its tables, so it says nothing else.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from udasa_core.config.parse import ARRAYS, known_tables, plugin_keys
from udasa_core.config.recipes import DEFAULT, Remark, recipes, remarks
from udasa_core.config.schema import CORE_ARRAYS, CORE_TABLES, KIND_TABLES, PluginKeys
from udasa_core.config.toml_text import read_toml
from udasa_core.config.toml_write import WIDTH, toml_value
from udasa_core.errors import UsageError
from udasa_core.files.whole import write_whole
from udasa_core.hookspecs import KINDS
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.stack import load_factory

# Where the comment behind a key begins.
_COLUMN = 28
_HEAD = """\
# Everything that udasa can be told. `udasa check FILE` explains what this file comes to, and `udasa run FILE`
# runs it. A line that begins with # and no blank is a key at its default: take the # away to change it. …
# stands for a key that is unset.
"""
# What stands before the plugins' tables; the core's other tables stand behind them.
_FIRST = ("run", "model", "prompts")


def annotated(raw: Mapping[str, Any], catalog: Catalog | None = None, said: Sequence[Remark] = ()) -> str:
    """Return `raw` (a configuration's plain data) as annotated TOML that parses to `raw` again.

    said: what its author says of its tables, which stands above them.
    """
    catalog = catalog or read_catalog()
    texts = {(table, number): text for table, number, text in said}

    def above(block: str, table: str, number: int = 0) -> str:
        return "\n".join([*_comment(texts.get((table, number), "")), block])

    blocks = [above("", ""), _HEAD] if ("", 0) in texts else [_HEAD]
    blocks += [above(_core_table(name, raw.get(name)), name) for name in _FIRST]
    headers = {kind: f"[[{kind}]]" if kind in ARRAYS else f"[{kind}]" for kind in KINDS}
    kinds = [kind for kind in KINDS if kind in known_tables()]
    for kind in (kind for kind in kinds if kind in raw):
        entries = raw[kind] if kind in ARRAYS else [raw[kind]]
        blocks += [
            above(_plugin_table(kind, headers[kind], entry, catalog, first=not number), kind, number)
            for number, entry in enumerate(entries)
        ]
    blocks += [above(_core_table(name, raw.get(name)), name) for name in CORE_TABLES if name not in _FIRST]
    for name in CORE_ARRAYS:
        blocks += _core_array(name, raw.get(name, ()))
    blocks += [_absent_plugin(kind, headers[kind], catalog) for kind in kinds if kind not in raw]
    return "\n".join(blocks)


def write_annotated(path: Path, recipe: str = DEFAULT, *, force: bool = False) -> None:
    """Write an annotated recipe. Raises UsageError where the file is there already, unless forced."""
    refuse_to_replace(path, force=force)
    source = recipes()[recipe]
    said = tuple(remarks(source.read_text(encoding="utf-8")))
    write_whole(path, annotated(read_toml(source), said=said))


def refuse_to_replace(path: Path, *, force: bool) -> None:
    """Raise UsageError where the file is there already, unless forced."""
    if path.exists() and not force:
        raise UsageError(f"{path} exists already; `udasa init {path} --force` replaces it")


def _core_table(name: str, values: Mapping[str, Any] | None) -> str:
    model = CORE_TABLES[name]
    about = (model.__doc__ or "").partition("\n")[0].removeprefix(f"[{name}]: ")
    header = f"[{name}]" if values is not None else f"#[{name}]"
    return "\n".join([*_explained(header, about.rstrip(".")), *_keys(model.model_fields, values or {}), ""])


def _core_array(name: str, entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the tables of one of the core's arrays, the first one explained; a commented one if there are
    none."""
    model = CORE_ARRAYS[name]
    about = (model.__doc__ or "").partition("\n")[0].removeprefix(f"[[{name}]]: ")
    for number, values in enumerate(entries or [{}]):
        header = f"[[{name}]]" if entries else f"#[[{name}]]"
        told = _explained(header, about.rstrip(".")) if not number else [header]
        keys = _keys(model.model_fields, values) if not number else _plain_keys(model.model_fields, values)
        yield "\n".join([*told, *keys, ""])


def _plugin_table(kind: str, header: str, values: Mapping[str, Any], catalog: Catalog, *, first: bool) -> str:
    offer = catalog.find(kind, values["use"])
    factory = load_factory(offer)
    summary = " ".join((factory.__doc__ or "").strip().split("\n\n")[0].split())
    lines = [header, *_comment(f"{offer.name}: {summary}" if summary else offer.name)]
    lines += _others(kind, catalog, offer.name) if first else []
    lines.append(f"use = {toml_value(values['use'])}")
    reserved = {key: PluginKeys.model_fields[key] for key in plugin_keys(kind) if key != "use"}
    if kind in ARRAYS:
        lines += _keys(reserved, values) if first else _plain_keys(reserved, values)
    if kind in KIND_TABLES:
        lines += _keys(KIND_TABLES[kind].model_fields, values)
    lines += _keys(factory.Options.model_fields, values)
    if kind == "trainer":
        lines += _comment(
            "A stage may differ: a table [trainer.STAGE] takes any option of the trainer, or another `use`."
        )
    return "\n".join([*lines, ""])


def _absent_plugin(kind: str, header: str, catalog: Catalog) -> str:
    """Return the commented table of a kind that the recipe leaves to its default, or out."""
    names = _names(kind, catalog)
    return "\n".join(
        [f"#{header}", *_others(kind, catalog, ""), f'#use = "{names[0] if names else "…"}"', ""]
    )


def _others(kind: str, catalog: Catalog, selected: str) -> list[str]:
    names = [f'"{name}"' for name in _names(kind, catalog) if name != selected]
    if not names:
        return [] if selected else _comment("none is installed")
    return _comment(f"{'also ' if selected else ''}installed: {', '.join(names)}")


def _names(kind: str, catalog: Catalog) -> list[str]:
    return list(dict.fromkeys(offer.name for offer in catalog.of_kind(kind) if not offer.fault))


def _plain_keys(fields: Mapping[str, FieldInfo], values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {toml_value(values[key])}" for key in fields if key in values]


def _keys(fields: Mapping[str, FieldInfo], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield each key with what it means: as it stands in `values`, or else commented at its default."""
    for key, field in fields.items():
        yield from _explained(_assignment(key, field, values), _meaning(field))


def _assignment(key: str, field: FieldInfo, values: Mapping[str, Any]) -> str:
    if key in values:
        return f"{key} = {toml_value(values[key])}"
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    # TOML has no word for "nothing".
    plain = "…" if default is None else toml_value(to_jsonable_python(default, exclude_none=True))
    return f"#{key} = {plain}".replace("\n", "\n#")


def _explained(assignment: str, meaning: str) -> list[str]:
    """Put what a key means behind it where there is room, above it where there is none."""
    line = f"{assignment.ljust(_COLUMN)} # {meaning}"
    if not meaning:
        return [assignment]
    if "\n" not in assignment and len(line) <= WIDTH and len(assignment) <= 2 * _COLUMN:
        return [line]
    return [*_comment(meaning), assignment]


def _meaning(field: FieldInfo) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    said = (field.description or "").rstrip(".")
    if all(str(choice) in said for choice in choices):
        return said
    return "; ".join(part for part in (said, " | ".join(map(toml_value, choices))) if part)


def _comment(text: str) -> list[str]:
    lines = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, WIDTH - 2, break_on_hyphens=False, break_long_words=False)
    ]
    return [f"# {line}" for line in lines]
