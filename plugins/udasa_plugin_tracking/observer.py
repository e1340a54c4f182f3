"""The observer `tracking`: a run's figures, as they come, in TensorBoard, trackio or wandb."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pydantic import Field

from udasa_core import (
    Event,
    Plugin,
    Tracker,
    TrackerRun,
    hookimpl,
    open_tracker,
    tracker_faults,
    tracking_folder,
)
from udasa_plugin_tracking.figures import Figure, Stages, figures_of
from udasa_plugin_tracking.told import Told

if TYPE_CHECKING:
    from udasa_core import Outlook, Resources

log = logging.getLogger("udasa.tracking")

# What the numbers of stages, rounds and goes are called there.
AXIS = "place"


class Tracking(Plugin):
    """Observer `tracking`: hands a run's figures to trackers as they come.

    They are the seconds that each step took and the parts that it made, each stage's metrics, what gates and
    guard found, suites' figures with their intervals, and changes on the held-out prompts. No text of a
    prompt or a response is among them. Stages are numbered in the order of training (0 is the base), rounds
    from 1, and what steps took by the go at the run: 1, and one more each time that it is continued.

    A run that is continued tells each figure once; one that comes to other figures is another run of the
    tracker's. A tracker that fails is told of once, and the others go on. Cost: for TensorBoard, torch is
    imported.
    """

    class Options(Plugin.Options):
        """The TOML table of the observer `tracking`."""

        to: tuple[Tracker, ...] = Field(
            min_length=1, description="The trackers, by the names that transformers' `report_to` has."
        )

        def preflight(self, outlook: Outlook) -> Iterator[str]:
            """Look for the trackers."""
            yield from tracker_faults(self.to)

    options: Options

    def __init__(self, options: Any, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        self._stages = Stages()
        self._began: dict[str, float] = {}
        self._sums: dict[str, float] = {}

    @cached_property
    def _trackers(self) -> list[_Tracker]:
        return [_Tracker(name, self.resources) for name in dict.fromkeys(self.options.to)]

    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        """Hand on the figures of what finished; the run's end closes the trackers' runs."""
        figures = [*figures_of(event, self._stages)]
        took = self._took(event) if event.kind == "step" else None
        for tracker in self._trackers:
            tracker.tell(figures, took)
            if event.kind == "run" and event.what == "finished":
                tracker.close()

    def _took(self, event: Event) -> dict[str, float] | None:
        """Return what a finished step took and made, None where it is not finished or had nothing to do."""
        if not event.detail.get("todo"):
            return None
        if event.what == "started":
            self._began[event.name] = time.perf_counter()
        if event.what != "finished" or event.name not in self._began:
            return None
        took = {
            f"seconds/{event.name}": time.perf_counter() - self._began.pop(event.name),
            f"made/{event.name}": float(event.detail["todo"]),
        }
        # A name may come twice.
        self._sums |= {name: self._sums.get(name, 0.0) + value for name, value in took.items()}
        return {name: self._sums[name] for name in took}


class _Tracker:
    """A tracker, opened when there is something to tell, and left alone once it has failed."""

    def __init__(self, name: Tracker, resources: Resources) -> None:
        self._name = name
        self._run_folder = resources.run_folder
        self._told = Told(tracking_folder(self._run_folder) / f"{name}.json")
        self._heard: list[Figure] = []
        self._go = self._told.goes + 1
        self._open: TrackerRun | None = None
        self._has_failed = False

    def tell(self, figures: Iterable[Figure], took: dict[str, float] | None) -> None:
        """Tell what is new among the figures, and what a step took."""
        said = [*figures, *(Figure(name, self._go, value) for name, value in (took or {}).items())]
        if not said or self._has_failed:
            return
        self._heard += said
        try:
            # What a step took is another time each time.
            if not took and self._told.contradicts(said):
                self.close()
                self._told.begin_anew()
                said = self._heard
            self._write(self._told.news(said))
        except Exception as error:
            self._fail(error)

    def close(self) -> None:
        """End the tracker's run, if one is open."""
        run, self._open = self._open, None
        if run is not None:
            try:
                run.close()
            except Exception as error:
                self._fail(error)

    def _write(self, news: Sequence[Figure]) -> None:
        if not news:
            return
        if self._open is None:
            name = f"{self._run_folder.name} {self._told.id}"
            self._open = open_tracker(self._name, name, self._told.id, self._run_folder, AXIS)
        for place, there in groupby(news, lambda figure: figure.place):
            self._open.write({figure.name: figure.value for figure in there}, place)
        self._told.goes = self._go
        self._told.keep(news)

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        log.warning(
            "%s failed (%s: %s) and is told nothing more of run %s",
            *(self._name, type(error).__name__, error, self._run_folder.name),
        )
        self.close()
