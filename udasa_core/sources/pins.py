"""The checksums of wheels that udasa knows, so that a `pypi:` source need not spell them out."""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path

_PINS = Path(__file__).parent.parent / "data" / "pins.toml"


def normalised(distribution: str) -> str:
    """Return a distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def pinned_sha256(distribution: str, version: str) -> str:
    """Return the SHA-256 that udasa pins for a wheel, "" where it pins none."""
    return _pins().get(f"{normalised(distribution)}=={version}", "")


@functools.cache
def _pins() -> dict[str, str]:
    pins: dict[str, str] = tomllib.loads(_PINS.read_text())["wheels"]
    return pins
