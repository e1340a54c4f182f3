"""Observer `journal`: one line of JSON for each thing that happens."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from udasa_core import Event, Resources, hookimpl


class Journal:
    """Appends what starts and what finishes to a file; what merely advances is left out."""

    class Options(BaseModel):
        """Where the journal is kept."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        path: str = Field(description="The file that lines are appended to, from the working folder.")

    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.name = name
        self._path = Path(options.path)

    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        """Append the event."""
        if event.what != "advanced":
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(event)) + "\n")
