"""What installed distributions offer, read from their entry_points.txt: nothing is imported to be found.

A file that cannot be read hides what its own distribution offers, and no other's.
"""

from __future__ import annotations

import configparser
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A name in a group, what it stands for ("module:attribute"), and whose it is."""

    group: str
    name: str
    target: str
    distribution: str
    version: str

    def load(self) -> Any:
        """Import what it stands for. Raises whatever that does."""
        return load(self.target)


def entry_points(prefix: str, path: Sequence[str] | None = None) -> Iterator[EntryPoint]:
    """Yield the entry points of all groups that begin with `prefix`, on `path` (by default sys.path).

    Of two distributions of one name the first on the path counts, as for an import.
    """
    seen: set[str] = set()
    for folder in sys.path if path is None else path:
        for kind in ("dist-info", "egg-info"):
            for file in sorted(Path(folder or ".").glob(f"*.{kind}/entry_points.txt")):
                name, _, version = file.parent.stem.partition("-")
                if name not in seen:
                    seen.add(name)
                    yield from _read(file, prefix, name, version)


def _read(file: Path, prefix: str, distribution: str, version: str) -> Iterator[EntryPoint]:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are told apart by case
    try:
        text = file.read_bytes()
        # Most files have nothing of ours, and are not worth parsing.
        if f"[{prefix}".encode() not in text:
            return
        parser.read_string(text.decode())
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        import logging

        logging.getLogger("udasa").warning("nothing that %s offers is known: %s", file, error)
        return
    for group in parser.sections():
        if group.startswith(prefix):
            for name, target in parser.items(group):
                yield EntryPoint(group, name, target.split("[")[0].strip(), distribution, version)


def load(target: str) -> Any:
    """Import what "module:attribute" stands for. Raises whatever the module does."""
    module, _, attribute = target.partition(":")
    loaded: Any = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        loaded = getattr(loaded, part)
    return loaded
