"""What a run cost on this machine, kept beside its manifest: seconds by step, and the peak of memory.

It is no output: times differ from run to run, and nothing is made of them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from udasa_core.files.whole import write_whole
from udasa_core.records import Event
from udasa_core.store.costs import FILE, read_costs


class Costs:
    """An ear for a run's events: adds what each step took to what earlier processes took.

    A process that is killed leaves out the step that it was at.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._earlier = read_costs(folder)
        self._began: dict[str, float] = {}
        self._seconds: dict[str, float] = dict(self._earlier.seconds)
        self._total = self._earlier.total

    def __call__(self, event: Event) -> None:
        """Note when a step began, and when it ended what it took. Steps with nothing to do count nothing."""
        if event.kind != "step" or not event.detail.get("todo"):
            return
        if event.what == "started":
            self._began[event.name] = time.perf_counter()
        elif event.what == "finished" and event.name in self._began:
            took = time.perf_counter() - self._began.pop(event.name)
            self._seconds[event.name] = self._seconds.get(event.name, 0.0) + took
            # What a step has others do is in its own time.
            self._total += 0.0 if self._began else took
            write_whole(self._path, json.dumps(self._plain(), indent=1) + "\n")

    def _plain(self) -> dict[str, Any]:
        memory = peak_memory()
        return {
            "seconds": {name: round(seconds, 3) for name, seconds in self._seconds.items()},
            "total": round(self._total, 3),
            "memory": max(memory["memory"], self._earlier.memory),
            "device_memory": max(memory["device_memory"], self._earlier.device_memory),
        }


def peak_memory() -> dict[str, float]:
    """Return the peak of memory that this process had, and that it had on a GPU (0 without one), in bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    torch = sys.modules.get("torch")
    device = torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_available() else 0
    return {"memory": float(peak), "device_memory": float(device)}
