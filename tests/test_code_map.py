"""The code map names every room and every package, and nothing that is not there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAP = (ROOT / "docs" / "code-map.md").read_text()
HOUSES = ("udasa_core", "udasa_eval")


def rooms(house: str) -> Iterator[str]:
    """Yield the rooms of a package, and the files that stand in none."""
    for path in sorted((ROOT / house).iterdir()):
        is_room = path.is_dir() and path.name != "__pycache__"
        if is_room or (path.suffix == ".py" and path.name != "__init__.py"):
            yield path.name


def table(heading: str) -> str:
    return MAP.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def first_cells(heading: str) -> set[str]:
    """Return what the first column of names, in a table under a heading, has."""
    return {name for _, names in lines(heading) for name in names}


def lines(heading: str) -> list[tuple[str, list[str]]]:
    """Return each line of a table under a heading: its number, if any, and the names in it."""
    rows = [line.split("|")[1:] for line in table(heading).splitlines() if line.startswith("|")][2:]
    numbered = [row if "`" not in row[0] else ["", *row] for row in rows]
    return [(row[0].strip(), re.findall(r"`([^`]+)`", row[1])) for row in numbered]


@pytest.mark.parametrize(("house", "heading"), [("udasa_core", "The core"), ("udasa_eval", "The evaluator")])
def test_every_room_has_its_line(house: str, heading: str) -> None:
    assert first_cells(heading) == set(rooms(house))


def test_every_package_of_plugins_has_its_line() -> None:
    assert first_cells("Plugins") == {path.name for path in (ROOT / "plugins").glob("udasa_plugin_*")}


def test_the_numbers_of_the_core_are_those_of_its_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (core,) = [contract for contract in contracts if contract.get("containers") == ["udasa_core"]]
    depth = {
        name: str(at)
        for at, layer in enumerate(core["layers"], 1)
        for name in layer.replace("|", " ").split()
    }
    told = {name.removesuffix(".py"): number for number, names in lines("The core") for name in names}
    assert told.pop("data") == ""
    assert told == depth
    numbers = [int(number) for number, _ in lines("The core") if number]
    assert numbers == sorted(numbers)


def test_every_path_that_it_names_is_there() -> None:
    places = [ROOT, ROOT / "udasa_core", ROOT / "plugins", *(ROOT / "plugins").glob("udasa_plugin_*")]
    places += [path for house in HOUSES for path in (ROOT / house).iterdir() if path.is_dir()]
    named = re.findall(r"`([\w./]+(?:\.py|/)|udasa_\w+/[\w/]+)`", MAP)
    assert len(named) > 40
    assert not [name for name in named if not any((place / name).exists() for place in places)]


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", MAP)
    assert links
    assert not [link for link in links if not (ROOT / "docs" / link).exists()]
