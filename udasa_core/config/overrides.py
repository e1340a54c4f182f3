"""Overriding single values of a configuration by path."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from udasa_core.config.parse import ARRAYS, GOES_BY
from udasa_core.config.toml_text import parse_toml, unreadable
from udasa_core.errors import ConfigError, Fault
from udasa_core.text.likeness import did_you_mean


def override(raw: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return `raw` with each "path=value" applied; arrays are addressed by instance name, which
    reaches every table that goes by it.

    The value is read as TOML, and as a plain string where it is none. Raises ConfigError.
    """
    changed = copy.deepcopy(dict(raw))
    faults = []
    for assignment in assignments:
        if fault := no_assignment(assignment):
            faults.append(fault)
            continue
        path, _, text = assignment.partition("=")
        where = path.strip()
        try:
            # A line end in it would begin a key of its own.
            value = parse_toml(f"value = {text}")["value"] if "\n" not in text else text
        except (ValueError, RecursionError):
            value = text
        parts = where.split(".")
        told = list(unreadable(value, where, depth=len(parts)))
        told = told or [Fault(where, said) for said in [_assign(changed, parts, value)] if said]
        faults += [replace(fault, path=f"--set {fault.path}") for fault in told]
    if faults:
        raise ConfigError(faults, "--set")
    return changed


def no_assignment(typed: str) -> Fault | None:
    """Return the fault of what is no assignment, with what to type; None where it is one."""
    key, equals, value = (part.strip() for part in typed.partition("="))
    if key and equals:
        return None
    told = "takes KEY=VALUE in one word, without blanks around ="
    missing = "no key before =" if equals else "no ="
    return Fault(f"--set {typed}", f"{told}; here is {missing}", f"--set {key or 'KEY'}={value or 'VALUE'}")


def _assign(table: dict[str, Any], path: list[str], value: Any) -> str:
    """Set one value in place; return what is wrong, "" where nothing is."""
    if path[0] in (*ARRAYS, *GOES_BY) and len(path) > 1:
        # Instance names may hold dots, so the longest name that fits wins.
        members = table.get(path[0], [])
        if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
            return f"{path[0]!r} is no array of tables"
        for cut in range(len(path) - 1, 1, -1):
            name = ".".join(path[1:cut])
            # Two gates may go by one figure: what is said of it is said of both.
            if named := [member for member in members if _name(path[0], member) == name]:
                return next(filter(None, [_assign(member, path[cut:], value) for member in named]), "")
        if not members:
            return f"there is no [[{path[0]}]] yet: to add one, --set '{path[0]}=[{{ use = \"…\" }}]'"
        names = [str(_name(path[0], member)) for member in members]
        meant = did_you_mean(".".join(path[1:-1] or path[1:]), names, "names")
        return f"no [[{path[0]}]] has that name; {meant}"
    for key in path[:-1]:
        below: Any = table.setdefault(key, {})
        if not isinstance(below, dict):
            return f"{key!r} is a value, not a table"
        table = below
    table[path[-1]] = value
    return ""


def _name(array: str, member: Mapping[str, Any]) -> Any:
    """Return what a member of an array goes by."""
    return member.get(GOES_BY.get(array, "name"), member.get("use"))
