"""Write the generated parts of the documentation anew: `make docs`.

Tables of options come from the models that read the TOML, hooks from their specifications, and the example of
a plugin from the distribution that the tests install. Everything between a pair of markers is generated; what
stands around them is written by hand. A test holds the pages to what this script would write.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from udasa_core.config import schema
from udasa_core.hookspecs import KINDS, Specifications
from udasa_core.plugins.catalog import Offer, read_catalog
from udasa_core.plugins.stack import load_factory

DOCS = Path(__file__).parent
PAGES = ("configuration.md", "hooks.md", "write-a-plugin.md")
EXAMPLE = DOCS.parent / "tests" / "thirdparty" / "udasa-plugin-sentiment"
CORE: dict[str, type[BaseModel]] = {
    "[run]": schema.RunTable,
    "[store]": schema.StoreTable,
    "[model]": schema.ModelTable,
    "[embedder]": schema.EncoderTable,
    "[entailment]": schema.EntailmentTable,
    "[reader]": schema.ModelTable,
    "[prompts]": schema.PromptsTable,
    "[controls]": schema.ControlsTable,
    "[generator]": schema.SamplingTable,
    "[trainer]": schema.TrainingTable,
    "[train]": schema.LaunchTable,
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
    if what == "hook":
        return hook(which)
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


def plugins(kind: str) -> Iterator[str]:
    """Yield a section for each built-in plugin of a kind: what it is, then its options."""
    for offer in offers(kind):
        factory = load_factory(offer)
        yield f"### `{offer.name}`"
        yield _prose(inspect.getdoc(factory) or "")
        yield table(factory.Options) if factory.Options.model_fields else "No options."


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
    parameters = [one for one in whole.parameters.values() if one.name != "self"]
    # The annotations are strings, since hookspecs.py imports annotations from __future__.
    return f"{name}{whole.replace(parameters=parameters)}".replace("'", "")


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
    for one in field.metadata:
        if type(one).__name__ in _BOUNDS:
            attribute, sign = _BOUNDS[type(one).__name__]
            bounds.append(f"{sign} {getattr(one, attribute):g}")
    return " ".join([told, ", ".join(bounds)]).strip()


def _annotation(annotation: Any) -> str:
    """Return a type in the words of TOML."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f'`"{one}"`' for one in arguments)
    if hasattr(annotation, "__metadata__"):
        return _annotation(arguments[0])
    if annotation in _WORDS:
        return _WORDS[annotation]
    if origin in (list, tuple, Sequence):
        return f"array of {_annotation(arguments[0])}s"
    if origin is dict:
        return "table"
    alternatives = [_annotation(one) for one in arguments if one is not type(None)]
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
    wanted = [*CORE, *(kind for kind in KINDS if offers(kind))]
    wanted += [f"hook {name}" for name in vars(Specifications) if name.startswith("udasa_")]
    return [name for name in wanted if f"<!-- generated: {name} -->" not in text]


if __name__ == "__main__":
    for path in (DOCS / name for name in PAGES):
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
