"""One policy, served by one worker or several side by side: prompts are dealt out, answers put in order."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from udasa_core import UdasaError
from udasa_plugin_vllm.interpreter import Interpreter
from udasa_plugin_vllm.process import Process

_DEVICES = "CUDA_VISIBLE_DEVICES"


class Workers:
    """Workers that serve one policy.

    Prompt p goes to worker p modulo their number, whatever else is asked: the same call is dealt out alike.
    """

    def __init__(self, found: Interpreter, who: str, count: int, gpus_each: int, first_gpu: int = 0) -> None:
        """gpus_each: of each worker, where vLLM computes on GPUs; first_gpu: of those that this process may
        use. Raises UdasaError."""
        self._who = who
        devices = [
            {} if found.gpus is None else _devices(first_gpu + number * gpus_each, gpus_each)
            for number in range(count)
        ]
        self._processes: list[Process] = []
        try:
            for variables in devices:
                self._processes.append(Process(found.path, who, **variables))
        except BaseException:
            self.end()
            raise

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return [process.pid for process in self._processes]

    def every(self, do: str, told: Mapping[str, Any], answer: str, seconds: float) -> list[Any]:
        """Have every worker do the same, and return what each answers."""
        return [found.get(answer) for found in self._ask([{"do": do, **told}] * self.count, seconds)]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._processes)

    def dealt(
        self,
        do: str,
        lists: Mapping[str, Sequence[Any]],
        told: Mapping[str, Any],
        answer: str,
        seconds: float,
    ) -> list[Any]:
        """Have the items of `lists` (as many each) worked on, and return one of `answer` for each, in order.

        told: what each worker is told besides. Raises UdasaError where a worker fails, or answers with more
        or fewer than it was given.
        """
        count = len(next(iter(lists.values())))
        requests = [
            {"do": do, **told, **{name: items[number :: self.count] for name, items in lists.items()}}
            for number in range(min(self.count, count))
        ]
        parts = [found.get(answer) for found in self._ask(requests, seconds)]
        found: list[Any] = [None] * count
        for number, part in enumerate(parts):
            expected = len(range(number, count, self.count))
            if not isinstance(part, list) or len(part) != expected:
                given = len(part) if isinstance(part, list) else "no"
                self.end()
                raise UdasaError(f"{self._who}: vLLM's process gave {given} answers to {expected} prompts")
            found[number :: self.count] = part
        return found

    def _ask(self, requests: Sequence[Mapping[str, Any]], seconds: float) -> list[Mapping[str, Any]]:
        try:
            for process, request in zip(self._processes, requests, strict=False):
                process.send(request)
            return [process.receive(seconds) for process in self._processes[: len(requests)]]
        except BaseException:
            # The others would answer what nobody asks any more.
            self.end()
            raise

    def end(self) -> None:
        """End them all; a second time does nothing."""
        for process in self._processes:
            process.end()


def _devices(first: int, count: int) -> dict[str, str]:
    """Return what names some GPUs, of those that this process may use."""
    visible = os.environ.get(_DEVICES)
    names = visible.split(",") if visible else list(map(str, range(first + count)))
    return {_DEVICES: ",".join(names[first : first + count])}
