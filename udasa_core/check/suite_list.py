"""What the suites of a run ask, as far as their data are on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault, SourceError
from udasa_core.models.model_size import local_path
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import Stack, stage_names
from udasa_core.report.table import Table
from udasa_core.resources.shared import SharedResources
from udasa_core.running.suite_work import suite_table, suite_work
from udasa_core.sources.resolve import is_here
from udasa_core.sources.source import names_source


@dataclass(frozen=True, slots=True)
class Asked:
    """What suites ask: the table, the judgements of all models, and the base's responses with their tokens.

    What is not known beforehand is left out, stages too where nobody knows them. away: the suites whose data
    are not on this machine yet; faults: what is wrong with what a suite was given.
    """

    table: Table
    judgements: int
    responses: int
    tokens: int
    away: Sequence[str] = ()
    faults: Sequence[Fault] = ()


def suites_asked(config: RunConfig, catalog: Catalog) -> Asked | None:
    """Return what each suite asks, and of how many models; None where there is no suite. Nothing is
    fetched."""
    if not config.suites:
        return None
    stages = stage_names(config, catalog)
    models = None if stages is None else 1 + len(stages) * config.rounds.count
    resources = SharedResources({}, config.root, lambda event: None, offline=True)
    stack = Stack(config, catalog, resources)
    work = suite_work(stack)
    # What may still have to be fetched is no fault.
    whole = {plugin.name for plugin in stack.suites if _is_here(plugin, config)}
    faults = [Fault(f"suite.{one.suite}", one.fault) for one in work if one.fault and one.suite in whole]
    return Asked(
        suite_table(work, models),
        judgements=(models or 1) * sum(one.judgements or 0 for one in work),
        responses=sum(one.responses or 0 for one in work),
        tokens=sum(one.tokens or 0 for one in work),
        away=[plugin.name for plugin in stack.suites if not _is_here(plugin, config)],
        faults=faults,
    )


def _is_here(plugin: BuiltPlugin, config: RunConfig) -> bool:
    """Whether all that a suite's options name as sources is on this machine."""
    values = plugin.options.model_dump(mode="json").values()
    sources = [value for value in values if isinstance(value, str) and names_source(value)]
    try:
        return all(is_here(source, config.root) or local_path(source, config.root) for source in sources)
    except SourceError:  # what is no source need not be fetched
        return True
