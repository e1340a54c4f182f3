"""How long work tells of itself: `with progress("fetching", total) as advance: advance(1)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from udasa_core import waiting
from udasa_core.records import Event

# Tells observers of an event; counts what was done.
Observe = Callable[[Event], None]
Advance = Callable[[int], None]


class Progress(Protocol):
    """What a long task is given to tell of itself; `total` is None where the work cannot be counted."""

    def __call__(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Open the task `name`."""


@contextmanager
def silent(name: str, total: int | None) -> Iterator[Advance]:
    """Tell nobody."""
    yield lambda count: None


@contextmanager
def progress(observe: Observe, name: str, total: int | None) -> Iterator[Advance]:
    """Tell `observe` of a long task while it lasts; the yielded function adds to what is done."""
    done = 0

    def advance(amount: int) -> None:
        nonlocal done
        waiting.watch.sign()
        done += amount
        observe(Event("advanced", "work", name, done, total))

    observe(Event("started", "work", name, 0, total))
    try:
        yield advance
    finally:
        observe(Event("finished", "work", name, done, total))
