"""The plugin stack: pick what the TOML selects, check it, build it.

Only selected factories are imported. `check_plugins` gathers faults for the configuration; `Stack` builds.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from udasa_core import hookspecs, waiting
from udasa_core.config.key_faults import pydantic_faults, unknown_key
from udasa_core.config.parse import (
    PluginTable,
    RunConfig,
    ScoringConfig,
    core_keys,
)
from udasa_core.config.schema import STAND_INS, without_model
from udasa_core.errors import FOREIGN, CatalogError, Fault, PluginError, UdasaError
from udasa_core.plugins.base import attribute
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import Catalog, Offer
from udasa_core.plugins.combinations import (
    PairMaker,
    combination_cautions,
    combination_faults,
    entropy_caution,
    entropy_faults,
    rounds_faults,
    stage_trainers,
    ungapped_faults,
)
from udasa_core.plugins.contract import attribute_faults, factory_fault, plugin_faults
from udasa_core.plugins.entry_points import load
from udasa_core.plugins.identity import mismatch, source_digest
from udasa_core.plugins.not_imported import not_imported
from udasa_core.plugins.registry import Registry
from udasa_core.resources.shared import SharedResources

# The kinds whose plugins decide what is trained on: human labels could enter by these.
SHAPING = ("generator", "dimension", "calibration", "aggregation", "pairing", "stages", "trainer")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selected factory with its validated options: what is needed to build a BuiltPlugin."""

    table: PluginTable
    offer: Offer
    factory: Any
    options: BaseModel
    needs: tuple[str, ...]


@contextmanager
def importable(root: Path) -> Iterator[None]:
    """Make local work beside the TOML (`use = "module:Factory"`) importable, before anything of its name."""
    entry = str(root)
    sys.path.insert(0, entry)
    # A file may have been written a moment ago, in a notebook.
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


def load_factory(offer: Offer) -> Any:
    """Import an offer's factory. Raises CatalogError where it cannot be imported or is not a factory."""
    module, _, attribute = offer.target.partition(":")
    if module == "__main__":
        raise CatalogError(
            f"{offer} is defined in a notebook or a script, whose code cannot be counted: put it into a file "
            f'and write use = "file:{attribute}" with that file\'s name'
        )
    try:
        with waiting.watch.over(offer, "its import"):
            factory = load(offer.target)
    except FOREIGN as error:  # a third party's module may do anything at import
        raise CatalogError(not_imported(offer, error)) from error
    problem = factory_fault(factory)
    if problem:
        raise CatalogError(f"{offer}: {problem}")
    return factory


def _choose(table: PluginTable, catalog: Catalog) -> tuple[Chosen | None, list[Fault]]:
    """Find a table's factory and validate its options; what stands in the way comes back as faults."""
    try:
        offer = catalog.find(table.kind, table.use)
        factory = load_factory(offer)
        problem = mismatch(offer, factory)
        if problem:
            raise CatalogError(f"{offer}: {problem}")
    except CatalogError as error:
        return None, [Fault(f"{table.path}.use", str(error))]
    try:
        text = json.dumps(dict(table.options))
    except TypeError as error:
        return None, [Fault(table.path, f"holds a value that no option takes: {error}")]
    try:
        # As JSON, strictly: no text becomes a number unasked, while a list may become a tuple.
        options = factory.Options.model_validate_json(text, strict=True)
    except ValidationError as error:
        return None, pydantic_faults(error, table.path, factory.Options, core_keys(table.kind))
    except FOREIGN as error:  # a third party's validator may do anything
        told = f"{offer} cannot check its options: {type(error).__name__}: {error}"
        return None, [Fault(table.path, told)]
    return Chosen(table, offer, factory, options, tuple(attribute(factory, "needs"))), []


def check_plugins(config: RunConfig, catalog: Catalog) -> list[Fault]:
    """Return the faults of every plugin table: missing, ambiguous, not importable, wrong options."""
    faults: list[Fault] = []
    all_chosen: list[Chosen] = []
    names: Sequence[str] | None = None
    with importable(config.root):
        for table in config.plugins():
            # A table that its own check refused is None here; its fault has been told.
            if table is not None:
                chosen, found = _choose(table, catalog)
                faults += [fault for fault in found if not _is_inherited(config, fault)]
                if chosen is not None and "judge" in chosen.needs and config.judge is None:
                    faults.append(Fault(table.path, "needs a judge", 'add [judge] with use = "…"'))
                for role, what in without_model(chosen.needs if chosen else (), config.raw):
                    hint = f'add [{role}] with source = "…", {what}'
                    faults.append(Fault(table.path, f"needs {_a(role)} model", hint))
                if chosen is not None and table.kind == "stages":
                    names, found = _stage_names(config, chosen)
                    faults += found
                if chosen is not None:
                    all_chosen.append(chosen)
        faults += _combined(config, all_chosen, names)
    return faults


def _combined(config: RunConfig, chosen: Sequence[Chosen], names: Sequence[str] | None) -> Iterator[Fault]:
    """Yield what does not go together, as far as the tables themselves are right."""
    pairing, stages = _pairing_and_stages(chosen)
    generator = next((one for one in chosen if one.table.kind == "generator"), None)
    # A table that its own check refused is None here; its fault has been told.
    if generator is not None and config.rounds is not None:
        dimensions = {one.table.path: one.options for one in chosen if one.table.kind == "dimension"}
        yield from entropy_faults(config, generator.options, dimensions)
    if stages is not None and config.rounds is not None:
        yield from rounds_faults(config, stages.options)
    if pairing is not None and config.trainer is not None:
        trainers = stage_trainers(config, _options_of_trainers(chosen), names)
        quantized = "model" in config.models and config.model.quantization != "none"
        yield from combination_faults(trainers, _pair_maker(pairing), quantized=quantized)


def _pairing_and_stages(chosen: Sequence[Chosen]) -> tuple[Chosen | None, Chosen | None]:
    """Return both, None for one that cannot be chosen."""
    pairing, stages = (
        next((one for one in chosen if one.table.kind == kind), None) for kind in ("pairing", "stages")
    )
    return pairing, stages


def dropped_faults(chosen: Sequence[Chosen]) -> Iterator[Fault]:
    """Yield that the stages among the plugins that are used would drop whatever the pairing gives them."""
    pairing, stages = _pairing_and_stages(chosen)
    if pairing is not None and stages is not None:
        yield from ungapped_faults(_pair_maker(pairing), stages.options)


def _pair_maker(pairing: Chosen) -> PairMaker:
    return PairMaker(pairing.table.name, pairing.options, attribute(pairing.factory, "fills"))


def _options_of_trainers(chosen: Sequence[Chosen]) -> dict[str, BaseModel]:
    return {one.table.path: one.options for one in chosen if one.table.kind == "trainer"}


def cautions(config: RunConfig, catalog: Catalog) -> Iterator[str]:
    """Yield what selected plugins' options caution of, in sentences with whose they are. Nothing is built."""
    all_chosen: list[Chosen] = []
    names: Sequence[str] | None = None
    with importable(config.root):
        for table in config.plugins():
            chosen, _ = _choose(table, catalog)
            if chosen is None:
                continue
            all_chosen.append(chosen)
            if table.kind == "stages":
                names, _ = _stage_names(config, chosen)
            if table.kind == "generator":
                yield from entropy_caution(config, chosen.options)
            for told in getattr(chosen.options, "cautions", ()):
                yield f"{table.kind} {table.name!r}: {told}"
    trainers = stage_trainers(config, _options_of_trainers(all_chosen), names)
    yield from combination_cautions(config, trainers, names)


def stage_names(config: RunConfig, catalog: Catalog) -> Sequence[str] | None:
    """Return the stages that [stages] will make, in the order of training; None where that is not said before
    pairs are seen."""
    with importable(config.root):
        chosen, _ = _choose(config.stages, catalog)
        return _stage_names(config, chosen)[0] if chosen is not None else None


def takes_any_prompt(config: RunConfig, catalog: Catalog) -> bool:
    """Say whether the generator answers whatever it is asked; False where it has its responses already."""
    with importable(config.root):
        chosen, _ = _choose(config.generator, catalog)
        return chosen is None or bool(attribute(chosen.factory, "takes_any_prompt"))


def check_dimensions(config: ScoringConfig, catalog: Catalog) -> list[Fault]:
    """Return the faults of dimensions that score without a run: as `check_plugins` does, and where one needs
    what only a run has."""
    faults: list[Fault] = []
    with importable(config.root):
        for table in config.dimensions:
            chosen, found = _choose(table, catalog)
            faults += found
            needs = set(chosen.needs) if chosen else set()
            for role, what in without_model(needs, config.raw):
                other = f', or {STAND_INS[role]}="…", which stands in for it' if role in STAND_INS else ""
                hint = f'score(…, {role}="…"): {what}{other}'
                faults.append(Fault(table.path, f"needs {_a(role)} model", hint))
            faults += [
                Fault(table.path, f"needs the run's {need}, and there is no run", "score it by `udasa run`")
                for need in sorted(needs & {"generator", "judge"})
            ]
    return faults


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _is_inherited(config: RunConfig, fault: Fault) -> bool:
    """Say whether a stage's trainer only repeats what is wrong in [trainer]: it was told there."""
    table, _, rest = fault.path.partition(".")
    stage, _, key = rest.rpartition(".")
    if table != "trainer" or stage not in config.stage_trainers:
        return False
    return key not in config.raw["trainer"][stage]


def _stage_names(config: RunConfig, chosen: Chosen) -> tuple[Sequence[str] | None, list[Fault]]:
    """Return the stages that the policy makes, where it says so beforehand, and the faults of
    [trainer.<stage>] tables whose stage is none of them."""
    resources = SharedResources({}, config.root, lambda event: None).limited_to(
        chosen.needs, chosen.table.name
    )
    try:
        with waiting.watch.over(chosen.offer, "its constructor"):
            policy = chosen.factory(chosen.options, chosen.table.name, resources)
    except FOREIGN as error:  # a third party's constructor may do anything
        return None, [Fault(f"{chosen.table.path}.use", f"cannot be built: {type(error).__name__}: {error}")]
    faults = attribute_faults("stages", policy, chosen.options)
    if faults:
        return None, [Fault(f"{chosen.table.path}.use", "; ".join(faults))]
    names: Sequence[str] | None = attribute(policy, "stage_names")
    stray = [stage for stage in config.stage_trainers if names is not None and stage not in names]
    return names, [unknown_key(f"trainer.{stage}", stage, names or ()) for stage in stray]


def build_plugins(
    tables: Sequence[PluginTable], root: Path, catalog: Catalog, resources: SharedResources
) -> tuple[BuiltPlugin, ...]:
    """Build the plugins of these tables, in order. Raises CatalogError or PluginError, naming the plugin.

    root: the folder of the TOML, whose modules local work may lie in.
    """
    with importable(root):
        return tuple(_build(table, catalog, resources) for table in tables)


def _build(table: PluginTable, catalog: Catalog, resources: SharedResources) -> BuiltPlugin:
    chosen, faults = _choose(table, catalog)
    if chosen is None:
        raise CatalogError("\n".join(str(fault) for fault in faults))
    try:
        with waiting.watch.over(chosen.offer, "its constructor"):
            instance = chosen.factory(
                chosen.options, table.name, resources.limited_to(chosen.needs, table.name)
            )
    except UdasaError:
        raise
    except FOREIGN as error:
        raise PluginError(
            f"{table.kind} {table.name!r} ({chosen.offer.distribution} {chosen.offer.version}) "
            f"cannot be built: {type(error).__name__}: {error}"
        ) from error
    source = source_digest(chosen.offer, chosen.factory)
    plugin = BuiltPlugin(table, chosen.offer, chosen.options, chosen.needs, instance, source)
    breaches = plugin_faults(table.kind, type(instance))
    breaches += attribute_faults(table.kind, instance, chosen.options)
    if breaches:
        raise PluginError(f"{plugin}: {'; '.join(breaches)}")
    return plugin


def chosen_plugins(config: RunConfig | ScoringConfig, catalog: Catalog) -> list[Chosen]:
    """Return every plugin that a configuration selects, with its checked options; nothing is built."""
    with importable(config.root):
        found = [_choose(table, catalog)[0] for table in config.plugins()]
    return [chosen for chosen in found if chosen is not None]


def used_of(chosen: Sequence[Chosen], uses: Collection[str] | None) -> list[Chosen]:
    """Return the plugins of some kinds; judge and generator also where another one of these asks them, and
    engine and observers always."""
    if uses is None:
        return list(chosen)
    needs = {need for one in chosen if one.table.kind in uses for need in one.needs}
    return [one for one in chosen if one.table.kind in {*uses, *needs, "engine", "observer"}]


def needs_of(chosen: Sequence[Chosen]) -> frozenset[str]:
    """Return the resources that the selected factories declare."""
    return frozenset(need for one in chosen for need in one.needs)


class Stack(Registry):
    """The selected plugins, built and registered.

    observers: built before, since they are told of what comes before the rest is built; a worker has none.
    """

    def __init__(
        self,
        config: RunConfig,
        catalog: Catalog,
        resources: SharedResources,
        observers: Sequence[BuiltPlugin] = (),
    ) -> None:
        """Build every plugin of `config`. Raises CatalogError or PluginError, naming the plugin."""
        tables = [table for table in config.plugins() if table.kind != "observer"]
        built = build_plugins(tables, config.root, catalog, resources)
        super().__init__((*built, *observers))
        of_kind: dict[str, list[BuiltPlugin]] = {kind: [] for kind in hookspecs.KINDS}
        for plugin in built:
            of_kind[plugin.table.kind].append(plugin)
        (self.generator,) = of_kind["generator"]
        self.dimensions = tuple(of_kind["dimension"])
        (self.calibration,) = of_kind["calibration"]
        (self.aggregation,) = of_kind["aggregation"]
        (self.pairing,) = of_kind["pairing"]
        (self.stages,) = of_kind["stages"]
        self._trainer, *own = of_kind["trainer"]
        self._stage_trainers = dict(zip(config.stage_trainers, own, strict=True))
        self.suites = tuple(of_kind["suite"])
        self.judge = of_kind["judge"][0] if of_kind["judge"] else None
        (self.engine,) = of_kind["engine"]

    def label_free(self) -> bool | None:
        """Say whether no human label enters the run: what each plugin says in its `label_free` attribute.

        None where one says nothing (a third party's, or recorded responses whose origin nobody knows) and
        none says False.
        """
        said = [attribute(plugin.instance, "label_free") for plugin in self._shaping()]
        return False if False in said else None if None in said else True

    def labels_untold(self) -> list[str]:
        """Return the plugins that do not say whether they use human labels, as `kind 'name'`."""
        untold = [one for one in self._shaping() if attribute(one.instance, "label_free") is None]
        return [f"{plugin.table.kind} {plugin.name!r}" for plugin in untold]

    def _shaping(self) -> list[BuiltPlugin]:
        return [plugin for plugin in self.plugins() if plugin.table.kind in SHAPING]

    def trainer(self, stage: str) -> BuiltPlugin:
        """Return the trainer of one stage: its own where the TOML has [trainer.<stage>], else the default."""
        return self._stage_trainers.get(stage, self._trainer)
