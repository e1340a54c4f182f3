"""A run's configuration, as far as answering and scoring go by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from udasa_core.config.parse import RunConfig, parse_config
from udasa_core.config.schema import KIND_TABLES
from udasa_core.errors import UsageError
from udasa_core.job.job import Job
from udasa_core.plugins.base import attribute
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import check_plugins, importable, load_factory
from udasa_core.store.runs import Run

# What neither answers nor scores, and an engine: its workers do not see the chat's store.
_LEFT_OUT = ("suite", "gate", "guard", "rounds", "transitions", "engine", "observer")


def answering(run: Run, catalog: Catalog, generator: str = "") -> RunConfig:
    """Return the checked configuration by which a run's policies answer.

    generator: another one than the run's, which gets those of its settings that it knows, too. Raises
    ConfigError with every fault, and UsageError where the generator has its answers already.
    """
    plain = run.manifest.plain
    root, origin = Path(plain["root"]), str(plain["origin"])
    raw = {name: table for name, table in plain["config"].items() if name not in _LEFT_OUT}
    with importable(root):
        name = generator or str(raw["generator"]["use"])
        factory = load_factory(catalog.find("generator", name))
    if generator:
        known = {*KIND_TABLES["generator"].model_fields, *factory.Options.model_fields}
        kept = {key: value for key, value in raw["generator"].items() if key in known}
        raw["generator"] = {**kept, "use": generator}
    if not attribute(factory, "takes_any_prompt"):
        others = ", ".join(sorted({offer.name for offer in catalog.of_kind("generator")} - {name}))
        raise UsageError(
            f"generator {name!r} reads responses that are there, and answers no other prompt; --generator "
            f"NAME asks another one (installed: {others})"
        )
    return parse_config(raw, root=root, origin=origin, check=lambda config: check_plugins(config, catalog))


def differences(run: Run, job: Job, *, scores: bool) -> Iterator[str]:
    """Yield one sentence where plugins that answer are other code than when the run was made.

    scores: whether U is asked for, so that what scores and pairs counts as well.
    """
    rows: list[Mapping[str, Any]] = run.manifest.plain.get("plugins", [])
    made_by = {(row["kind"], row["name"]): row.get("source") for row in rows}
    stack = job.stack
    scoring = (*stack.dimensions, stack.calibration, stack.aggregation, stack.pairing) if scores else ()
    plugins = (stack.generator, *scoring)
    found = [
        f"{plugin.table.kind} {plugin.name}"
        for plugin in plugins
        if made_by.get((plugin.table.kind, plugin.name), plugin.source) != plugin.source
    ]
    if not found:
        return
    told = found[0] if len(found) == 1 else f"{len(found)} of {len(plugins)} plugins ({found[0]}, …)"
    what = "answers and their U" if scores else "answers"
    yield (
        f"the code of {told} has changed since run {run.name} was made, by another version or an edit: "
        f"{what} may differ from that run's"
    )
