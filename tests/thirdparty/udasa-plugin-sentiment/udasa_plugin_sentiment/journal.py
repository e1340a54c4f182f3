"""Observer `journal`: one line of JSON for each thing that happens."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import Field

from udasa_core import Event, Plugin, hookimpl


class Journal(Plugin):
    """Appends what starts and what finishes to a file; what merely advances is left out."""

    class Options(Plugin.Options):
        """Where the journal is kept."""

        path: str = Field(description="The file that lines are appended to, from the working folder.")

    options: Options

    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        """Append the event."""
        if event.what != "advanced":
            with Path(self.options.path).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(event)) + "\n")
