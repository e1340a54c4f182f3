"""How a plugin broke its contract: who, what it returned, and what the contract says."""

from __future__ import annotations

from typing import Any, NoReturn

from udasa_core.errors import PluginError
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.contract import is_sequence
from udasa_core.text.printable import excerpt


def breach(plugin: BuiltPlugin, hook: str, returned: str, contract: str) -> NoReturn:
    """Raise the PluginError."""
    raise PluginError(f"{plugin} broke the contract of {hook}: it returned {returned}; {contract}")


def check_members(plugin: BuiltPlugin, hook: str, answer: Any, kind: type) -> None:
    """Raise a PluginError where a part of what was returned is no sequence of records of one kind."""
    if not is_sequence(answer) or not all(isinstance(one, kind) for one in answer):
        breach(plugin, hook, excerpt(answer), f"that is a sequence of {kind.__name__}s")


def check_text(plugin: BuiltPlugin, hook: str, *texts: Any) -> None:
    """Raise a PluginError where a text cannot be written: it holds half a surrogate pair."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            breach(plugin, hook, excerpt(text), "half a surrogate pair is no text")
        except AttributeError:
            breach(plugin, hook, excerpt(text), "that is a text")
