"""A run's page while the run goes: written anew after its steps."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from udasa_core.errors import UdasaError
from udasa_core.page.html import write_page
from udasa_core.page.run_page import run_page
from udasa_core.records import Event
from udasa_core.store.runs import Run

log = logging.getLogger("udasa")

# The page's file in a run's folder.
REPORT = "report.html"
# So many times as long as writing it took, the page stays as it is: it takes a twentieth of a run at most.
_PATIENCE = 20


class PageKeeper:
    """An ear for a run's events: writes its page when a step has ended, and when the run has.

    The page is whole at any time, and says when it was made. While a run is between two configurations there
    is nothing to show, and the page stays as it is.
    """

    def __init__(self, folder: Path, path: Path, *, texts: int) -> None:
        """folder: the run's. texts: of how many pairs the page has the texts."""
        self._folder = folder
        self._path = path
        self._texts = texts
        self._next = 0.0

    def __call__(self, event: Event) -> None:
        """Write the page where the event is an end. Raises UdasaError where the last one cannot be made."""
        if event.what != "finished" or event.kind not in ("step", "run"):
            return
        if event.kind == "run":
            self._write()
        elif event.detail.get("todo") and time.monotonic() >= self._next:
            try:
                self._write()
            except UdasaError as error:
                log.debug("no page yet: %s", error)

    def _write(self) -> None:
        began = time.monotonic()
        write_page(run_page(Run(self._folder), texts=self._texts), self._path)
        self._next = time.monotonic() + _PATIENCE * (time.monotonic() - began)
