"""What people type behind an option: read where it can only mean one thing, else told how it is written."""

from __future__ import annotations

import re
from typing import Any

import click
from click.core import ParameterSource

_MEMORY = re.compile(r"(?P<number>\d+(?:[.,]\d+)?)\s*(?P<unit>|g|gb|gib|m|mb|mib|t|tb|tib)", re.IGNORECASE)
_GIB = {"": 1.0, "g": 1.0, "m": 1 / 1024, "t": 1024.0}
# What is left over of "24 GB" where no quotes stand around it.
UNITS = ("g", "gb", "gib")
# What click says → in words of people who do not program.
_PLAIN = (
    (r"(\S+) is not in the range x>=([\d.]+)\.", r"it is \1, and \2 or more is wanted"),
    (r"(\S+) is not in the range x>([\d.]+)\.", r"it is \1, and more than \2 is wanted"),
    (r"(\S+) is not in the range x<=([\d.]+)\.", r"it is \1, and \2 or less is wanted"),
    (r"(\S+) is not in the range ([\d.]+)<=x<=([\d.]+)\.", r"it is \1, and \2 to \3 is wanted"),
    (r"('.*') is not a valid (?:float|float range)\.", r"\1 is no number"),
    (r"('.*') is not a valid (?:integer|integer range)\.", r"\1 is no whole number"),
    (r"File ('.*') is a directory\.", r"\1 is a folder, and a file is wanted"),
    (r"Directory ('.*') is a file\.", r"\1 is a file, and a folder is wanted"),
    (
        r"Got unexpected extra arguments? \(([\w.-]+=\S*)\)",
        r"nothing reads \1 by itself: to override a key, --set '\1'",
    ),
    (
        r"Got unexpected extra arguments? \((.*)\)",
        r"nothing reads \1: put quotes around what has blanks in it, or leave it out",
    ),
)


class Memory(click.ParamType[float]):
    """A size of memory in GiB: 24, and also 24GB, "24 GB" or 24GiB, as graphics cards are sold."""

    name = "memory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the size in GiB, above 0."""
        found = _MEMORY.fullmatch(str(value).strip())
        size = float(found["number"].replace(",", ".")) * _GIB[found["unit"][:1].lower()] if found else 0.0
        if not size:
            self.fail(f"{value!r} is no size of memory. Write it in GiB, above 0: --gpu 24", param, ctx)
        return size


def assignments(ctx: click.Context, param: click.Parameter, values: Any) -> Any:
    """Check the form of what stands behind --set, before what is left over of a wrong one is complained of.

    Raises click.UsageError.
    """
    from udasa_core.config.overrides import no_assignment

    for typed in values or ():
        if fault := no_assignment(typed):
            raise click.UsageError(str(fault))
    return values


def refuse_idle(**idle: str) -> None:
    """Refuse what was typed and would change nothing, its default typed out included.

    idle: a parameter of the running command → why it is idle in this combination, "" where it is not. Raises
    click.UsageError.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        why = idle.get(parameter.name or "")
        if why and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
            typed = "/".join((*parameter.opts, *parameter.secondary_opts))
            raise click.UsageError(f"{typed} changes nothing here: {why}. Leave it out")


def in_plain_words(message: str) -> str:
    """Return what click says of a command line in plain words."""
    for pattern, plain in _PLAIN:
        message = re.sub(pattern, plain, message)
    return message
