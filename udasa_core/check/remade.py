"""What `udasa run` would make again of an earlier run, since code or versions changed: by step, with why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core.config.parse import PluginTable, RunConfig
from udasa_core.job.made_with import LIBRARIES, code_digests, used_versions
from udasa_core.plugins.base import attribute
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.identity import source_digest
from udasa_core.plugins.stack import importable, load_factory
from udasa_core.report.table import Table
from udasa_core.store.manifest import Manifest

# The steps in order: whose plugins make a step's outputs, and of which steps' outputs they are made. Samples
# are of prompts by what these say: read again by other code, the same prompts are the same.
_STEPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "prompts": ("", ()),
    "sample": ("generator", ()),
    "agree": ("", ("sample",)),
    "score": ("dimension", ("sample",)),
    "fit": ("calibration", ("score",)),
    "aggregate": ("aggregation", ("fit", "score")),
    "controls": ("", ("aggregate",)),
    "pair": ("pairing", ("aggregate",)),
    "stage": ("stages", ("pair",)),
    "replay": ("", ("stage",)),
    "train": ("trainer", ("stage", "replay")),
    "meters": ("", ("aggregate", "agree", "train")),
    "pair-logprobs": ("", ("stage", "train")),
    "answer": ("generator", ()),
    "grade": ("judge", ()),
    "suite": ("suite", ("train", "answer", "grade")),
    "transition": ("", ("meters", "pair-logprobs", "suite")),
    "gate": ("", ("transition",)),
    "guard": ("", ("meters",)),
    "evaluate": ("", ("meters",)),
}
_TITLE = "Made again by `udasa run`"
# A model is known by its weights: trained again to the same ones, it is measured already.
_AFTER = {"train": "after train, where it gives other weights"}
_MEANT = {
    "prompts": "read prompts",
    "agree": "agreement of answers",
    "replay": "replayed pairs",
    "fit": "fit calibration",
    "controls": "check controls",
    "pair-logprobs": "pairs read by policies",
    "answer": "answers that suites asked for",
    "grade": "grades that suites asked for",
    "suite": "suites",
}


def remade_table(config: RunConfig, catalog: Catalog) -> Table | None:
    """Return what another version, or other code of one, has made again; None where nothing is.

    What another configuration or other prompts make again is not told: whoever changes these knows.
    """
    if not (config.run_dir / "manifest.json").exists():
        return None
    made = Manifest.read(config.run_dir)
    if "code" not in made.plain:
        told = "the udasa that made it named its outputs in another way; none of them is taken"
        return Table(_TITLE, ("step", "cause"), [("every step", told)])
    here = {str(entry["step"]) for entry in made.outputs()}
    direct = {step: list(_causes(step, made.plain, config, catalog)) for step in _STEPS if step in here}
    causes: dict[str, list[str]] = {}
    for step, (_, sources) in _STEPS.items():
        if step == "aggregate" and any(dimension.fall_back for dimension in config.dimensions):
            sources = (*sources, "agree")
        after = [
            _AFTER.get(source, f"after {_MEANT.get(source, source)}")
            for source in sources
            if source in causes
        ]
        found = direct.get(step, []) or after
        if step in here and found:
            causes[step] = found
    if not causes:
        return None
    rows = [(_MEANT.get(step, step), "; ".join(found)) for step, found in causes.items()]
    notes = [f"Run {config.run.name} was made with {_told_change(made.plain)}."]
    if "sample" in causes:
        notes.append(
            "Samples are what takes longest: `udasa run --keep-samples` takes those that are there, and the "
            "report says so. To make nothing again, use the versions that made the run."
        )
    return Table(_TITLE, ("step", "cause"), rows, notes)


def _causes(step: str, made: Mapping[str, Any], config: RunConfig, catalog: Catalog) -> Iterator[str]:
    """Yield what has changed of what a step's outputs are made with."""
    before, now = made.get("versions", {}), used_versions()
    if made["code"].get(step) != code_digests()[step]:
        yield _change("udasa", before.get("udasa"), now["udasa"])
    kind = _STEPS[step][0]
    asking = _asking(kind, config, catalog)
    for library in LIBRARIES.get(step, LIBRARIES["answer"] if asking else ()):
        if before.get(library) != now[library]:
            yield _change(library, before.get(library), now[library])
    known = {(plugin["kind"], plugin["name"]): plugin for plugin in made.get("plugins", ())}
    for table in config.plugins():
        earlier = known.get((table.kind, table.name))
        if table.kind in (kind, *asking) and earlier is not None:
            yield from _plugin_causes(table, earlier, config, catalog)


def _asking(kind: str, config: RunConfig, catalog: Catalog) -> set[str]:
    """Return what the plugins of a kind ask: resources, and the kinds of plugins that answer."""
    with importable(config.root):
        return {
            need
            for table in config.plugins()
            if table.kind == kind
            for need in attribute(load_factory(catalog.find(kind, table.use)), "needs")
        }


def _plugin_causes(
    table: PluginTable, earlier: Mapping[str, Any], config: RunConfig, catalog: Catalog
) -> Iterator[str]:
    offer = catalog.find(table.kind, table.use)
    if (offer.name, offer.distribution) != (earlier["plugin"], earlier["distribution"]):
        return  # another plugin: another configuration
    with importable(config.root):
        source = source_digest(offer, load_factory(offer))
    if (offer.version, source) != (earlier.get("version", ""), earlier.get("source", "")):
        yield _change(f"{table.name} of {offer.distribution}", earlier.get("version", ""), offer.version)


def _change(what: str, before: str | None, now: str) -> str:
    return f"{what} {before} → {now}" if before != now else f"other code of {what} {now}".rstrip()


def _told_change(made: Mapping[str, Any]) -> str:
    before, now = made.get("versions", {}), used_versions()
    changed = [f"{name} {before[name]}" for name in now if before.get(name, now[name]) != now[name]]
    return ", ".join(changed) or "other code of the same versions"
