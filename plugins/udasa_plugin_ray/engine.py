"""Engine `ray`: whole shards by plain Ray actors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core import Plugin, Resources, hookimpl
from udasa_plugin_ray.cluster import Cluster
from udasa_plugin_ray.options import RayOptions
from udasa_plugin_ray.pool import Pool


class RayEngine(Plugin):
    """Engine `ray`: workers are Ray actors, on this machine or on a cluster. Each builds the run's plugins
    once and makes whole shards, which it writes to the store: that has to lie where all machines see it.

    A worker that is lost, alone or with its machine, costs the shard that it was at, which another one begins
    again. Training stays where the run was started. Shards are the same bytes as those of the engine `local`
    on the same kind of device with as many threads. See [Scale](scale.md).
    """

    Options = RayOptions
    options: RayOptions

    def __init__(self, options: RayOptions, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        self._cluster: Cluster | None = None
        self._pool: Pool | None = None

    @property
    def at_once(self) -> int:  # type: ignore[override]  # an attribute there
        """As many as there are workers."""
        return self.options.workers

    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        if not payloads:
            return
        if self._cluster is None:
            self._cluster = Cluster(self.options)
        if self._pool is None:
            self._pool = Pool(self._cluster, self.options)
        try:
            yield from self._pool.map(step, payloads)
        except BaseException:
            # Some may be at shards that nobody waits for any more.
            self._end_workers()
            raise

    def release(self) -> None:
        """End workers that have GPUs, which a trainer needs; have the others forget their models."""
        if self.options.num_gpus:
            self._end_workers()
        elif self._pool is not None:
            self._pool.forget()

    def close(self) -> None:
        """End the workers, and Ray where this run began it."""
        self._end_workers()
        if self._cluster is not None:
            cluster, self._cluster = self._cluster, None
            cluster.close()

    def _end_workers(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.close()
