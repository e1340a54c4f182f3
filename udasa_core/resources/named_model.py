"""A model that a plugin's own options name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from udasa_core.models.resolve import resolve_model
from udasa_core.records import ModelRef
from udasa_core.resources.protocols import Resources


def named_model(resources: Resources, source: str, dtype: str, device: str) -> ModelRef:
    """Return the identity of the causal language model that a source names, fetched and told as the run's
    own models are; `source` stays its name, wherever its files lie. Raises SourceError."""
    ref = resolve_model(
        f"file:{resources.path(source)}",
        root=Path(),
        dtype=dtype,
        device=device,
        progress=resources.progress,
    )
    return replace(ref, source=source)
