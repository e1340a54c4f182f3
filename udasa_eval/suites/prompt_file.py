"""What suites share whose prompts lie in one file, or in a folder that has it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from udasa_core import Plugin, file_digest
from udasa_eval.inputs.dialogues import find_prompts


class PromptFileSuite(Plugin):
    """A suite by its options `source` and `file`: where the prompts are, and their fingerprint."""

    options: Any

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the prompts: a source is only a name."""
        return file_digest(self._path)

    @cached_property
    def _path(self) -> Path:
        options = self.options
        return find_prompts(self.resources.data(options.source), options.file, options.source)
