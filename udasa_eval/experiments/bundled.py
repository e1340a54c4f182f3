"""Where the evaluator's bundled configurations lie."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def bundled(name: str) -> Path:
    """Return the path of a bundled file."""
    return Path(str(files("udasa_eval") / "data" / name))
