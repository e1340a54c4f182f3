"""Calibration and aggregation tried on made-up scores: what they refuse of their options, their files or the
run's dimensions is known before a score is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault, UdasaError
from udasa_core.plugins.base import attribute
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.registry import Registry
from udasa_core.plugins.stack import Chosen, build_plugins
from udasa_core.resources.shared import SharedResources
from udasa_core.sources.resolve import NotHereError
from udasa_core.sources.source import BadSourceError

# Their hooks take numbers and names alone; of the others, what they read of files is looked at.
_TRIED = ("calibration", "aggregation")
_READ = (*_TRIED, "stages", "judge")
_SCORES = 16


def rehearsal_faults(config: RunConfig, catalog: Catalog, chosen: Sequence[Chosen]) -> Iterator[Fault]:
    """Yield what keeps calibration and aggregation from working on the run's dimensions, and that a file of
    stages or judge cannot be read. Nothing is fetched; what asks for a model is not tried.

    chosen: the plugins that are used.
    """
    resources = SharedResources({}, config.root, lambda event: None, offline=True)
    for one in chosen:
        if one.table.kind not in _READ or one.needs:
            continue
        try:
            (plugin,) = build_plugins([one.table], config.root, catalog, resources)
            _ = attribute(plugin.instance, "fingerprint")
            if one.table.kind in _TRIED:
                _try(plugin, config)
        except (NotHereError, BadSourceError):  # nobody knows yet; told where sources are checked
            continue
        except UdasaError as error:
            yield Fault(one.table.path, str(error))


def _try(plugin: BuiltPlugin, config: RunConfig) -> None:
    import numpy as np

    registry = Registry((plugin,))
    raw = np.linspace(0.0, 1.0, _SCORES)
    weights = {dimension.name: dimension.weight for dimension in config.dimensions}
    if plugin.table.kind == "aggregation":
        columns = {name: tuple(raw.tolist()) for name in weights}
        registry.call(plugin, "udasa_aggregate", columns=columns, weights=weights)
        return
    for name in weights:
        state = registry.call(plugin, "udasa_fit", raw=raw, dimension=name)
        registry.call(plugin, "udasa_calibrate", raw=raw, state=state)
