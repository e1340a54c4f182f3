"""A built plugin, and what it is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from udasa_core import waiting
from udasa_core.config.parse import PluginTable
from udasa_core.errors import PluginError
from udasa_core.plugins.base import attribute
from udasa_core.plugins.catalog import Offer
from udasa_core.plugins.contract import attribute_faults, text_fault
from udasa_core.records import content_key


@dataclass(frozen=True, slots=True, eq=False)
class BuiltPlugin:
    """A built plugin: its table, where it came from, its validated options, and the instance itself."""

    table: PluginTable
    offer: Offer
    options: BaseModel
    needs: tuple[str, ...]
    instance: Any
    # Taken when the plugin was imported: an edit of the file after that does not change what runs.
    source: str = ""

    @property
    def name(self) -> str:
        """The instance name in the TOML."""
        return self.table.name

    def __str__(self) -> str:
        version = f" {self.offer.version}" if self.offer.version else ""
        return f"{self.table.kind} {self.name!r} ({self.offer.name} of {self.offer.distribution}{version})"

    def identity(self) -> dict[str, Any]:
        """Return what enters a fingerprint: name, distribution, version, source, options, and what the
        instance adds in its `fingerprint`; the options in its `incidental` are left out.

        Raises PluginError where the fingerprint is no text.
        """
        fingerprint = self._text("fingerprint")
        return {
            "plugin": self.offer.name,
            "distribution": self.offer.distribution,
            "version": self.offer.version,
            "source": self.source,
            "options": self.options.model_dump(
                mode="json", exclude=set(attribute(self.instance, "incidental"))
            ),
            "fingerprint": fingerprint,
        }

    def judge_key(self) -> str:
        """Return what a judge is found again by: its plugin, options and model, whichever release asks it."""
        return content_key(without_versions(self.identity()))

    def grading_key(self) -> str:
        """Return the digest of a suite's words to a judge, "" where it does not say. Raises PluginError where
        that is no text."""
        return self._text("grading_key")

    def _text(self, name: str) -> str:
        """Return an attribute that may read files."""
        with waiting.watch.over(self, f"its {name}"):
            value = attribute(self.instance, name)
        if fault := text_fault(name, value):
            raise PluginError(f"{self}: {fault}")
        return str(value)

    def remarks(self) -> list[str]:
        """Return what the instance says that it met in its hooks so far, in sentences with its name.

        Raises PluginError where that are no texts.
        """
        faults = attribute_faults(self.table.kind, self.instance, self.options)
        if faults:
            raise PluginError(f"{self}: {'; '.join(faults)}")
        return sorted(
            {f"{self.table.kind} {self.name!r}: {one}" for one in attribute(self.instance, "remarks")}
        )


def without_versions(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plugin's identity without what a newer release of it changes: its version and its source."""
    return {name: value for name, value in identity.items() if name not in ("version", "source")}
