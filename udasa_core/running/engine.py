"""The local engine: shards in turn, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core.hookspecs import hookimpl
from udasa_core.resources.protocols import Resources
from udasa_core.running.job import work


class LocalEngine:
    """Engine `local`, the default: one shard after the other. It has no options."""

    class Options(BaseModel):
        """No options."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.name = name

    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        """Yield each payload's index once its shard is in the store."""
        for number, payload in enumerate(payloads):
            work(payload)
            yield number
