"""A TOML file as plain data that anything can work with."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from udasa_core.config.toml_faults import toml_fault
from udasa_core.errors import ConfigError, Fault, reason
from udasa_core.text.encoding import encoding_fault

# What copies, compares and writes plain data goes down by calling itself.
DEEPEST = 64
# No configuration is larger: a device may have no end.
_LARGEST = 16 * 2**20
_TOO_DEEP = f"nests deeper than {DEEPEST} levels"
# A key of so many parts: tomllib would take a minute over a key of 100 kB.
_LONG_KEY = re.compile(rf"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{DEEPEST}}}""")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, a byte-order mark or not; raise ConfigError with its line where it is none."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST // 2**20} MiB")
        unreadable_bytes, remedy = encoding_fault(content, str(path))
        if unreadable_bytes:
            raise ConfigError([Fault("", unreadable_bytes, remedy)], str(path))
        text = content.decode("utf-8-sig")
        plain = parse_toml(text)
    except FileNotFoundError:
        fault = Fault(
            "", f"there is no file {path}", f"udasa init {shlex.quote(str(path))} writes an annotated one"
        )
    except tomllib.TOMLDecodeError as error:
        fault = toml_fault(text, error)
    except RecursionError:
        fault = Fault("", f"cannot be read: {_TOO_DEEP}")
    # Of a number with thousands of digits Python says so by a plain ValueError.
    except (ValueError, OSError) as error:
        fault = Fault("", f"cannot be read: {reason(error)}")
    else:
        return check_plain(plain, str(path))
    raise ConfigError([fault], str(path))


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML. Raises ValueError where it is none, or nests too deep to be parsed in time."""
    if _LONG_KEY.search(text):
        raise ValueError(_TOO_DEEP)
    return tomllib.loads(text)


def check_plain(plain: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return a configuration's plain data as they are; raise ConfigError where nothing could work with them:
    whole numbers of more than 64 bits, which are none in TOML, and nesting deeper than `DEEPEST` levels."""
    faults = list(unreadable(plain, ""))
    if faults:
        raise ConfigError(faults, origin)
    return plain


def unreadable(value: Any, path: str, depth: int = 0) -> Iterator[Fault]:
    """Yield what nothing could work with in plain data, each with its path under `path`."""
    if depth > DEEPEST:
        yield Fault(path, _TOO_DEEP)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from unreadable(inner, f"{path}.{key}".strip("."), depth + 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from unreadable(inner, f"{path}.{number}", depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield Fault(path, "is a whole number of more than 64 bits")
