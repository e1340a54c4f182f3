"""Ray itself: begun on this machine, or found at an address; quiet, telling nobody, and ended."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from typing import Any

from udasa_core import UdasaError
from udasa_plugin_ray.actor import Worker
from udasa_plugin_ray.options import NO_RAY, RayOptions, address_fault

log = logging.getLogger("udasa.ray")


class Cluster:
    """A connection to Ray, from the first worker to `close`."""

    def __init__(self, options: RayOptions) -> None:
        """Raises UdasaError where Ray is not installed, no cluster answers, or it never has room for a
        worker."""
        # Ray would tell its makers of each cluster, and have workers wait for whatever else is running.
        for name in ("RAY_USAGE_STATS_ENABLED", "RAY_worker_niceness"):
            os.environ.setdefault(name, "0")
        try:
            import ray
        except ImportError as error:
            raise UdasaError(NO_RAY) from error
        self.ray: Any = ray
        self._options = options
        self._is_own = not ray.is_initialized()
        if not self._is_own:
            return
        if fault := address_fault(options.address):
            raise UdasaError(fault)
        _hush(ray)
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
        try:
            if options.address:
                ray.init(address=options.address, **quiet)
            else:
                ray.init(
                    address="local",
                    num_cpus=max(1, math.ceil(options.workers * options.num_cpus)),
                    resources={name: options.workers * one for name, one in options.resources.items()},
                    object_store_memory=options.object_store_mib * 2**20,
                    include_dashboard=False,
                    **quiet,
                )
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise UdasaError(f"Ray does not start, or is not found: {error}") from error
        if not options.address and (told := self.lacking()):
            self.close()
            raise UdasaError(told)

    def lacking(self) -> str:
        """Say that no machine of the cluster has what one worker takes ("" where one has)."""
        each = self._options.each
        machines = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        if any(all(has.get(name, 0.0) >= one for name, one in each.items()) for has in machines):
            return ""
        most = {name: max((has.get(name, 0.0) for has in machines), default=0.0) for name in each}
        wanted, there = (", ".join(f"{name} {one:g}" for name, one in told.items()) for told in (each, most))
        return (
            f"each worker takes {wanted}, and of these the cluster's machines have at most {there}: lower "
            "[engine] num_cpus, num_gpus or resources"
        )

    def worker(self) -> Any:
        """Return a new actor, which may not be there yet."""
        options = self._options
        remote = self.ray.remote(Worker).options(
            num_cpus=options.num_cpus,
            num_gpus=options.num_gpus,
            resources=dict(options.resources),
            scheduling_strategy="SPREAD" if options.placement == "spread" else "DEFAULT",
            max_restarts=0,
        )
        return remote.remote(options.threads or max(1, int(options.num_cpus)))

    def close(self) -> None:
        """End Ray, where this began it; of a cluster that is there anyway, leave it."""
        if self._is_own and self.ray.is_initialized():
            self.ray.shutdown()


def _hush(ray: Any) -> None:
    """Keep Ray from writing of lost workers to the console itself, which no option does: the pool tells."""

    def unheard(data: Mapping[str, Any], ignore_prefix: bool = False) -> None:
        log.debug("%s", "\n".join(data.get("lines", ())))

    inner = ray._private.worker
    if hasattr(inner, "print_to_stdstream"):
        inner.print_to_stdstream = unheard
