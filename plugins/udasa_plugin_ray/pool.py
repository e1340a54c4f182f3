"""Workers and shards: a free worker gets the next shard, and a shard whose worker is lost another worker."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from udasa_core import UdasaError, marked
from udasa_plugin_ray.cluster import Cluster
from udasa_plugin_ray.options import RayOptions

log = logging.getLogger("udasa.ray")

# Seconds that workers have to end what their plugins hold running.
_GRACE = 10.0


class Pool:
    """The workers of one run; those that are lost are replaced."""

    def __init__(self, cluster: Cluster, options: RayOptions) -> None:
        self._cluster = cluster
        self._ray = cluster.ray
        self._options = options
        self._free: list[Any] = []
        # What is awaited: of a worker that starts its fault, of one that works its shard.
        self._starting: dict[Any, Any] = {}
        self._working: dict[Any, tuple[Any, int]] = {}
        self._lost_starting = 0

    def map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        """Yield each shard's place once it is made. Raises what a shard raised, and UdasaError where one was
        lost too often, or no worker can work."""
        waiting, losses = deque(range(len(payloads))), Counter[int]()
        job = payloads[0]["job"]
        began = time.monotonic()
        with marked(Path(job["store"])) as mark:
            while waiting or self._working:
                while self._free and waiting:
                    self._give(self._free.pop(), waiting.popleft(), payloads)
                if waiting:
                    self._begin(job, mark, len(waiting))
                for ref in self._awaited(began):
                    if ref in self._starting:
                        self._started(ref)
                        continue
                    worker, place = self._working.pop(ref)
                    if (done := self._answer(ref)) is None:
                        losses[place] += 1
                        self._refuse_lost(step, payloads[place], losses[place])
                        waiting.append(place)
                        continue
                    for name, text in done.warnings:
                        logging.getLogger(name).warning("%s", text)
                    if done.error is not None:
                        raise done.error
                    self._free.append(worker)
                    yield place

    def close(self) -> None:
        """End the workers, and what their plugins hold running."""
        workers = [*self._free, *self._starting.values(), *(worker for worker, _ in self._working.values())]
        ending = [worker.end.remote() for worker in self._free]
        with suppress(self._ray.exceptions.RayError):
            self._ray.wait(ending, num_returns=len(ending), timeout=_GRACE) if ending else None
        for worker in workers:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(worker)
        self._free, self._starting, self._working = [], {}, {}

    def numbers(self) -> list[int]:
        """Return the process numbers of the workers that are free."""
        found: list[int] = self._ray.get([worker.number.remote() for worker in self._free])
        return found

    def _give(self, worker: Any, place: int, payloads: Sequence[Mapping[str, Any]]) -> None:
        self._working[worker.make.remote(dict(payloads[place]))] = (worker, place)

    def _begin(self, job: Mapping[str, Any], mark: str, needed: int) -> None:
        """Begin workers, as many as there may be and are needed."""
        there = len(self._free) + len(self._starting) + len(self._working)
        folders = [ref["folder"] for ref in job["refs"].values() if ref["folder"]]
        for _ in range(min(self._options.workers - there, needed - len(self._starting))):
            worker = self._cluster.worker()
            self._starting[worker.fault.remote(job["store"], mark, folders)] = worker

    def _awaited(self, began: float) -> list[Any]:
        """Return what has come, waiting for it. Raises UdasaError where no worker ever is there."""
        refs = [*self._starting, *self._working]
        ready: list[Any] = self._ray.wait(refs, num_returns=1, timeout=1.0)[0]
        late = time.monotonic() - began > self._options.start_seconds
        if late and not ready and not self._working:
            told = self._cluster.lacking() or f"none has room: {self._ray.available_resources()} is free"
            raise UdasaError(
                f"no worker was there within {self._options.start_seconds:.0f} s: {told}. More time: "
                "[engine] start_seconds"
            )
        return ready

    def _started(self, ref: Any) -> None:
        worker = self._starting.pop(ref)
        told = self._answer(ref)
        if told is None:
            self._lost_starting += 1
            if self._lost_starting > self._options.workers + self._options.retries:
                raise UdasaError(f"{self._lost_starting} workers ended as they began. {_LOGS}")
        elif told:
            raise UdasaError(told)
        else:
            self._free.append(worker)

    def _answer(self, ref: Any) -> Any:
        """Return what a worker answered; None where the worker, or its machine, is lost."""
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except exceptions.RayTaskError as error:  # its constructor, or its stack of modules
            raise UdasaError(f"a worker cannot work: {error.cause or error}. {_LOGS}") from error
        except exceptions.RayError as error:
            log.debug("%s", error)
            log.warning("a worker was lost (%s); another one takes its shard", type(error).__name__)
            return None

    def _refuse_lost(self, step: str, payload: Mapping[str, Any], times: int) -> None:
        """Raise UdasaError where a shard was lost too often."""
        if times > self._options.retries:
            shard = payload.get("output") or "of several outputs"
            raise UdasaError(
                f"step {step}, shard {shard}: its worker was lost {times} times, which is more often than "
                f"[engine] retries = {self._options.retries} allows. Memory may be short there: fewer "
                f"workers a machine, or a smaller run.shard_size. {_LOGS}"
            )


_LOGS = "Ray keeps the workers' own words in /tmp/ray/session_latest/logs of their machines"
