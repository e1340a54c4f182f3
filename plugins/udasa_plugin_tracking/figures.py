"""What of an event is a figure: names, places and numbers, never a text of a prompt or a response."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from udasa_core import Event


@dataclass(frozen=True, slots=True)
class Figure:
    """A number under a name, and its place on the axis: which stage, round, or go at the run it is of."""

    name: str
    place: int
    value: float


class Stages:
    """Which stage is which by its number, from 1 in the order of training; 0 is the base."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, label: str) -> int:
        """Return a stage's number, the next one where it was not met before; 0 of the base."""
        return 0 if label == "base" else self._numbers.setdefault(label, len(self._numbers) + 1)


def figures_of(event: Event, stages: Stages) -> Iterator[Figure]:
    """Yield the finite figures of something that finished, besides what a step took."""
    if event.what != "finished":
        return
    for name, place, value in _READ.get(event.kind, _nothing)(event, stages):
        if isinstance(value, int | float) and math.isfinite(value):
            yield Figure(name, place, float(value))


# A name, a place, and what may be a figure.
_Found = Iterator[tuple[str, int, Any]]


def _nothing(event: Event, stages: Stages) -> _Found:
    yield from ()


def _stage(event: Event, stages: Stages) -> _Found:
    number = stages.number(event.name)
    yield "stage/pairs", number, event.detail.get("pairs", event.done)
    yield "stage/skipped", number, bool(event.detail.get("skipped"))
    for name, value in event.detail.items():
        if name != "skipped":
            yield f"stage/{name}", number, value


def _suite(event: Event, stages: Stages) -> _Found:
    number = stages.number(str(event.detail.get("model", "base")))
    for metric in event.detail.get("metrics", ()):
        name = f"suite/{event.name}/{metric['name']}"
        yield name, number, metric["value"]
        yield from ((f"{name}/{bound}", number, metric[bound]) for bound in ("low", "high"))


def _gate(event: Event, stages: Stages) -> _Found:
    told: Mapping[str, Any] = event.detail
    number = stages.number(str(told.get("stage", "base")))
    name = f"{told.get('watch', 'gate')}/{told.get('figure', event.name)} against {told.get('against')}"
    yield f"{name}/tripped", number, told.get("verdict") == "tripped"
    for part in ("before", "after", "worse", "low", "high", "bound"):
        yield f"{name}/{part}", number, told.get(part)


def _held_out(event: Event, stages: Stages) -> _Found:
    for change in event.detail.get("changes", ()):
        name, place = f"held-out/{change['name']}", int(event.detail["round"])
        yield f"{name}/change", place, change["after"] - change["before"]
        yield from ((f"{name}/{part}", place, change[part]) for part in ("before", "after", "low", "high"))


_READ = {"stage": _stage, "suite": _suite, "gate": _gate, "held-out": _held_out}
