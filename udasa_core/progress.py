"""How long work tells of itself: `with progress("fetching", total) as advance: advance(1)`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from udasa_core.resources import Advance


class Progress(Protocol):
    """What a long task is given to tell of itself; `total` is None where the work cannot be counted."""

    def __call__(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Open the task `name`."""


@contextmanager
def silent(name: str, total: int | None) -> Iterator[Advance]:
    """Tell nobody."""
    yield lambda count: None
