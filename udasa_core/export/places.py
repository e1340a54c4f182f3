"""What leaves this machine names no place on it: folders and files go by their last part, hosts not at all.

Text that a user or a plugin wrote may hold a path; a model's own files may hold the one where they were made.
"""

from __future__ import annotations

import ipaddress
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from udasa_core.files.json_text import parse_json

_FILE = "file:"
# What stands between a place and a name in it.
_FOLDERS = r"(?:[^\s/\\`'\"<>|()\[\],;]+[/\\])*"
# "/a/b/c" or "~/a/b": no part of an address, of a word ("and/or") or of a fraction.
_PATH = re.compile(r"(?<![\w/.~>-])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\`'\"<>|()\[\],;]+[/\\])+")
_ADDRESS = re.compile(r"\b(?:https?|wss?|grpcs?|ftp)://[^\s`'\"<>|()\[\],;]+")
# Last parts of names that no public host has.
_OWN_HOSTS = ("local", "localhost", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa")
# What stands for a host of one's own.
_HIDDEN = "host-of-ones-own"
# Files of a model that hold nothing but tokens, or are too large to hold words.
_TOKENS = ("tokenizer.json", "vocab.json", "added_tokens.json")
_SMALL = 1 << 20


class Places:
    """The places that are not to be told: this user's home and working folder, and whatever else is given."""

    def __init__(self, *places: Path | str) -> None:
        given = [path for path in (*map(Path, places), *_own()) if path.is_absolute()]
        spelt = {str(one) for path in given for one in (path, path.resolve()) if len(one.parts) > 1}
        # The longest first: what lies in another of them goes by its own last part.
        self._spelt = sorted(spelt, key=len, reverse=True)

    def source(self, text: str) -> str:
        """Return a model's or a data set's source as it may be told: of `file:` the last part alone."""
        if text.startswith(_FILE):
            return _FILE + _last(text.removeprefix(_FILE))
        return self.text(text)

    def text(self, text: str) -> str:
        """Return a text without folders' paths and hosts of one's own."""
        for place in self._spelt:
            # A folder's name of which this is the beginning is another's; behind a host it is an address.
            text = re.sub(rf"(?<![\w./]){re.escape(place)}(?:[/\\]{_FOLDERS}|(?![\w-]))", "", text)
        return _PATH.sub("", _ADDRESS.sub(lambda found: _address(found[0]), text))

    def plain(self, value: Any) -> Any:
        """Return plain data (JSON's, TOML's), its texts as they may be told."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(one) for one in value]
        if not isinstance(value, str):
            return value
        if value.startswith(_FILE):
            return self.source(value)
        return _last(value) if _is_path(value) else self.text(value)


def without_places(value: Any, *places: Path | str) -> Any:
    """Return plain data, or a text, as it may leave this machine: folders' paths and hosts of one's own are
    left out. places: further folders whose paths are not told."""
    return Places(*places).plain(value)


def tidy_model_files(folder: Path, places: Places) -> None:
    """Take places out of the JSON files of a model's folder; one that names none keeps its bytes.

    Raises OSError.
    """
    for file in sorted(folder.glob("*.json")):
        if file.name in _TOKENS or file.stat().st_size > _SMALL:
            continue
        try:
            plain = parse_json(file.read_bytes())
        except ValueError:
            continue
        tidied = _named(plain, places)
        if tidied != plain:
            file.write_text(json.dumps(tidied, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _named(value: Any, places: Places) -> Any:
    """Return a model file's data; only what is a path as a whole is one there: templates and tokens may hold
    anything that looks like a part of one."""
    if isinstance(value, dict):
        return {key: _named(one, places) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one, places) for one in value]
    return places.plain(value) if isinstance(value, str) and _is_path(value) else value


def _own() -> Iterator[Path]:
    """Yield the places of this user; some have no home, and a working folder may be gone."""
    for find in (Path.home, Path.cwd, tempfile.gettempdir):
        with suppress(RuntimeError, OSError):
            yield Path(find())


def _is_path(text: str) -> bool:
    """Say whether a text as a whole is a path from a root or from a home."""
    begins = text.startswith((_FILE, "~/", "/")) or re.match(r"[A-Za-z]:[/\\]", text)
    return bool(begins) and "\n" not in text and len(Path(text).parts) > 1


def _last(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _address(address: str) -> str:
    """Return an address as it may be told: a host on no public network is a name of one's own."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return _HIDDEN
    if _is_public(host) and "@" not in address:
        return address
    scheme, _, rest = address.partition("://")
    _, slash, path = rest.partition("/")
    return f"{scheme}://{_HIDDEN}{slash}{path}"


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host.strip(".") and host.rpartition(".")[2] not in _OWN_HOSTS
