"""What the suites of a run ask, as far as their data are on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core.config.parse import RunConfig
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import Stack, stage_names
from udasa_core.report.table import Table
from udasa_core.resources.shared import SharedResources
from udasa_core.running.suite_work import suite_table, suite_work


@dataclass(frozen=True, slots=True)
class Asked:
    """What suites ask: the table, the judgements of all models, and the base's responses with their tokens.

    What is not known beforehand is left out, stages too where nobody knows them.
    """

    table: Table
    judgements: int
    responses: int
    tokens: int


def suites_asked(config: RunConfig, catalog: Catalog) -> Asked | None:
    """Return what each suite asks, and of how many models; None where there is no suite. Nothing is
    fetched."""
    if not config.suites:
        return None
    stages = stage_names(config, catalog)
    models = None if stages is None else 1 + len(stages) * config.rounds.count
    resources = SharedResources({}, config.root, lambda event: None, offline=True)
    work = suite_work(Stack(config, catalog, resources))
    return Asked(
        suite_table(work, models),
        judgements=(models or 1) * sum(one.judgements or 0 for one in work),
        responses=sum(one.responses or 0 for one in work),
        tokens=sum(one.tokens or 0 for one in work),
    )
