"""Plain data as TOML: values, and whole files that can be read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core.errors import UdasaError

# Lists that are longer are written an item a line.
WIDTH = 100


def toml_text(plain: Mapping[str, Any]) -> str:
    """Return a TOML that reads as these data; keys without a value are left out. Raises UdasaError for what
    TOML has not."""
    return "\n".join(_table(plain, ())).strip() + "\n"


def _table(plain: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield a table's lines: its own keys, then the tables in it."""
    inner = {name: value for name, value in plain.items() if isinstance(value, Mapping) or _is_tables(value)}
    for name, value in plain.items():
        if name not in inner and value is not None:
            yield f"{_key(name)} = {toml_value(value)}"
    for name, value in inner.items():
        here = (*path, name)
        title = ".".join(map(_key, here))
        for one in [value] if isinstance(value, Mapping) else value:
            yield ""
            yield f"[{title}]" if isinstance(value, Mapping) else f"[[{title}]]"
            yield from _table(one, here)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it, lists and tables inline. Raises UdasaError for what TOML has not."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, save for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value).replace("e-0", "e-")
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence | set | frozenset):
        return _list([toml_value(item) for item in value])
    raise UdasaError(f"{value!r} cannot be written as TOML")


def _list(values: Sequence[str]) -> str:
    inline = f"[{', '.join(values)}]"
    if len(inline) <= WIDTH:
        return inline
    return "\n".join(["[", *(f"  {value}," for value in values), "]"])


def _key(key: str) -> str:
    is_bare = key.replace("-", "").replace("_", "").isalnum() and key.isascii()
    return key if is_bare else toml_value(key)
