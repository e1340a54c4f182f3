"""Calling built plugins: waited for by name, and blamed for what they raise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pluggy

from udasa_core import hookspecs, waiting
from udasa_core.errors import FOREIGN, PluginError, UdasaError
from udasa_core.plugins.built import BuiltPlugin

_END = object()


class Registry:
    """Built plugins registered with pluggy, and the only way to call them."""

    def __init__(self, plugins: Sequence[BuiltPlugin]) -> None:
        """Raises PluginError where a plugin does not fit a hook that it implements."""
        self._plugins = tuple(plugins)
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs.Specifications)
        # pluggy calls the last registered first: registering in reverse makes TOML order call order.
        for plugin in reversed(self._plugins):
            try:
                self._pluggy.register(plugin.instance, name=plugin.table.path)
            except pluggy.PluginValidationError as error:
                raise PluginError(f"{plugin} does not fit the hook that it implements: {error}") from error
        self._pluggy.check_pending()

    def plugins(self) -> tuple[BuiltPlugin, ...]:
        """Return every plugin in the order of the pipeline."""
        return self._plugins

    def implements(self, plugin: BuiltPlugin, hook: str) -> bool:
        """Say whether a plugin implements an optional hook."""
        implementations = getattr(self._pluggy.hook, hook).get_hookimpls()
        return any(implementation.plugin is plugin.instance for implementation in implementations)

    def call(self, plugin: BuiltPlugin, hook: str, **arguments: Any) -> Any:
        """Call one plugin's implementation of a hook; what it raises is told with its name.

        UdasaErrors pass through, so that a plugin can speak to the user in its own words.
        """
        others = [other.instance for other in self._plugins if other.instance is not plugin.instance]
        caller = self._pluggy.subset_hook_caller(hook, remove_plugins=others)
        about = _about(arguments)
        with _answering(plugin, hook, about):
            answer = caller(**arguments)
        is_first_result = bool((getattr(hookspecs.Specifications, hook).udasa_spec or {}).get("firstresult"))
        answer = answer if is_first_result else next(iter(answer), None)
        return _items(plugin, hook, about, answer) if isinstance(answer, Iterator) else answer


@contextmanager
def _answering(plugin: BuiltPlugin, hook: str, about: str) -> Iterator[None]:
    """Wait for a plugin's own code: named where it takes long, and blamed for what it raises."""
    try:
        with waiting.watch.over(plugin, f"{hook}{about}"):
            yield
    except UdasaError:
        raise
    except FOREIGN as error:  # nobody but the command line ends the process
        raise PluginError(f"{plugin} raised in {hook}{about}: {type(error).__name__}: {error}") from error


def _items(plugin: BuiltPlugin, hook: str, about: str, answer: Iterator[Any]) -> Iterator[Any]:
    """Yield what a hook's iterator gives: making each is the plugin's own code, as the hook is."""
    try:
        while True:
            with _answering(plugin, hook, about):
                item = next(answer, _END)
            if item is _END:
                return
            yield item
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()


def _about(arguments: Mapping[str, Any]) -> str:
    """Name the prompts that a failing call was about."""
    for key in ("groups", "prompts"):
        subjects: Sequence[Any] = arguments.get(key, ())
        if subjects:
            ids = [getattr(subject, "prompt", subject).id for subject in subjects]
            return f" on prompts {ids[0]} … {ids[-1]}" if len(ids) > 1 else f" on prompt {ids[0]}"
    return ""
