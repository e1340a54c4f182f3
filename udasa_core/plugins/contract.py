"""What every plugin owes, whatever its kind: checked by the stack, by `plugins --verify`, by the kit."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from udasa_core.hookspecs import HOOKS, PROJECT, Specifications
from udasa_core.resources.protocols import RESOURCES

# What no factory's module may import: it would cost every command seconds.
HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "evaluate")


def factory_fault(factory: Any) -> str:
    """Say how a factory breaks the contract, as far as can be seen without calling it ("" if it does not)."""
    options = getattr(factory, "Options", None)
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        return "its factory declares no pydantic model `Options`"
    if options.model_config.get("extra") != "forbid":
        return 'its `Options` lets unknown keys pass; declare model_config = ConfigDict(extra="forbid")'
    if not callable(factory):
        return "its factory cannot be called"
    unknown = sorted(set(getattr(factory, "needs", ())) - set(RESOURCES))
    if unknown:
        return f"it needs {', '.join(unknown)}; resources are {', '.join(RESOURCES)}"
    return ""


def plugin_faults(kind: str, plugin: type) -> list[str]:
    """Say how the class of a plugin's instances breaks the contract of its kind."""
    faults = []
    for hook in HOOKS[kind]:
        implementation = getattr(plugin, hook, None)
        if not callable(implementation):
            faults.append(f"it does not implement {hook}, which every {kind} must")
        elif not hasattr(implementation, f"{PROJECT}_impl"):
            faults.append(f"its {hook} is not marked with @hookimpl")
    for name in dir(plugin):
        if name.startswith(f"{PROJECT}_") and not hasattr(Specifications, name):
            faults.append(f"{name} is no hook; a misspelling?")
    if any("__eq__" in vars(one) for one in plugin.__mro__[:-1]):
        # pluggy takes two equal plugins for one that is registered twice.
        faults.append("it compares by value; plugin instances compare by identity (a dataclass: eq=False)")
    return faults
