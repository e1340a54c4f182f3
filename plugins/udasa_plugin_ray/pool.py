"""Workers and shards: a free worker gets the next shard, and a shard whose worker is lost another worker."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        with marked(Path(job["store"])) as mark:
            self._begin(job, mark, len(waiting))
            if not self._free:
                self._see_all()
            while waiting or self._working:
                while self._free and waiting:
                    place = waiting.popleft()
                    worker = self._free.pop()
                    self._working[worker.make.remote(dict(payloads[place]))] = (worker, place)
                self._begin(job, mark, len(waiting))
                for ref in self._awaited():
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
            # Whoever comes later would look for a mark that is gone.
            self._kill(self._starting.values())
            self._starting = {}

    def forget(self) -> None:
        """Have the free workers forget their models, and end what their plugins hold running."""
        ending = [worker.end.remote() for worker in self._free]
        with suppress(self._ray.exceptions.RayError):
            self._ray.wait(ending, num_returns=len(ending), timeout=_GRACE) if ending else None

    def close(self) -> None:
        """End the workers, and what their plugins hold running."""
        workers = [*self._free, *self._starting.values(), *(worker for worker, _ in self._working.values())]
        self.forget()
        self._kill(workers)
        self._free, self._starting, self._working = [], {}, {}

    def _kill(self, workers: Iterable[Any]) -> None:
        for worker in workers:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(worker)

    def _begin(self, job: Mapping[str, Any], mark: str, needed: int) -> None:
        """Begin workers, as many as there may be and are needed for so many shards."""
        there = len(self._free) + len(self._starting) + len(self._working)
        folders = [ref["folder"] for ref in job["refs"].values() if ref["folder"]]
        for _ in range(min(self._options.workers - there, needed - len(self._starting))):
            worker = self._cluster.worker()
            self._starting[worker.fault.remote(job["store"], mark, folders)] = worker

    def _see_all(self) -> None:
        """Wait for the workers that start, so that one which cannot work is known before anything is made;
        and go on with those that are there in time."""
        refs = list(self._starting)
        if not refs:
            return
        ready = self._ray.wait(refs, num_returns=len(refs), timeout=self._options.start_seconds)[0]
        for ref in ready:
            self._started(ref)
        if self._starting and self._free:
            log.warning("%d of %d workers are there; the others may follow", len(self._free), len(refs))

    def _awaited(self) -> list[Any]:
        """Return what has come, waiting for it. Raises UdasaError where no worker is there in time."""
        refs = [*self._working, *self._starting]
        timeout = None if self._working else self._options.start_seconds
        ready: list[Any] = self._ray.wait(refs, num_returns=1, timeout=timeout)[0]
        if not ready:
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
