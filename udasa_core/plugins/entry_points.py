"""What installed distributions offer, read from their entry_points.txt: nothing is imported to be found."""

from __future__ import annotations

import configparser
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What a file that cannot be read, or is no INI file, has the library raise.
_UNREADABLE = (OSError, UnicodeDecodeError, configparser.Error)


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

    Of two distributions of one name the first on the path counts, as for an import. A file that cannot be
    read hides what its own distribution offers, and no other's; it is warned of.
    """
    import entrypoints

    try:
        found = list(entrypoints.iter_files_distros(path=path, repeated_distro="first"))
    except _UNREADABLE:
        found = list(_readable(sys.path if path is None else path))
    for parser, distribution in found:
        for group in parser.sections():
            if group.startswith(prefix):
                for name, target in parser.items(group, raw=True):
                    yield EntryPoint(
                        group,
                        name,
                        target.split("[")[0].strip(),
                        distribution.name if distribution else "unknown",
                        distribution.version if distribution else "",
                    )


def _readable(path: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """Yield the parsed file of each distribution in a folder of the path, as the library does, without those
    that end its way through all of them."""
    import entrypoints

    seen: set[str] = set()
    for folder in path:
        for kind in ("dist-info", "egg-info"):
            for file in sorted(Path(folder or ".").glob(f"*.{kind}/entry_points.txt")):
                distribution = entrypoints.Distribution.from_name_version(file.parent.stem)
                if distribution.name in seen:
                    continue
                seen.add(distribution.name)
                parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",), strict=False)
                try:
                    parser.read_string(file.read_text(encoding="utf-8"))
                except _UNREADABLE as error:
                    import logging

                    logging.getLogger("udasa").warning("nothing that %s offers is known: %s", file, error)
                    continue
                yield parser, distribution


def load(target: str) -> Any:
    """Import what "module:attribute" stands for. Raises whatever the module does."""
    module, _, attribute = target.partition(":")
    loaded: Any = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        loaded = getattr(loaded, part)
    return loaded
