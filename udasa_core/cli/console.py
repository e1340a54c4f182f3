"""The observer `console`: progress bars on a terminal, for what lasts longer than two seconds; elsewhere a
line a minute."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from udasa_core.hookspecs import hookimpl
from udasa_core.plugins.base import Options, Plugin
from udasa_core.progress import Progress, progress
from udasa_core.records import Event
from udasa_core.report.written import clock
from udasa_core.text.printable import printable_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table

PATIENCE = 2.0
# Seconds between lines where there is no terminal: logs of hours stay short.
BETWEEN_LINES = 60.0
_SHOWN_KINDS = ("step", "suite", "work")
_BAR = 28


@dataclass(slots=True)
class _Task:
    """Something that is under way; `parts` is None where it cannot be counted."""

    kind: str
    name: str
    done: int
    parts: int | None
    begun_with: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        return time.monotonic() - self.since


class ConsoleProgress(Plugin):
    """Observer `console`: bars on stderr for steps and long work; where stderr is no terminal, a plain line a
    minute.

    A bar appears once its work has lasted two seconds, and leaves one line behind if it is a step. Without a
    terminal, what lasts a minute says how far it is, and so again each minute, and says when it has ended.
    It has no options. Cost: nothing before that; then a redraw four times a second.
    """

    def __init__(self, options: Options, name: str, resources: Any) -> None:
        super().__init__(options, name, resources)
        self._lock = threading.RLock()
        self._tasks: dict[tuple[str, str], _Task] = {}
        # What the drawing thread reads. It never waits for our lock: it holds its own while it draws, and
        # we hold ours while we print.
        self._drawn: tuple[_Task, ...] = ()
        self._spinner: Spinner | None = None
        self._live: Live | None = None
        self._alarm: threading.Timer | None = None

    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        """Draw what lasts; the run's end removes whatever is still drawn."""
        with self._lock:
            if event.kind == "run":
                if event.what == "finished":
                    self.close()
            elif event.kind in _SHOWN_KINDS:
                self._take(event)

    def _take(self, event: Event) -> None:
        key = (event.kind, event.name)
        if event.what == "started":
            # Re-inserted, so that what began last stands lowest.
            self._tasks.pop(key, None)
            self._tasks[key] = _Task(event.kind, event.name, event.done, event.total, event.done)
            self._watch()
        elif key in self._tasks:
            self._tasks[key].done = event.done
            if event.what == "finished":
                self._finish(self._tasks.pop(key))
        self._drawn = tuple(self._tasks.values())
        if not self._tasks:
            self.close()

    def _watch(self) -> None:
        """Have the bars drawn once something has lasted: the thread at work need not tell of it."""
        if self._live is None and self._alarm is None:
            if _is_terminal(sys.stderr):
                self._ring(PATIENCE, self._wake)
            else:
                self._ring(BETWEEN_LINES, self._say)

    def _ring(self, seconds: float, do: Callable[[], None]) -> None:
        self._alarm = threading.Timer(seconds, do)
        self._alarm.daemon = True
        self._alarm.start()

    def _say(self) -> None:
        """Say how far what has lasted is, where there is no terminal, and again later."""
        with self._lock:
            self._alarm = None
            for task in _visible(self._drawn, BETWEEN_LINES):
                parts = task.parts or 0
                counted = f" {_amount(task.done)}/{_amount(parts)}," if parts > 1 else ""
                _line(f"{task.name}:{counted} {clock(task.age)}{_remaining(task)}")
            if self._tasks:
                self._ring(BETWEEN_LINES, self._say)

    def _wake(self) -> None:
        with self._lock:
            self._alarm = None
            if not self._tasks or self._live is not None:
                return
            oldest = max(task.age for task in self._tasks.values())
            if oldest < PATIENCE:
                self._ring(PATIENCE - oldest + 0.01, self._wake)
                return
            self._open()

    def _open(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._spinner = Spinner("line")

        live = Live(
            console=Console(stderr=True, highlight=False),
            get_renderable=self._bars,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
        )
        live.start()
        atexit.register(self.close)
        self._live = live

    def _finish(self, task: _Task) -> None:
        if task.kind != "work" and task.age >= BETWEEN_LINES and not _is_terminal(sys.stderr):
            _line(f"{task.name}: done in {clock(task.age)}")
        elif task.kind == "step" and task.age >= PATIENCE and self._live is not None:
            made = task.done - task.begun_with
            count = f" · {made} of {task.parts}" if task.parts and task.parts > 1 else ""
            self._live.console.print(f"{printable_line(task.name)}{count} · {clock(task.age)}", markup=False)

    def close(self) -> None:
        """Take the bars off the terminal and give it back as it was."""
        with self._lock:
            self._tasks.clear()
            self._drawn = ()
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
            if self._live is not None:
                self._live.stop()
                self._live = None
                atexit.unregister(self.close)

    def _bars(self) -> Table:
        """Return the bars of what has lasted long enough; called by the drawing thread."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        for task in _visible(self._drawn):
            counted = task.parts is not None and task.parts > 1
            grid.add_row(
                Text(printable_line(task.name), no_wrap=True, overflow="ellipsis"),
                ProgressBar(total=task.parts, completed=task.done, width=_BAR) if counted else self._spinner,
                Text(f"{_amount(task.done)}/{_amount(task.parts or 0)}" if counted else ""),
                Text(clock(task.age) + _remaining(task)),
            )
        return grid


def console_progress() -> Progress:
    """Return a way to tell of long tasks on the terminal, for what is done outside a run."""
    return partial(progress, ConsoleProgress(ConsoleProgress.Options(), "console", None).udasa_observe)


def _line(text: str) -> None:
    """Write one line to stderr; one that is gone stops nothing."""
    with suppress(OSError, ValueError):
        print(printable_line(text), file=sys.stderr, flush=True)


def _visible(tasks: Sequence[_Task], patience: float | None = None) -> Iterator[_Task]:
    """Yield what has lasted; a step whose work of the same name tells more is left to that."""
    patience = PATIENCE if patience is None else patience
    at_work = {task.name for task in tasks if task.kind == "work"}
    for task in tasks:
        if task.age >= patience and not (task.kind != "work" and task.name in at_work):
            yield task


def _remaining(task: _Task) -> str:
    made = task.done - task.begun_with
    if task.parts is None or task.parts <= 1 or made <= 0 or task.done >= task.parts:
        return ""
    return f", about {clock(task.age / made * (task.parts - task.done))} left"


def _amount(count: int) -> str:
    return str(count) if count < 1_000_000 else f"{count / 1e6:.1f}M"


def _is_terminal(stream: TextIO) -> bool:
    is_tty: Callable[[], bool] | None = getattr(stream, "isatty", None)
    return is_tty is not None and is_tty() and os.environ.get("TERM") != "dumb"
