"""The recipes that ship: configurations to start from. Their comments say what was measured of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

# The one that is written where none is named, and the one that stands for it above LIGHT_ABOVE weights:
# nothing larger was measured.
DEFAULT = "measured"
_LIGHT = "8b"
LIGHT_ABOVE = 1_000_000_000
Task = Literal["facts", "open", "safety"]
_HEADER = re.compile(r"^\[\[?([\w.-]+)\]\]?")


class Remark(NamedTuple):
    """What a recipe's comment says of a table: the table's name, the how many-th of that name from 0 on, and
    the comment as running text. Of the recipe as a whole, the table is "".
    """

    table: str
    number: int
    text: str


def recipes() -> dict[str, Path]:
    """Return the paths of the recipes by name: the default first, the quickstart last."""
    data = Path(str(files("udasa_core") / "data"))
    found = {path.stem: path for path in sorted((data / "recipes").glob("*.toml"))}
    return {DEFAULT: found.pop(DEFAULT), **found, "quickstart": data / "quickstart.toml"}


def recipe_for(task: Task, parameters: int) -> str:
    """Return the recipe for prompts of a kind and a model of so many weights."""
    if task == "facts":
        return _LIGHT if parameters > LIGHT_ABOVE else DEFAULT
    return "open"


def remarks(text: str) -> Iterator[Remark]:
    """Yield what a TOML's comments say: those at its head, and those right above a table."""
    above: list[str] = []
    seen: Counter[str] = Counter()
    is_head = True
    for line in text.splitlines():
        if line.startswith("#"):
            above.append(line.lstrip("# ").rstrip())
            continue
        header = _HEADER.match(line)
        if above and (header or is_head):
            table = header[1] if header else ""
            yield Remark(table, seen[table], " ".join(above))
        if header:
            seen[header[1]] += 1
        above, is_head = [], False
