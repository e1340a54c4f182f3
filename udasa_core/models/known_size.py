"""How large a model is that may not be on this machine: by its files, by the hub, or by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from udasa_core.models.model_size import ModelSize, model_size, typical_size
from udasa_core.sources import hub
from udasa_core.sources.source import parse_source

# What is taken for the size of a model of which nothing tells it.
ASSUMED = 8_000_000_000
# "7B", "1.5b", "135M", "8x7B", where nothing is written together with it.
_IN_NAME = re.compile(r"(?<![A-Za-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)\s?([bBmM])(?![A-Za-z0-9])")
_UNITS = {"b": 1e9, "m": 1e6}


@dataclass(frozen=True, slots=True)
class KnownSize:
    """A model's size, and in words where it is known from.

    is_exact: its files tell every dimension; otherwise all but the number of weights are those of a typical
    decoder. is_assumed: nobody tells even that.
    """

    size: ModelSize
    basis: str
    is_exact: bool = False
    is_assumed: bool = False


def known_size(source: str, root: Path) -> KnownSize:
    """Return how large a source's model is. No weight is read or fetched; the hub is asked for a number.

    Raises SourceError where its files are here and no model, or the hub has, or gives, no such model.
    """
    size = model_size(source, root)
    if size is not None and size.parameters:
        return KnownSize(size, "by its files", is_exact=True)
    parsed = parse_source(source, root)
    silence = ""
    if parsed.scheme == "hf":
        try:
            told = hub.parameters(parsed)
        except hub.SilentHubError:
            silence = "the hub gave no answer, "
        else:
            if told:
                return KnownSize(typical_size(told), "as the hub says")
    named = named_size(source, root)
    if named is not None:
        return KnownSize(named, f"{silence}by its name")
    return KnownSize(
        typical_size(ASSUMED), f"assumed: {silence}and neither files nor name tell", is_assumed=True
    )


def named_size(source: str, root: Path) -> ModelSize | None:
    """Return the size that a source's name tells, of a typical decoder; None where it tells none. Raises
    SourceError where it is no source."""
    parsed = parse_source(source, root)
    parameters = parameters_in(PurePosixPath(parsed.member or parsed.name).name)
    return typical_size(parameters) if parameters else None


def parameters_in(name: str) -> int:
    """Return how many weights a model's name says it has; 0 where it says nothing.

    Of a mixture of experts ("8x7B") it is all of them, a little too many.
    """
    found = [
        float(many or 1) * float(number) * _UNITS[unit.lower()]
        for many, number, unit in _IN_NAME.findall(name)
    ]
    return round(max(found, default=0))
