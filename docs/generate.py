"""Write the generated parts of the documentation anew: `make docs`.

Tables of options come from the models that read the TOML, hooks from their specifications, and the example of
a plugin from the distribution that the tests install. Everything between a pair of markers is generated; what
stands around them is written by hand. A test holds the pages to what this script would write.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import udasa_core
from udasa_core import HOME_OF
from udasa_core.config import schema
from udasa_core.experiments.options import typed
from udasa_core.export.terms import KNOWN
from udasa_core.hookspecs import KINDS, Specifications
from udasa_core.plugins.base import Plugin
from udasa_core.plugins.catalog import Offer, read_catalog
from udasa_core.plugins.stack import load_factory

DOCS = Path(__file__).parent
PAGES = (
    "configuration.md",
    "experiments.md",
    "hooks.md",
    "public-names.md",
    "security.md",
    "tables.md",
    "write-a-plugin.md",
)
EXAMPLE = DOCS.parent / "tests" / "thirdparty" / "udasa-plugin-sentiment"
# Further models have one part together.
_MODELS = {name: table for name, table in schema.MODEL_TABLES.items() if name != "model"}
CORE: dict[str, type[BaseModel]] = {
    **{
        f"[{name}]": table
        for name, table in {**schema.CORE_TABLES, **schema.KIND_TABLES}.items()
        if name not in _MODELS
    },
    **{f"[[{name}]]": table for name, table in schema.CORE_ARRAYS.items()},
    "every plugin table": schema.PluginKeys,
}
_BOUNDS = {"Ge": ("ge", "≥"), "Gt": ("gt", ">"), "Le": ("le", "≤"), "Lt": ("lt", "<")}


def page(text: str) -> str:
    """Return a page with every generated part made anew."""

    def part(match: re.Match[str]) -> str:
        return f"<!-- generated: {match['name']} -->\n\n{_made(match['name'])}\n\n<!-- end -->"

    return re.sub(r"<!-- generated: (?P<name>[^>]+) -->.*?<!-- end -->", part, text, flags=re.DOTALL)


def _made(name: str) -> str:
    what, _, which = name.partition(" ")
    if name in CORE:
        return table(CORE[name])
    if name == "further models":
        return "\n\n".join(models())
    if what == "hook":
        return hook(which)
    if name == "attributes":
        return attributes()
    if name == "records":
        return "\n\n".join(records())
    if name == "terms":
        return terms()
    if what == "names":
        return names(which.split())
    if what == "options":
        return options(which)
    if what == "file":
        return source(EXAMPLE / which)
    return "\n\n".join(plugins(name))


def table(model: type[BaseModel]) -> str:
    """Return a model's keys as a table of type, default and meaning."""
    rows = [
        f"| `{name}` | {_type(field)} | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows])


def options(name: str) -> str:
    """Return an experiment's own options as a table, each as it is typed."""
    fields = load_factory(read_catalog().find("experiment", name)).Options.model_fields
    rows = [
        f"| `--{option.replace('_', '-')}` | {_typed_default(field)} | {_cell(field.description)} |"
        for option, field in fields.items()
    ]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows])


def _typed_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = typed(field)
    return f"`{default}`" if default else ""


def names(rooms: Sequence[str]) -> str:
    """Return the public names that live in some of the core's rooms, each with what it is."""
    found = sorted((name for name, home in HOME_OF.items() if home.split(".")[0] in rooms), key=str.lower)
    rows = [f"| `{name}` | {_cell(_what(name))} |" for name in found]
    return "\n".join(["| name | what it is |", "|---|---|", *rows])


def _what(name: str) -> str:
    value = getattr(udasa_core, name)
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return _TOLD[name]  # what its type says is nothing of it
    first = (inspect.getdoc(value) or "").split("\n\n")[0]
    # What a context manager does, or a function returns, is said of the name.
    return " ".join(first.split())


# Public names that have no docstring of their own.
_TOLD = {
    "CONTRACT": "The version of the contract between the core and plugins.",
    "ModelKind": 'What a model is loaded as: "causal language model" or "classifier".',
    "Part": 'What of a response a likelihood, or a loss, is taken over: "answer", "reasoning" or "all".',
    "RatingRule": 'How `rating` reads a text: "agreed" or "fastchat", as a field of a judge\'s options.',
    "Role": 'Who speaks a message: "system", "user" or "assistant".',
    "Score": "A float in [0, 1], or an `Abstain`.",
    "Tracker": 'A program that draws figures: "tensorboard", "trackio" or "wandb".',
    "WORD": "The pattern of a word in any script, for the package `regex` (its version 1).",
    "hookimpl": "Marks a method as the implementation of a hook.",
}


def models() -> Iterator[str]:
    """Yield a section for each model that plugins share: what it is, then its keys."""
    for name, model in _MODELS.items():
        first, _, rest = (inspect.getdoc(model) or "").removeprefix(f"[{name}]: ").partition("\n\n")
        yield f"### `[{name}]`"
        yield _prose("\n\n".join(filter(None, (first[0].upper() + first[1:], rest))))
        yield table(model)


def plugins(kind: str) -> Iterator[str]:
    """Yield a section for each built-in plugin of a kind: what it is, then its options."""
    for offer in offers(kind):
        factory = load_factory(offer)
        yield f"### `{offer.name}`"
        yield _prose(inspect.getdoc(factory) or "")
        yield table(factory.Options) if factory.Options.model_fields else "No options."


def terms() -> str:
    """Return what the terms of known families ask, as the card and `udasa check` tell it, as a table."""
    rows = [f"| {one.family} | {_cell(one.output)} | {_cell(one.passing_on)} |" for one in KNOWN]
    head = "| family | of training with its output | of passing on a model made from it |"
    return "\n".join([head, "|---|---|---|", *rows])


def hook(name: str) -> str:
    """Return a hook's heading with its exact signature, its contract, and which built-in plugins have it."""
    specification = getattr(Specifications, name)
    users = [
        f"`{offer.name}`" for kind in KINDS for offer in offers(kind) if hasattr(load_factory(offer), name)
    ]
    told = f"Built in: {', '.join(users)}." if users else "No built-in plugin implements it yet."
    return "\n\n".join([f"### `{signature(name)}`", _prose(inspect.getdoc(specification) or ""), told])


def signature(name: str) -> str:
    """Return a hook's signature as a plugin's author writes it, but for `self`."""
    whole = inspect.signature(getattr(Specifications, name))
    parameters = [parameter for parameter in whole.parameters.values() if parameter.name != "self"]
    # The annotations are strings, since hookspecs.py imports annotations from __future__.
    return f"{name}{whole.replace(parameters=parameters)}".replace("'", "")


def attributes() -> str:
    """Return what the core reads from a plugin, as a table: the base class is its only source."""
    rows = [
        f"| `{name}` | {_cell(kind)} | {default} | {_cell(' '.join(meaning.split()))} |"
        for name, kind, default, meaning in _attributes()
    ]
    return "\n".join(["| attribute | type | default | meaning |", "|---|---|---|---|", *rows])


def _attributes() -> Iterator[tuple[str, str, str, str]]:
    """Yield the name, type, default and docstring of each attribute that `Plugin` documents, in its order."""
    (base,) = ast.parse(inspect.getsource(Plugin)).body
    assert isinstance(base, ast.ClassDef)
    for node, following in pairwise([*base.body, ast.Pass()]):
        match node, following:
            case ast.ClassDef(name=name), _:
                yield name, "a pydantic model", "no options", ast.get_docstring(node) or ""
            case (
                ast.FunctionDef(
                    name=name, decorator_list=[_], returns=returns, body=[*_, ast.Return(value=value)]
                ),
                _,
            ) if returns is not None and value is not None:
                default = f"`{ast.unparse(value)}`".replace("'", '"')
                yield name, f"`{ast.unparse(returns)}`", default, ast.get_docstring(node) or ""
            case (
                ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value),
                ast.Expr(value=ast.Constant(value=str(meaning))),
            ) if value is not None:
                kind = re.sub(r"^ClassVar\[(.*)\]$", r"\1", ast.unparse(annotation))
                yield name, f"`{kind}`", f"`{ast.unparse(value)}`".replace("'", '"'), meaning


def records() -> Iterator[str]:
    """Yield a section for each public record: what it is, then its fields."""
    found = [getattr(udasa_core, name) for name, home in HOME_OF.items() if home == "records"]
    for record in found:
        if dataclasses.is_dataclass(record):
            rows = [
                f"| `{field.name}` | `{_cell(str(field.type))}` | {_field_default(field)} |"
                for field in dataclasses.fields(record)
            ]
            yield f"### `{record.__name__}`"
            yield _prose(inspect.getdoc(record) or "")
            yield "\n".join(["| field | type | default |", "|---|---|---|", *rows])


def _field_default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return "left out" if field.name in _LEFT_OUT else f"`{field.default!r}`".replace("'", '"')
    return "required" if field.default_factory is dataclasses.MISSING else "empty"


# A PairTable's columns are made where they are left out.
_LEFT_OUT = {field.name for field in dataclasses.fields(udasa_core.PairTable) if field.default is None}


def source(path: Path) -> str:
    """Return a file as a code block under its name."""
    language = {".py": "python", ".toml": "toml"}[path.suffix]
    return (
        f"`{path.relative_to(EXAMPLE)}`:\n\n```{language}\n{path.read_text(encoding='utf-8').rstrip()}\n```"
    )


def offers(kind: str) -> Sequence[Offer]:
    """Return the built-in offers of a kind."""
    return [offer for offer in read_catalog().of_kind(kind) if offer.distribution == "udasa"]


def _prose(docstring: str) -> str:
    """Return a docstring as Markdown: its indented formulas become code."""
    blocks = []
    for block in docstring.split("\n\n"):
        if block.startswith("    "):
            block = f"```text\n{inspect.cleandoc(block)}\n```"
        blocks.append(block)
    return "\n\n".join(blocks)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").removesuffix(".")


def _type(field: FieldInfo) -> str:
    told = _annotation(field.annotation)
    bounds = []
    for bound in field.metadata:
        if type(bound).__name__ in _BOUNDS:
            attribute, sign = _BOUNDS[type(bound).__name__]
            bounds.append(f"{sign} {getattr(bound, attribute):g}")
    return " ".join([told, ", ".join(bounds)]).strip()


def _annotation(annotation: Any) -> str:
    """Return a type in the words of TOML."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f'`"{choice}"`' for choice in arguments)
    if hasattr(annotation, "__metadata__"):
        return _annotation(arguments[0])
    if annotation in _WORDS:
        return _WORDS[annotation]
    if origin in (list, tuple, Sequence):
        return f"array of {_annotation(arguments[0])}s"
    if origin is dict:
        return "table"
    alternatives = [_annotation(argument) for argument in arguments if argument is not type(None)]
    return " or ".join(alternatives) if alternatives else "table"


_WORDS: dict[Any, str] = {str: "string", int: "integer", float: "float", bool: "boolean", Any: "value"}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = (
        field.default
        if field.default is not PydanticUndefined
        else field.get_default(call_default_factory=True)
    )
    return "—" if value is None else f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return "{}" if isinstance(value, dict) else str(value)


def missing(text: str) -> list[str]:
    """Return the tables, kinds and hooks that the pages together have no generated part for."""
    wanted = [
        *CORE,
        "further models",
        "attributes",
        "records",
        *(kind for kind in KINDS if offers(kind) and kind != "experiment"),
    ]
    wanted += [f"options {offer.name}" for offer in offers("experiment")]
    wanted += [f"hook {name}" for name in vars(Specifications) if name.startswith("udasa_")]
    rooms = re.findall(r"<!-- generated: names (.+?) -->", text)
    told = {room for some in rooms for room in some.split()}
    wanted += [f"names {room}" for room in {home.split(".")[0] for home in HOME_OF.values()} - told]
    return [name for name in wanted if f"<!-- generated: {name} -->" not in text]


if __name__ == "__main__":
    for path in (DOCS / name for name in PAGES):
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
