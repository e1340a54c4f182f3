"""Building a plugin as a run does, and what every factory owes whatever its kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pluggy
from pydantic import ValidationError

from udasa_core import hookspecs
from udasa_core.config.parse import PluginTable
from udasa_core.errors import FOREIGN, PluginError
from udasa_core.plugins.base import attribute
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import LOCAL, Offer
from udasa_core.plugins.contract import (
    HEAVY,
    attribute_faults,
    factory_fault,
    plugin_faults,
    text_fault,
)
from udasa_core.plugins.entry_points import load
from udasa_core.plugins.identity import source_digest
from udasa_core.resources.shared import SharedResources
from udasa_core.testing.fakes import FakeResources

_PROBE = "import sys; from udasa_core.testing.factory import probe; probe(*sys.argv[1:])"


def demand(kept: bool, broken: str) -> None:
    """Raise an AssertionError that says what was broken (asserts vanish under python -O)."""
    if not kept:
        raise AssertionError(broken)


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """A plugin that was built and registered by itself, and the way to call it."""

    plugin: BuiltPlugin
    manager: pluggy.PluginManager

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook as a run does. Raises PluginError, naming the plugin, whatever it raises."""
        try:
            answer = getattr(self.manager.hook, hook)(**arguments)
        except FOREIGN as error:  # nobody but the command line ends the process
            raise PluginError(f"{self.plugin} raised in {hook}: {type(error).__name__}: {error}") from error
        specification: dict[str, Any] = getattr(hookspecs.Specifications, hook).udasa_spec
        return answer if specification["firstresult"] else next(iter(answer), None)

    def implements(self, hook: str) -> bool:
        """Say whether the plugin implements a hook that it may leave out."""
        return bool(getattr(self.manager.hook, hook).get_hookimpls())


def build(
    kind: str,
    factory: Any,
    options: Mapping[str, Any] | None = None,
    resources: SharedResources | None = None,
) -> Tested:
    """Build a factory from plain options, with the resources that it declares, and register it."""
    problem = factory_fault(factory)
    demand(not problem, f"{_target(factory)}: {problem}")
    plain = dict(options or {})
    checked = factory.Options.model_validate(plain)
    needs = tuple(attribute(factory, "needs"))
    name = factory.__name__.lower()
    shared = resources if resources is not None else FakeResources()
    instance = factory(checked, name, shared.limited_to(needs, name))
    table = PluginTable(kind, kind, _target(factory), name, 1.0, plain)
    offer = Offer(kind, _target(factory), LOCAL, "", _target(factory))
    plugin = BuiltPlugin(table, offer, checked, needs, instance, source_digest(offer, factory))
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs.Specifications)
    try:
        manager.register(instance, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise AssertionError(f"{plugin}: {error}") from error
    return Tested(plugin, manager)


def check_factory(
    kind: str,
    factory: Any,
    options: Mapping[str, Any] | None = None,
    *,
    resources: SharedResources | None = None,
) -> BuiltPlugin:
    """Check what every factory owes, and return the plugin that it builds.

    kind: "dimension", "pairing", …: the part after `udasa.` in the entry point's group. options: its TOML
    table as plain data. Its options are described, refuse unknown keys and survive JSON; its instances
    compare by identity, implement the kind's hooks, marked, and have the attributes of `udasa_core.Plugin` as
    documented there; two of them have one fingerprint; nothing heavy is imported until it is used.
    """
    demand(kind in hookspecs.KINDS, f"{kind!r} is no kind of plugin; kinds: {', '.join(hookspecs.KINDS)}")
    tested = build(kind, factory, options, resources)
    plugin = tested.plugin
    _check_options(plugin, factory, options or {})
    if kind == "trainer":
        _check_estimated(plugin)
    faults = plugin_faults(kind, type(plugin.instance))
    faults += attribute_faults(kind, plugin.instance, plugin.options)
    fingerprint = attribute(plugin.instance, "fingerprint")
    texts = {"fingerprint": fingerprint}
    if kind == "suite":
        texts["grading_key"] = attribute(plugin.instance, "grading_key")
    faults += [fault for name, value in texts.items() if (fault := text_fault(name, value))]
    demand(not faults, f"{plugin}: {'; '.join(faults)}")
    again = attribute(build(kind, factory, options, resources).plugin.instance, "fingerprint")
    demand(fingerprint == again, f"{plugin}: another instance of the same options has another fingerprint")
    _check_light(plugin, factory, options or {})
    return plugin


def _check_options(plugin: BuiltPlugin, factory: Any, options: Mapping[str, Any]) -> None:
    model = factory.Options
    silent = [name for name, field in model.model_fields.items() if not field.description]
    told = ", ".join(silent)
    demand(not silent, f"{plugin}: no description of the options {told}; documentation is made of them")
    try:
        model.model_validate({**options, "no_such_option": 1})
    except ValidationError:
        pass
    else:
        raise AssertionError(f"{plugin}: its Options accept a key that they do not know")
    dumped = json.loads(json.dumps(plugin.options.model_dump(mode="json")))
    demand(
        model.model_validate(dumped) == plugin.options,
        f"{plugin}: its options do not survive JSON, in which they enter fingerprints",
    )


def _check_estimated(plugin: BuiltPlugin) -> None:
    """Check the options that `udasa check` knows by their names."""
    for name in ("rank", "batch"):
        value = getattr(plugin.options, name, 1)
        demand(
            isinstance(value, int) and value > 0,
            f"{plugin}: its option {name} is {value!r}; memory is estimated from it, so it is a count",
        )


def _check_light(plugin: BuiltPlugin, factory: Any, options: Mapping[str, Any]) -> None:
    """Import and build the factory in a process of its own, and see what that has imported."""
    target = _target(factory)
    demand("<locals>" not in target, f"{target}: an entry point needs a factory at its module's top level")
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, plugin.table.kind, target, json.dumps(dict(options))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    demand(done.returncode == 0, f"{target} cannot be built in a process of its own:\n{done.stderr}")
    imported = done.stdout.split()
    demand(
        not imported,
        f"importing and building {target} imports {', '.join(imported)}: "
        "heavy imports live in the method that needs them",
    )


def probe(kind: str, target: str, options: str) -> None:
    """Build a factory by its entry point's value and print which heavy packages that imported."""
    build(kind, load(target), json.loads(options))
    print(*(name for name in HEAVY if name in sys.modules))


def _target(factory: Any) -> str:
    return f"{factory.__module__}:{factory.__qualname__}"
