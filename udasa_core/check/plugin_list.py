"""The list of `udasa plugins`: every offer, and what a configuration makes of it. Nothing is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from udasa_core.errors import CatalogError
from udasa_core.plugins.catalog import Catalog, Offer, normalise
from udasa_core.report.table import Table

if TYPE_CHECKING:
    from udasa_core.config.parse import PluginTable
    from udasa_core.plugins.verify import Verdict

State = Literal["", "selected", "shadowed"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One offer; `state`: selected by the configuration, or shadowed by a selected one of the same name."""

    offer: Offer
    state: State = ""


def listed(catalog: Catalog, selected: Sequence[PluginTable] = ()) -> list[Listed]:
    """Return every offer with its state, then what is selected and not installed (local work, faults)."""
    chosen: dict[Offer, None] = {}
    for table in selected:
        chosen[_choice(catalog, table)] = None
    rows = [Listed(offer, _state(offer, list(chosen))) for offer in catalog.offers]
    return [*rows, *(Listed(offer, "selected") for offer in chosen if offer not in catalog.offers)]


def _choice(catalog: Catalog, table: PluginTable) -> Offer:
    """Return the offer that a table selects, with its fault; one made up where there is none, or two."""
    try:
        return catalog.find(table.kind, table.use)
    except CatalogError as error:
        distribution, _, name = table.use.rpartition("/")
        found = [
            offer
            for offer in catalog.of_kind(table.kind)
            if normalise(offer.name) == normalise(name)
            and normalise(distribution) in ("", offer.distribution)
        ]
        return found[0] if len(found) == 1 else Offer(table.kind, table.use, "–", "", "", str(error))


def _state(offer: Offer, chosen: Sequence[Offer]) -> State:
    if offer in chosen:
        return "selected"
    names = {(offer.kind, normalise(offer.name)) for offer in chosen}
    return "shadowed" if (offer.kind, normalise(offer.name)) in names else ""


def verified(rows: Sequence[Listed], verdicts: Sequence[Verdict]) -> list[Listed]:
    """Return the list with what broke at import as each offer's fault."""
    return [
        replace(row, offer=replace(row.offer, fault=verdict.problem))
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def plugin_table(rows: Sequence[Listed], *, states: bool) -> Table:
    """Return the list as a table; states: with a column of states. Faults have one where there are any."""
    columns = {
        "kind": [row.offer.kind for row in rows],
        "name": [row.offer.name for row in rows],
        "distribution": [row.offer.distribution for row in rows],
        "version": [row.offer.version for row in rows],
    }
    if states:
        columns["state"] = [row.state for row in rows]
    if any(row.offer.fault for row in rows):
        columns["fault"] = [row.offer.fault for row in rows]
    return Table("", list(columns), list(zip(*columns.values(), strict=True)))
