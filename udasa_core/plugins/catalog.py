"""What is installed: every plugin that a distribution offers, found without importing any.

Listing reads `entry_points.txt` files only, so one broken or slow plugin cannot take the program down.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path

from udasa_core.errors import FOREIGN, CatalogError
from udasa_core.hookspecs import CHANGES, CONTRACT, KINDS, PROJECT
from udasa_core.plugins.entry_points import entry_points, load
from udasa_core.text.likeness import likely, listed
from udasa_core.text.printable import excerpt

LOCAL = "local"
_CONTRACT_EXTRA = re.compile(r"contract-[0-9]+")
# Entry points that are no plugins: further subcommands of `udasa`.
COMMANDS = "udasa.command"
_TARGET = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")


def normalise(name: str) -> str:
    """Return a name in the form it is compared in (PEP 503): `Semantic_Degree` equals `semantic.degree`."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry point: which distribution (and version) offers which factory under which name."""

    kind: str
    name: str
    distribution: str
    version: str
    target: str
    fault: str = ""

    @property
    def spelling(self) -> str:
        """How a TOML names this offer and no other."""
        return self.target if self.distribution == LOCAL else f"{self.distribution}/{self.name}"

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.distribution} {self.version})".replace(" )", ")")


class Catalog:
    """All offers, sorted by kind, name and distribution."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.offers = tuple(sorted(offers, key=lambda offer: (offer.kind, offer.name, offer.distribution)))

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[Offer]]:
        table: dict[tuple[str, str], list[Offer]] = {}
        for offer in self.offers:
            table.setdefault((offer.kind, normalise(offer.name)), []).append(offer)
        return table

    def of_kind(self, kind: str) -> tuple[Offer, ...]:
        """Return the offers of one kind."""
        return tuple(offer for offer in self.offers if offer.kind == kind)

    def find(self, kind: str, use: str) -> Offer:
        """Return the offer that a TOML's `use` names.

        use: an entry point's name, "distribution/name" where two offer it, or "module:Factory" (local work).
        Raises CatalogError where nothing, or more than one, answers, or where the offer has a fault.
        """
        if ":" in use:
            if not _TARGET.match(use):
                raise CatalogError(f"{use!r} is not of the form module:Factory")
            return Offer(kind, use, LOCAL, "", use)
        distribution, _, name = use.rpartition("/")
        found = self._by_name.get((kind, normalise(name)), [])
        if distribution:
            found = [one for one in found if normalise(one.distribution) == normalise(distribution)]
        if not found:
            raise CatalogError(
                f"no installed distribution offers the {kind} {use!r}{self._advice(kind, name)}"
            )
        if len(found) > 1:
            both = " and ".join(f"{one.distribution} {one.version}" for one in found)
            spellings = " or ".join(f'use = "{one.spelling}"' for one in found)
            raise CatalogError(f"the {kind} {use!r} is offered by {both}: write {spellings}")
        if found[0].fault:
            raise CatalogError(f"{found[0]}: {found[0].fault}")
        return found[0]

    def _advice(self, kind: str, name: str) -> str:
        names = sorted({offer.name for offer in self.of_kind(kind)})
        close = likely(name, names)
        if close:
            return f'; did you mean "{close}"?'
        for offer in self.of_kind(kind):
            if told := _also_called(offer).get(normalise(name)):
                return f': write use = "{offer.name}", {told}'
        offered = f"; installed: {listed(names)}" if names else "; none is installed"
        return (
            f"{offered}. What another distribution offers is found once that one is installed: "
            "`udasa plugins` lists what is"
        )


def _also_called(offer: Offer) -> dict[str, str]:
    """Return by which other names an offer is looked for, with what is said then; imports it."""
    if offer.fault:
        return {}
    try:
        told = getattr(load(offer.target), "also_called", {})
        return {normalise(name): str(said) for name, said in told.items()}
    except FOREIGN:  # somebody's module that cannot be imported is not what was looked for
        return {}


def read_catalog(path: Sequence[str] | None = None) -> Catalog:
    """Scan installed distributions (on `path`, by default sys.path) and return their offers."""
    offers = [
        Offer(
            kind=one.group.partition(".")[2],
            name=one.name,
            distribution=normalise(one.distribution),
            version=one.version,
            target=one.target,
        )
        for one in entry_points(f"{PROJECT}.", path)
        if one.group not in (COMMANDS, f"{PROJECT}.")
    ]
    contracts: dict[str, str] = {}
    for offer in offers:
        if offer.distribution not in contracts:
            contracts[offer.distribution] = _contract_fault(offer.distribution, path)
    return Catalog([replace(one, fault=_static_fault(one, contracts, path)) for one in offers])


def _static_fault(offer: Offer, contracts: dict[str, str], path: Sequence[str] | None) -> str:
    """Say what is wrong with an offer as far as can be seen without importing it ("" if nothing)."""
    if offer.kind not in KINDS:
        return f"udasa.{offer.kind} is no kind of plugin; kinds: {', '.join(KINDS)}"
    if not _TARGET.match(offer.target):
        return f"its entry point {offer.target!r} is not of the form module:Factory"
    if contracts[offer.distribution]:
        return contracts[offer.distribution]
    return _missing_module(offer.target.split(":")[0], path)


def _missing_module(module: str, path: Sequence[str] | None) -> str:
    """Say that a module's file is missing. Looks at files; parent packages are not imported."""
    top, *rest = module.split(".")
    if path is None and top in sys.modules and not rest:
        return ""
    spec = PathFinder.find_spec(top, path) if path is not None else importlib.util.find_spec(top)
    if spec is None:
        return f"its module {module!r} is not installed"
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    for depth, part in enumerate(rest):
        found = [folder / part for folder in folders if (folder / part).is_dir()]
        is_last = depth == len(rest) - 1
        if is_last and any(list(folder.glob(f"{part}.*")) for folder in folders):
            return ""
        if not found:
            return f"its module {module!r} is not in the installed package {top!r}"
        folders = found
    return ""


def _contract_fault(distribution: str, path: Sequence[str] | None) -> str:
    """Say that a distribution declares no contract, or another one than this udasa speaks."""
    if distribution == PROJECT:
        return ""
    from importlib import metadata

    import packaging.requirements

    places = sys.path if path is None else list(path)
    found = next(iter(metadata.distributions(name=distribution, path=places)), None)
    if found is None:
        return "its distribution has no metadata"
    declared: set[str] = set()
    for text in found.requires or ():
        try:
            requirement = packaging.requirements.Requirement(text)
        except packaging.requirements.InvalidRequirement:
            return f"its distribution requires {excerpt(text)}, which no installer understands"
        if normalise(requirement.name) == PROJECT:
            declared |= {extra for extra in requirement.extras if _CONTRACT_EXTRA.fullmatch(extra)}
    if not declared:
        return f'its distribution declares no contract: it should require "{PROJECT}[contract-{CONTRACT}]"'
    if f"contract-{CONTRACT}" not in declared:
        newest = max(int(extra.removeprefix("contract-")) for extra in declared)
        changes = f"; change: {CHANGES[newest]}" if newest in CHANGES else ""
        told = ", ".join(sorted(declared))
        return f"it was written for {told}; this udasa speaks contract-{CONTRACT}{changes}"
    return ""
