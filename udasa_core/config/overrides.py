"""Reading a TOML file, and overriding single values of it by path."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from udasa_core.config.parse import ARRAYS
from udasa_core.errors import ConfigError, Fault

# What copies, compares and writes plain data goes down by calling itself.
DEEPEST = 64
# No configuration is larger: a device may have no end.
_LARGEST = 16 * 2**20
_TOO_DEEP = f"nests deeper than {DEEPEST} levels"
# A key of so many parts: tomllib would take a minute over a key of 100 kB.
_LONG_KEY = re.compile(rf"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{DEEPEST}}}""")


def override(raw: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return `raw` with each "path=value" applied; arrays are addressed by instance name.

    The value is read as TOML, and as a plain string where it is none. Raises ConfigError.
    """
    changed = copy.deepcopy(dict(raw))
    faults = []
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            faults.append(Fault("--set", f"{assignment!r} is not of the form path=value"))
            continue
        where = path.strip()
        try:
            # A line end in it would begin a key of its own.
            value = _parsed(f"value = {text}")["value"] if "\n" not in text else text
        except (ValueError, RecursionError):
            value = text
        parts = where.split(".")
        told = list(_unreadable(value, where, depth=len(parts)))
        told = told or [Fault(where, fault) for fault in [_assign(changed, parts, value)] if fault]
        faults += [replace(fault, path=f"--set {fault.path}") for fault in told]
    if faults:
        raise ConfigError(faults, "--set")
    return changed


def _assign(table: dict[str, Any], path: list[str], value: Any) -> str:
    """Set one value in place; return what is wrong, "" where nothing is."""
    if path[0] in ARRAYS and len(path) > 1:
        # Instance names may hold dots, so the longest name that fits wins.
        members = table.get(path[0], [])
        if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
            return f"{path[0]!r} is no array of tables"
        for cut in range(len(path) - 1, 1, -1):
            name = ".".join(path[1:cut])
            for member in members:
                if member.get("name", member.get("use")) == name:
                    return _assign(member, path[cut:], value)
        names = ", ".join(str(member.get("name", member.get("use"))) for member in members)
        return f"no [[{path[0]}]] has that name; names: {names or 'none'}"
    for key in path[:-1]:
        below: Any = table.setdefault(key, {})
        if not isinstance(below, dict):
            return f"{key!r} is a value, not a table"
        table = below
    table[path[-1]] = value
    return ""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, a byte-order mark or not; raise ConfigError with its line where it is none."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST // 2**20} MiB")
        plain = _parsed(content.decode("utf-8-sig"))
    except FileNotFoundError:
        fault = Fault("", f"there is no file {path}", f"udasa init {path} writes an annotated one")
    except RecursionError:
        fault = Fault("", f"cannot be read: {_TOO_DEEP}")
    # Of a number with thousands of digits Python says so by a plain ValueError.
    except (ValueError, OSError) as error:
        fault = Fault("", f"cannot be read: {error}")
    else:
        return check_plain(plain, str(path))
    raise ConfigError([fault], str(path))


def _parsed(text: str) -> dict[str, Any]:
    """Parse TOML. Raises ValueError where it is none, or nests too deep to be parsed in time."""
    if _LONG_KEY.search(text):
        raise ValueError(_TOO_DEEP)
    return tomllib.loads(text)


def check_plain(plain: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return a configuration's plain data as they are; raise ConfigError where nothing could work with them:
    whole numbers of more than 64 bits, which are none in TOML, and nesting deeper than `DEEPEST` levels."""
    faults = list(_unreadable(plain, ""))
    if faults:
        raise ConfigError(faults, origin)
    return plain


def _unreadable(value: Any, path: str, depth: int = 0) -> Iterator[Fault]:
    if depth > DEEPEST:
        yield Fault(path, _TOO_DEEP)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _unreadable(inner, f"{path}.{key}".strip("."), depth + 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _unreadable(inner, f"{path}.{number}", depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield Fault(path, "is a whole number of more than 64 bits")
