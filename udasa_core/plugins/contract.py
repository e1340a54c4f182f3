"""What every plugin owes, whatever its kind: checked by the stack, by `plugins --verify`, by the kit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from udasa_core.hookspecs import HOOKS, KINDS, PROJECT, Specifications
from udasa_core.plugins.base import attribute
from udasa_core.resources.protocols import RESOURCES

# What no factory's module may import: it would cost every command seconds.
HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "evaluate")

# What `udasa experiment` itself takes, so that no experiment has an option of that name.
TAKEN = ("config", "set", "folder", "help", "verbose", "log_file")


def factory_fault(factory: Any) -> str:
    """Say how a factory breaks the contract, as far as can be seen without calling it ("" if it does not)."""
    options = getattr(factory, "Options", None)
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        return "its factory declares no pydantic model `Options`"
    if options.model_config.get("extra") != "forbid":
        return (
            'its `Options` lets unknown keys pass; derive it from udasa_core.Options, or set extra="forbid"'
        )
    if not callable(factory):
        return "its factory cannot be called"
    needs = attribute(factory, "needs")
    if not is_texts(needs):
        return f"its needs is {needs!r}; it is a sequence of names of resources"
    unknown = sorted(set(needs) - set(RESOURCES))
    if unknown:
        return f"it needs {', '.join(unknown)}; resources are {', '.join(RESOURCES)}"
    return _named_fault(factory)


def _named_fault(factory: Any) -> str:
    """Say how the names that a factory is also called by are not what `Plugin` documents."""
    names = attribute(factory, "also_called")
    if isinstance(names, Mapping) and is_texts((*names, *names.values())):
        return ""
    return f"its also_called is {names!r}; it is a mapping of names to what is to be written"


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
    if any("__eq__" in vars(parent) for parent in plugin.__mro__[:-1]):
        # pluggy takes two equal plugins for one that is registered twice.
        faults.append("it compares by value; plugin instances compare by identity (a dataclass: eq=False)")
    return faults


def attribute_faults(kind: str, instance: Any, options: BaseModel) -> list[str]:
    """Say which attributes of a built plugin are not what `Plugin` documents.

    Its fingerprint and its grading_key are left to `text_fault`: they may read files, and are asked for when
    hooks are called.
    """
    return list(_attribute_faults(kind, instance, options))


def _attribute_faults(kind: str, instance: Any, options: BaseModel) -> Iterator[str]:
    label_free = attribute(instance, "label_free")
    if not (label_free is None or isinstance(label_free, bool)):
        yield f"its label_free is {label_free!r}; it is True, False or None"
    incidental = attribute(instance, "incidental")
    if not is_texts(incidental):
        yield f"its incidental is {incidental!r}; it is a sequence of names of options"
    else:
        unknown = sorted(set(incidental) - set(type(options).model_fields))
        if unknown:
            yield f"its incidental names {', '.join(unknown)}; its Options have no such field"
    if kind == "stages":
        names = attribute(instance, "stage_names")
        if names is not None and not (is_texts(names) and all(names)):
            yield f"its stage_names is {names!r}; it is a sequence of names, or None"
        elif names is not None and len(set(names)) < len(names):
            twice = [name for name, count in Counter(names).items() if count > 1]
            yield f"its stage_names has {', '.join(twice)} more than once"
    if kind == "pairing":
        fills = attribute(instance, "fills")
        if fills is not None and not is_texts(fills):
            yield f"its fills is {fills!r}; it is a sequence of names of pairs' figures, or None"
    if kind == "generator":
        for name in ("takes_any_prompt", "is_served"):
            value = attribute(instance, name)
            if not isinstance(value, bool):
                yield f"its {name} is {value!r}; it is True or False"
    if kind == "trainer" and not isinstance(launchable := attribute(instance, "launchable"), bool):
        yield f"its launchable is {launchable!r}; it is True or False"
    if kind in ("generator", "judge"):
        remarks = attribute(instance, "remarks")
        if not is_texts(remarks):
            yield f"its remarks is {remarks!r}; it is a sequence of sentences"
    if kind == "suite":
        count = attribute(instance, "judgements_each")
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            yield f"its judgements_each is {count!r}; it is a whole number from 0 on"
    if kind == "engine":
        count = attribute(instance, "at_once")
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            yield f"its at_once is {count!r}; it is a whole number from 1 on"
    for name in ("release", "close"):
        if not callable(attribute(instance, name)):
            yield f"its {name} is {attribute(instance, name)!r}; it is a method without arguments"
    if kind == "judge" and (fault := text_fault("model", attribute(instance, "model"))):
        yield fault
    if kind == "experiment":
        yield from _experiment_faults(instance, type(options))


def _experiment_faults(instance: Any, options: type[BaseModel]) -> Iterator[str]:
    yield from option_faults(options)
    uses = attribute(instance, "uses")
    if uses is not None and not (is_texts(uses) and set(uses) <= set(KINDS)):
        yield f"its uses is {uses!r}; it names kinds of plugins ({', '.join(KINDS)}), or is None"
    configuration = attribute(instance, "configuration")
    if configuration is not None and not (isinstance(configuration, Path) and configuration.is_file()):
        yield f"its configuration is {configuration!r}; it is the path of a TOML, or None"
    name = attribute(instance, "report_name")
    if not isinstance(name, str) or name != Path(name).name:
        yield f"its report_name is {name!r}; it is the name of a file without its suffix"


def option_faults(options: type[BaseModel]) -> list[str]:
    """Say which options of an experiment cannot be typed."""
    return [
        f"its option {name!r} is one of the command's own" for name in options.model_fields if name in TAKEN
    ]


def text_fault(name: str, value: Any) -> str:
    """Say what is wrong with an attribute that is a text ("" where nothing is)."""
    return "" if isinstance(value, str) else f"its {name} is {value!r}; it is a text"


def is_sequence(value: Any) -> bool:
    """Say whether a value is a sequence, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def is_texts(value: Any) -> bool:
    """Say whether a value is a sequence of texts."""
    return is_sequence(value) and all(isinstance(item, str) for item in value)
