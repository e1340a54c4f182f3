"""How tests call an experiment's measuring: on a TOML with overrides, with runs in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from udasa_core import Steps, read_configuration


def asked_of(
    configuration: Path | None, overrides: Sequence[str], folder: Path, default: Path | None = None
) -> tuple[dict[str, Any], Steps]:
    """Return what the hook is given: the configuration's plain data, and the steps API."""
    read = read_configuration(configuration, overrides, default=default)
    return dict(read.raw), Steps(folder, read)
