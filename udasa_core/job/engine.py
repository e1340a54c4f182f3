"""The local engine: shards in turn, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core.hookspecs import hookimpl
from udasa_core.job.worker import work
from udasa_core.plugins.base import Plugin


class LocalEngine(Plugin):
    """Engine `local`, the default: one shard after the other. It has no options."""

    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        """Yield each payload's index once its shard is in the store."""
        for number, payload in enumerate(payloads):
            work(payload)
            yield number
