"""What a tracker was told of a run, kept from one process to the next, so that it hears each figure once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from udasa_core import write_whole
from udasa_plugin_tracking.figures import Figure


class Told:
    """A tracker's run in a file: its id, and each figure that it was told, by name and place.

    goes: how many processes told it something; of the present one, once it has.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        known = _read(file)
        self.id: str = known.get("id") or secrets.token_hex(4)
        self.goes: int = known.get("goes", 0)
        self._values: dict[str, float] = known.get("figures", {})

    def news(self, figures: Sequence[Figure]) -> list[Figure]:
        """Return the figures that were not told, or told otherwise; the last one of a name and place."""
        last = {_key(one): one for one in figures}
        return [one for key, one in last.items() if self._values.get(key) != one.value]

    def contradicts(self, figures: Sequence[Figure]) -> bool:
        """Say whether one was told otherwise: the run was made anew from something else."""
        last = {_key(one): one.value for one in figures}
        return any(self._values.get(key, value) != value for key, value in last.items())

    def begin_anew(self) -> None:
        """Forget all: what follows is another run of the tracker's."""
        self.id, self._values = secrets.token_hex(4), {}

    def keep(self, figures: Sequence[Figure]) -> None:
        """Note figures as told."""
        self._values |= {_key(one): one.value for one in figures}
        plain = {"id": self.id, "goes": self.goes, "figures": self._values}
        write_whole(self._file, json.dumps(plain, indent=1) + "\n")


def _key(figure: Figure) -> str:
    return f"{figure.name} @ {figure.place}"


def _read(file: Path) -> dict[str, Any]:
    """Return what an earlier process kept; nothing where it cannot be read: the store has everything."""
    try:
        plain = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}
