"""Which of a run's prompts its generator does not take: those that are too long for the model, most often."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

from udasa_core.config.parse import RunConfig
from udasa_core.errors import UdasaError
from udasa_core.plugins.admission import admits, refusals
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.registry import Registry
from udasa_core.plugins.stack import build_plugins
from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_core.records import ModelRef
from udasa_core.resources.shared import SharedResources
from udasa_core.running.workload import prompts_file

_BATCH = 256
# Seconds after which the prompts that are left are not asked about.
_PATIENCE = 30.0
_NAMED = 5


def admission(config: RunConfig, base: ModelRef) -> dict[str, Any]:
    """Return, as plain data of `Told`, the model's context, and which prompts the generator does not take;
    reads the tokenizer and the configuration alone.

    Nothing is returned where the generator does not say beforehand what it takes, and of prompts nothing
    where they are not on this machine yet.
    """
    resources = SharedResources({"base": base}, config.root, lambda event: None, offline=True)
    (generator,) = build_plugins([config.generator], config.root, read_catalog(), resources)
    registry = Registry((generator,))
    if not admits(registry, generator):
        return {}
    context = {"context": resources.causal_lm(base).context_length}
    return context | _admission(config, registry, generator)


def _admission(config: RunConfig, registry: Registry, generator: BuiltPlugin) -> dict[str, Any]:
    if prompts_file(config) is None:
        return {}
    rows = read_prompts(PromptSource.of_table(config.prompts), config.root)
    read = (row for row in rows if isinstance(row, ReadPrompt))
    ends, asked = time.monotonic() + _PATIENCE, 0
    refused: dict[int, str] = {}
    try:
        while batch := list(islice(read, _BATCH)):
            if time.monotonic() > ends:
                return {"asked": asked, "refused": refused, "unasked": [_unasked(config, asked)]}
            said = refusals(registry, generator, [row.prompt for row in batch], config.blocks)
            refused |= {row.line: why for row, why in zip(batch, said, strict=True) if why}
            asked += len(batch)
    except UdasaError as error:
        told = f"which prompts {generator.name} takes is not told: {str(error).partition(chr(10))[0]}"
        return {"unasked": [told]}
    return {"asked": asked, "refused": refused}


def refused_note(config: RunConfig, asked: int, refused: Mapping[int, str]) -> list[str]:
    """Return, in a sentence, which prompts are set aside since the generator does not take them.

    refused: why, by the line of the prompt.
    """
    if not refused:
        return []
    lines = list(refused)
    named = ", ".join(map(str, lines[:_NAMED])) + (", …" if len(lines) > _NAMED else "")
    return [
        f"generator {config.generator.name!r} does not take {len(refused):,} of {asked:,} prompts of "
        f"{config.prompts.source} (line{'s' if len(lines) > 1 else ''} {named}), and a run sets them aside; "
        f"of line {lines[0]} it says: {refused[lines[0]]}"
    ]


def _unasked(config: RunConfig, asked: int) -> str:
    return f"which prompts of {config.prompts.source} are too long is told of the first {asked:,} alone"
