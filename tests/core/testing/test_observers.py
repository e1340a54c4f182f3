"""What the kit asks of an observer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.core.testing.plain import Plugin
from udasa_core import (
    Event,
    hookimpl,
)
from udasa_core.errors import PluginError
from udasa_core.testing import (
    check_observer,
)


def observing(observe: Callable[[Event], Any]) -> type[Plugin]:
    class Planted(Plugin):
        @hookimpl
        def udasa_observe(self, event: Event) -> Any:
            return observe(event)

    return Planted


def test_an_observer_takes_everything_and_says_nothing() -> None:
    seen: list[Event] = []
    check_observer(observing(seen.append))
    assert {(event.what, event.kind) for event in seen} >= {("started", "run"), ("finished", "suite")}
    with pytest.raises(AssertionError, match="returns nothing"):
        check_observer(observing(lambda event: event.name))
    with pytest.raises(PluginError, match="TypeError"):
        check_observer(observing(lambda event: print(event.done + event.total)))
