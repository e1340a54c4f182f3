"""What could not be asked beforehand, since it is not on this machine yet, or did not answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from udasa_core.check.suite_list import Asked
from udasa_core.config.parse import RunConfig
from udasa_core.models.model_size import local_folder, local_path
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.running.used_models import used_models
from udasa_core.running.workload import prompts_file


def unasked(config: RunConfig, catalog: Catalog, suites: Asked | None) -> Iterator[str]:
    """Yield, a sentence each, what a run may yet stop over. suites: what they ask, as far as it is known.

    Of the policy's tokenizer, of servers and the hub others tell.
    """
    if prompts_file(config) is None:
        yield f"the prompts of {config.prompts.source} are not read: they are not on this machine as a file"
    away = {
        model.source: model.role
        for model in used_models(config, chosen_plugins(config, catalog))
        if not model.instead and not _is_here(model.source, config)
    }
    for source, role in away.items():
        yield f"what the {role} {source} is made of is not looked at: it is not ready on this machine yet"
    for suite in suites.away if suites is not None else ():
        yield f"what suite {suite} asks is not looked at: its data are not on this machine yet"


def verdict(path: str, told: Sequence[str]) -> str:
    """Return the last word on a configuration without a fault. told: what could not be asked."""
    if not told:
        return f"{path} has no fault; next: udasa run {path}"
    listed = "".join(f"\n  {one}" for one in told)
    return (
        f"{path}: no fault was found, but a run may yet stop over what was not asked:{listed}\n"
        f"next: udasa run {path}"
    )


def _is_here(source: str, config: RunConfig) -> bool:
    path = local_path(source, config.root)
    return path is not None and local_folder(path) is not None
