"""What suites share whose prompts lie in one file, or in a folder that has it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from udasa_core import Resources
from udasa_core.sources.digests import digest
from udasa_eval.inputs.dialogues import find_prompts


class PromptFileSuite:
    """A suite by its options `source` and `file`: where the prompts are, and their fingerprint."""

    # A suite measures: it puts no label into training.
    label_free: ClassVar[bool] = True

    def __init__(self, options: Any, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self._resources = resources

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the prompts: a source is only a name."""
        return digest(self._path)

    @cached_property
    def _path(self) -> Path:
        options = self.options
        return find_prompts(self._resources.data(options.source), options.file, options.source)
