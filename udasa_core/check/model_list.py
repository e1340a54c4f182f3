"""The list of every model that a run will load: what for, from where, how large."""

from __future__ import annotations

from udasa_core.config.parse import RunConfig
from udasa_core.errors import SourceError, UdasaError
from udasa_core.export.licence import UNKNOWN, licence_of_source
from udasa_core.models.known_size import named_size
from udasa_core.models.memory import bytes_of_weights
from udasa_core.models.model_size import ModelSize, model_size
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.report.table import Table
from udasa_core.running.used_models import UsedModel, used_models
from udasa_core.text.size import size, weights

_NOT_HERE = "not here yet"


def model_table(config: RunConfig, catalog: Catalog) -> Table:
    """Return every model that is loaded, with its weights, the memory that these take, and its licence as its
    own files state it. Nothing is fetched."""
    rows = [_row(model, config) for model in used_models(config, chosen_plugins(config, catalog))]
    return Table("Models", ("for", "source", "weights", "memory", "licence"), rows)


def _row(model: UsedModel, config: RunConfig) -> tuple[str, str, str, str, str]:
    if model.instead:
        return (model.role, f"the {model.instead}, which reads in its place", "", "", "")
    found, basis = _size(model, config)
    licence = licence_of_source(model.source, config.root)
    if licence == UNKNOWN:
        licence = "not stated" if found and not basis else ""
    if found is None:
        return (model.role, model.source, _NOT_HERE, "", licence)
    memory = bytes_of_weights(found, model.dtype, model.device, model.quantization)
    return (model.role, model.source, f"{weights(found.parameters)}{basis}", size(memory), licence)


def _size(model: UsedModel, config: RunConfig) -> tuple[ModelSize | None, str]:
    """Return a model's size, and in words where it is known from, "" where from its files."""
    try:
        found = model_size(model.source, config.root)
        return (found, "") if found else (named_size(model.source, config.root), ", by its name")
    except (SourceError, UdasaError):  # told where sources are checked
        return None, ""
