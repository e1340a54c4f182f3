"""A run's outputs: named by what made them, pointed at before they are made, and made once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from udasa_core import waiting
from udasa_core.errors import StoreError
from udasa_core.files.whole import is_read_only
from udasa_core.plugins.identity import core_digest
from udasa_core.records import Event, content_key
from udasa_core.store.manifest import Manifest
from udasa_core.store.output import Output
from udasa_core.store.store import Store, fingerprint

log = logging.getLogger("udasa")

# The module that makes each step's outputs; what it and its imports say enters their fingerprints.
MAKERS: Mapping[str, str] = {
    "prompts": "udasa_core.steps.read",
    "sample": "udasa_core.steps.sample",
    "score": "udasa_core.steps.score",
    "agree": "udasa_core.steps.agree",
    "fit": "udasa_core.steps.aggregate",
    "aggregate": "udasa_core.steps.aggregate",
    "controls": "udasa_core.steps.controls",
    "pair": "udasa_core.steps.pair",
    "stage": "udasa_core.steps.stage",
    "replay": "udasa_core.steps.train",
    "train": "udasa_core.steps.train",
    "meters": "udasa_core.steps.meters",
    "pair-logprobs": "udasa_core.steps.pair_logprobs",
    "transition": "udasa_core.steps.transition",
    "gate": "udasa_core.steps.gate",
    "guard": "udasa_core.steps.guard",
    "evaluate": "udasa_core.steps.evaluate",
    "suite": "udasa_core.steps.suites",
    "answer": "udasa_core.job.asked",
    "grade": "udasa_core.job.asked",
}

# Where an output is another file than a table, or several.
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "fit": (".json",),
    "suite": (".parquet", ".json"),
    "grade": (".json",),
}


class Outputs:
    """The outputs of one job in a store, and the manifest that points at them; a worker has no manifest.

    made: how many were made anew. pointed: every output that was pointed at, in order. remarks: of generator
    and judge, on what was asked of them since somebody emptied it.
    """

    def __init__(self, store: Store, manifest: Manifest | None, tell: Callable[[Event], None]) -> None:
        self.store = store
        self.manifest = manifest
        self.made = 0
        self.remarks: set[str] = set()
        self.pointed: list[tuple[Output, str, tuple[str, ...]]] = []
        self._tell = tell

    def fingerprint(self, step: str, ingredients: Mapping[str, Any]) -> str:
        """Return the name of an output of a step: 32 hex digits over its ingredients and the core's code."""
        return fingerprint(step, {**ingredients, "core": core_digest(MAKERS[step])})

    def point(self, output: Output, label: str, keys: Sequence[str], basis: Sequence[str] = ()) -> None:
        """Have the manifest point at an output, before it is made: a kill leaves none unaccounted for.

        basis: for each key, what it would be whatever the versions of the code that made it.
        """
        self.pointed.append((output, label, tuple(keys)))
        if self.manifest is not None:
            self.manifest.point(output, label, keys, basis)

    def pointed_since(self, number: int) -> list[list[Any]]:
        """Return what was pointed at after the first `number` outputs, as plain data: output, label, keys."""
        return [[output.to_json(), label, list(keys)] for output, label, keys in self.pointed[number:]]

    def point_at_asked(self, step: str, keys: Sequence[str]) -> None:
        """Point at what was asked of generator or judge when a step's outputs were made, by this run or by an
        earlier one: as `pointed_since` gave it, under "asked" in their metadata."""
        for key in keys:
            for output, label, asked in self.store.read_metadata(step, key).get("asked", ()):
                self.point(Output.from_json(output), label, asked)

    def is_whole(self, step: str, key: str) -> bool:
        """Say whether an output that an engine makes is there, with all of its files."""
        return all(self.store.is_whole(step, key, suffix) for suffix in _SUFFIXES.get(step, (".parquet",)))

    def is_missing(self, step: str, payload: Mapping[str, Any]) -> bool:
        """Say whether an output is still to be made that a payload is to make: its "output", or of several,
        by name, its "outputs"."""
        keys = payload["outputs"].values() if "outputs" in payload else (payload["output"],)
        return not all(self.is_whole(step, key) for key in keys)

    def once(
        self,
        output: Output,
        label: str,
        ingredients: Mapping[str, Any],
        make: Callable[[str], None],
        *,
        suffix: str = ".json",
        is_whole: Callable[[str], bool] | None = None,
    ) -> str:
        """Return the name of an output that is in the store afterwards: made by `make`, if it was not there.

        label: what people read, in the manifest and while it is made. suffix: of its file; "" for a folder.
        is_whole: says whether an output of several files is all there.
        """
        key = self.fingerprint(output.step, ingredients)
        self.point(output, label, [key])
        here = is_whole(key) if is_whole else self.store.is_whole(output.step, key, suffix)
        with self.step(label, 1, int(not here)) as advance:
            if not here:
                make(key)
                advance()
        return key

    def step(self, name: str, total: int, todo: int) -> StepScope:
        """Tell observers of a step: how many parts it has, and how many are still to be made.

        Raises StoreError where some are, and nothing can be written: to make them would be for nothing.
        """
        if todo:
            self._check_writable(name)
        if todo and not self.made and self.manifest is not None:
            self.manifest.update(status="running", error="")
        self.made += todo
        return StepScope(self._tell, name, total, todo)

    def _check_writable(self, name: str) -> None:
        folders = [self.store.root, *([self.manifest.folder] if self.manifest is not None else [])]
        for folder in folders:
            if is_read_only(folder):
                raise StoreError(
                    f"{folder} cannot be written, and {name!r} is still to be made: mount it for writing, or "
                    "name another run.folder, or store.path"
                )


class StepScope:
    """The time that a step lasts; entered, it gives the function that counts a finished part."""

    def __init__(self, tell: Callable[[Event], None], name: str, total: int, todo: int) -> None:
        self._observe = tell
        self._name = name
        self._total = total
        self._done = total - todo
        self._todo = todo
        self._during = waiting.watch.during(name)

    def __enter__(self) -> StepScope:
        self._during.__enter__()
        self._tell("started")
        return self

    def __call__(self) -> None:
        """Count a finished part."""
        self._done += 1
        self._tell("advanced")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._during.__exit__(None, None, None)
        if kind is None:
            log.info("%s: %d made, %d in the store", self._name, self._todo, self._total - self._todo)
            self._tell("finished")

    def _tell(self, what: Literal["started", "advanced", "finished"]) -> None:
        detail = {"todo": self._todo}
        self._observe(Event(what, "step", self._name, self._done, self._total, detail))


def seed_of(run_seed: int, *parts: object) -> int:
    """Return the seed in [0, 2³²) of one piece of work: of the run's seed, step, split and shard."""
    return int(content_key(run_seed, *parts, length=8), 16)
