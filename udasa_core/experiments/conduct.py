"""An experiment from its name to its tables: found, built with its options, run, and its report written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from udasa_core.api import Configuration, Unchecked, read_configuration
from udasa_core.config.parse import ARRAYS, PluginTable, known_tables
from udasa_core.config.schema import CORE_ARRAYS
from udasa_core.errors import ConfigError, Fault
from udasa_core.experiments.options import default_folder
from udasa_core.experiments.steps import Steps
from udasa_core.export.places import without_places
from udasa_core.files.private import private_folder
from udasa_core.files.whole import keep_whole
from udasa_core.page.html import write_page
from udasa_core.page.tables_page import tables_page
from udasa_core.plugins.base import attribute
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.registry import Registry
from udasa_core.plugins.returned.evaluation import check_tables
from udasa_core.plugins.stack import build_plugins, importable, load_factory
from udasa_core.report.table import Table
from udasa_core.resources.shared import SharedResources
from udasa_core.text.printable import excerpt

KIND = "experiment"
_ARRAYS = (*ARRAYS, *CORE_ARRAYS)


def run_experiment(
    name: str,
    configuration: Configuration = None,
    overrides: Sequence[str] = (),
    *,
    folder: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Table, ...]:
    """Run an experiment that is installed, or go on with it, and return its tables.

    name: an entry point's name, "distribution/name", or "module:Factory". configuration: default, the one
    that the experiment brings, or the quickstart. overrides: "path=value" assignments to it. folder: where
    its runs and its report go; default, runs/<name>. options: the experiment's own, as plain JSON data.

    The tables are also written to `folder`, as <report_name>.txt, .md and, with the pictures that lie there
    under its name, as a page, .html. Raises CatalogError
    where there is no such experiment, or it has no such option, and what its steps raise: ConfigError with
    every fault of the configuration first.
    """
    catalog = read_catalog()
    plugin, read = _built(name, configuration, overrides, options or {}, catalog)
    out_dir = Path(folder) if folder is not None else default_folder(name)
    answer = Registry([plugin]).call(
        plugin,
        "udasa_experiment",
        config=read.raw,
        out_dir=out_dir,
        steps=Steps(out_dir, read, catalog=catalog, uses=attribute(plugin.instance, "uses")),
    )
    tables = check_tables(plugin, answer, Table)
    _write(tables, out_dir, attribute(plugin.instance, "report_name") or plugin.offer.name)
    return tables


def _built(
    name: str,
    configuration: Configuration,
    overrides: Sequence[str],
    options: Mapping[str, Any],
    catalog: Catalog,
) -> tuple[BuiltPlugin, Unchecked]:
    """Build the experiment, and read the configuration that it is to run on."""
    given = read_configuration(configuration if configuration is not None else {})
    with importable(given.root):
        factory = load_factory(catalog.find(KIND, name))
    default = attribute(factory, "configuration")
    read = read_configuration(given if configuration is not None else None, overrides, default=default)
    _check_shape(read)
    resources = SharedResources({}, read.root, lambda event: None)
    table = PluginTable(KIND, name, name, name, 1.0, options)
    (plugin,) = build_plugins([table], read.root, catalog, resources)
    return plugin, read


def _check_shape(read: Unchecked) -> None:
    """Refuse what is no table where one belongs: an experiment changes tables before they are checked."""
    faults = [
        Fault(key, f"is {'an array of tables' if key in _ARRAYS else 'a table'}, not {excerpt(value)}")
        for key, value in read.raw.items()
        if key in known_tables() and not isinstance(value, list if key in _ARRAYS else Mapping)
    ]
    if faults:
        raise ConfigError(faults, read.origin)


def _write(tables: Sequence[Table], folder: Path, name: str) -> None:
    """Write the tables as text, as Markdown and as a page, to be passed on: they name no place on this
    machine. A local experiment's name is made one of a file."""
    stem = default_folder(name).name
    renderings = {
        "txt": "\n\n".join(table.text() for table in tables),
        "md": "\n\n".join(table.markdown() for table in tables),
    }
    private_folder(folder)
    for suffix, text in renderings.items():
        keep_whole(folder / f"{stem}.{suffix}", without_places(text, folder.absolute()) + "\n")
    pictures = sorted(path for path in folder.glob(f"{stem}*") if path.suffix in (".svg", ".png"))
    write_page(tables_page(f"udasa experiment {stem}", tables, pictures, folder), folder / f"{stem}.html")
