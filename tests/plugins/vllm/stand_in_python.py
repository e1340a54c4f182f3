"""An interpreter that holds a stand-in for vLLM."""

from __future__ import annotations

import sys
from pathlib import Path

STAND_IN = Path(__file__).with_name("stand_in")


def stand_in_python(folder: Path) -> str:
    """Write an interpreter that holds the stand-in into a folder; return its path."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={STAND_IN} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)
