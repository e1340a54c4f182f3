"""What observers owe: to take whatever happens without a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args, get_type_hints

from udasa_core.records import Event
from udasa_core.resources.shared import SharedResources
from udasa_core.testing.factory import build, demand


def check_observer(
    factory: Any, options: Mapping[str, Any] | None = None, *, resources: SharedResources | None = None
) -> None:
    """Check an observer on events of every kind, counted and not, nested and out of turn."""
    tested = build("observer", factory, options, resources)
    kinds = get_args(get_type_hints(Event)["kind"])
    started = [Event("started", kind, f"a {kind} [1/2]", 0, 3, {"todo": 3}) for kind in kinds]
    advanced = [replace(event, what="advanced", done=done) for event in started for done in (1, 3)]
    finished = [replace(event, what="finished", done=3, detail={"loss": 0.5}) for event in started[::-1]]
    odd = [
        Event("advanced", "work", "never started", 10, None),
        Event("started", "step", "nothing to do", 0, 0),
        Event("finished", "step", "nothing to do", 0, 0),
        Event("finished", "work", "never started"),
    ]
    for event in (*started, *advanced, *finished, *odd):
        answer = tested.call("udasa_observe", event=event)
        demand(answer is None, f"{tested.plugin} returned {answer!r}; an observer returns nothing")
