"""What a run cost, as it lies beside its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from udasa_core.files.json_text import parse_json

FILE = "costs.json"


@dataclass(frozen=True, slots=True)
class RunCosts:
    """seconds: by step, as people read it, in the order in which they ended; of all processes that were at
    the run. total: of all steps; those that others had do something are not counted twice. memory,
    device_memory: the highest peak of one of them, in bytes; 0 where nothing is known."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    total: float = 0.0
    memory: float = 0.0
    device_memory: float = 0.0


def read_costs(folder: Path) -> RunCosts:
    """Return what the run of a folder cost; nothing where nothing is noted, or what is cannot be read."""
    try:
        plain = parse_json((folder / FILE).read_bytes())
        seconds = {str(name): float(took) for name, took in plain["seconds"].items()}
        return RunCosts(seconds, float(plain["total"]), float(plain["memory"]), float(plain["device_memory"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return RunCosts()
