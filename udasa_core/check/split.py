"""What comes of how the prompts fall into those that are trained on and those that are held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from udasa_core.config.parse import RunConfig
from udasa_core.errors import UdasaError
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import stage_names
from udasa_core.prompts.held_out import unwatched_note
from udasa_core.running.few import few_notes
from udasa_core.running.workload import count_prompts


def split_notes(config: RunConfig, catalog: Catalog, refused: Mapping[int, str]) -> Iterator[str]:
    """Yield, a sentence each, what comes of few prompts, and of none held out; nothing where they are not on
    this machine yet.

    refused: the lines whose prompts the generator does not take, and why.
    """
    try:
        prompts = count_prompts(config, refused=refused)
    except UdasaError:  # told where they are read
        return
    if prompts is None:
        return
    if note := unwatched_note(config, prompts.held_out):
        yield note
    yield from few_notes(config, stage_names(config, catalog), prompts.usable - prompts.held_out)
