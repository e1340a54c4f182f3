"""A run's figures and its manifest as they may leave the machine: without its folders and its hosts."""

from __future__ import annotations

from typing import Any

from udasa_core.export.places import Places
from udasa_core.report.figures import figures
from udasa_core.store.runs import Run


def told_of(run: Run) -> dict[str, Any]:
    """Return what `figures` does, and no place of this machine in it."""
    found: dict[str, Any] = _places(run).plain(figures(run))
    return found


def manifest_of(run: Run) -> dict[str, Any]:
    """Return a run's manifest as plain data, and no place of this machine in it."""
    found: dict[str, Any] = _places(run).plain(run.manifest.plain)
    return found


def _places(run: Run) -> Places:
    plain = run.manifest.plain
    folders = [ref["folder"] for ref in plain["models"].values() if ref.get("folder")]
    return Places(run.folder.absolute(), run.store.root, plain.get("root", ""), *folders)
