"""Whoever watches a run: each is told of what happens, and none can change or stop it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from udasa_core.errors import UdasaError
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.registry import Registry
from udasa_core.progress import Advance, progress
from udasa_core.records import Event

log = logging.getLogger("udasa")

# Where an event's detail has the texts of prompts and responses, and it has them nowhere else.
TEXTS = "texts"


class Observers:
    """The observers of one process; a worker has none."""

    def __init__(
        self, plugins: Sequence[BuiltPlugin] = (), listeners: Sequence[Callable[[Event], None]] = ()
    ) -> None:
        """listeners: the core's own, told after the plugins; one that fails is not heard of again either."""
        self.plugins = tuple(plugins)
        self._listeners = list(listeners)
        self._registry = Registry(self.plugins)
        self._deaf: set[str] = set()

    @property
    def texts(self) -> int:
        """Of how many pairs of a stage some observer is to be told the texts."""
        return max((plugin.table.texts for plugin in self.plugins), default=0)

    def tell(self, event: Event) -> None:
        """Tell every observer, of texts as many as its table asks for; one that fails is told of once, and
        not heard of again."""
        log.debug("%s %s %s %s/%s", event.what, event.kind, event.name, event.done, event.total)
        for plugin in self.plugins:
            if plugin.name in self._deaf:
                continue
            try:
                self._registry.call(plugin, "udasa_observe", event=_for(plugin, event))
            except UdasaError as error:  # an observer cannot stop a run
                self._deaf.add(plugin.name)
                log.warning("%s; it is not told of anything more", error)
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except UdasaError as error:
                self._listeners.remove(listener)
                log.warning("%s", error)

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Tell of a long task while it lasts."""
        return progress(self.tell, name, total)


def _for(plugin: BuiltPlugin, event: Event) -> Event:
    """Return an event with the texts that an observer's table asks for."""
    if TEXTS not in event.detail:
        return event
    detail = {name: value for name, value in event.detail.items() if name != TEXTS}
    if count := plugin.table.texts:
        detail[TEXTS] = event.detail[TEXTS][:count]
    return replace(event, detail=detail)
