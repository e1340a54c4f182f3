"""How shards are made: sent to the engine, or made here; and what a suite that a worker measures asks for.

A suite that asks the generator or the judge in a worker does not wait there for answers: it is left, what it
asks for is made by all workers, and it is begun again and finds it in the store.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from udasa_core.errors import PluginError, StoreError
from udasa_core.files.whole import write_whole
from udasa_core.job.outputs import MAKERS, Outputs
from udasa_core.records import content_key

if TYPE_CHECKING:
    from udasa_core.plugins.stack import Stack

Payload = Mapping[str, Any]
# The step whose work is left where it asks for something, and begun again once that is there.
_LEFT = "suite"
# Beside an output that is still to be made: what it asks for.
_ASKS = ".asks"


class _Job(Protocol):
    """What is needed of a job."""

    alone: bool
    # Whether work that is under way here is left where it asks for something.
    leaves: bool
    outputs: Outputs
    stack: Stack

    def plain(self) -> dict[str, Any]: ...


class _AskedForError(BaseException):
    """Work is left, since it asks for shards that all workers are to make. It passes whatever catches errors
    in between."""

    def __init__(self, step: str, payloads: Sequence[Payload]) -> None:
        self.step = step
        self.payloads = payloads


# The jobs of this process, by their plain data: a worker builds its stack once, whatever it is sent.
known: dict[str, Any] = {}


def do(job: _Job, payload: Payload) -> None:
    """Make one shard in this process; or where it asks for others, write down which."""
    step = payload["step"]
    before, job.leaves = job.leaves, job.leaves or (job.alone and step == _LEFT)
    try:
        importlib.import_module(MAKERS[step]).work(job, payload)
    except _AskedForError as asked:
        text = json.dumps({"step": asked.step, "payloads": asked.payloads})
        write_whole(job.outputs.store.path(step, payload["output"], _ASKS), text)
    finally:
        job.leaves = before


def made_here(job: _Job, step: str, todo: Sequence[Payload]) -> Iterator[int]:
    """Make shards in this process, in turn. In the midst of what may be left, leave it."""
    if job.leaves and todo:
        raise _AskedForError(step, todo)
    for number, payload in enumerate(todo):
        do(job, {"step": step, **payload})
        yield number


class Making:
    """Has one job's shards made by its engine."""

    def __init__(self, job: _Job) -> None:
        self._job = job

    def mapped(self, step: str, todo: Sequence[Payload]) -> Iterator[int]:
        """Yield the place of each payload that the engine says is done. Raises PluginError where it says
        nothing that can be understood."""
        job = self._job
        plain = job.plain()
        with _known(content_key(plain), job):
            work_items = [{"job": plain, "step": step, **payload} for payload in todo]
            done = job.stack.call(job.stack.engine, "udasa_map", step=step, payloads=work_items)
            if not isinstance(done, Iterable):
                raise PluginError(f"{job.stack.engine} returned {done!r}; udasa_map yields indices")
            yield from done

    def make(self, step: str, todo: Sequence[Payload], advance: Callable[[], None]) -> None:
        """Have a step's shards made, and `advance` called for each; what some of them ask for, before. Raises
        PluginError where the engine ends without."""
        outputs = self._job.outputs
        while todo:
            for place in self.mapped(step, todo):
                if step != _LEFT or not outputs.is_missing(step, todo[place]):
                    advance()
            missing = [payload for payload in todo if outputs.is_missing(step, payload)]
            if missing and not self._make_asked(step, missing):
                raise PluginError(
                    f"{self._job.stack.engine} ended without {len(missing)} of {len(todo)} shards of {step}"
                )
            todo = missing

    def _make_asked(self, step: str, left: Sequence[Payload]) -> bool:
        """Make what work that was left asks for, all of it at once; say whether each of it asks for
        something that is made now."""
        notes = [self._job.outputs.store.path(step, one["output"], _ASKS) for one in left if "output" in one]
        if len(notes) < len(left) or not all(note.exists() for note in notes):
            return False
        asked = sorted(map(_read, notes), key=lambda one: str(one["step"]))
        for wanted, some in groupby(asked, key=lambda one: str(one["step"])):
            # Two suites may ask the same.
            payloads = {json.dumps(one): one for each in some for one in each["payloads"]}
            todo = [one for one in payloads.values() if self._job.outputs.is_missing(wanted, one)]
            self.make(wanted, todo, lambda: None)
        for note in notes:
            note.unlink()
        return True


def _read(note: Path) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = json.loads(note.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{note} cannot be read ({error}); delete it and run again") from error
    return plain


@contextmanager
def _known(key: str, job: _Job) -> Iterator[None]:
    """Have work in this process find the job itself; what it has loaded goes with it."""
    before = known.get(key)
    known[key] = job
    try:
        yield
    finally:
        known.pop(key)
        if before is not None:
            known[key] = before
