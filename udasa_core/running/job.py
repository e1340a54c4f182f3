"""A job: one configuration with everything it needs at hand, in the main process or in a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from udasa_core.config.parse import RunConfig, parse_config
from udasa_core.errors import PluginError
from udasa_core.plugins.catalog import Catalog, core_identity, read_catalog
from udasa_core.plugins.stack import BuiltPlugin, Stack
from udasa_core.records import Event, ModelRef, content_key
from udasa_core.resources.shared import SharedResources
from udasa_core.running.asked import KeptGrades, KeptResponses
from udasa_core.store.manifest import Manifest
from udasa_core.store.store import Shards, Store, fingerprint

log = logging.getLogger("udasa")


class Job:
    """What the steps work with: configuration, plugin stack, store, resources, and the observers' ear."""

    def __init__(self, config: RunConfig, catalog: Catalog, refs: Mapping[str, ModelRef]) -> None:
        """refs: resolved models by role: "base", and "embedder" and "reader" where a plugin needs them."""
        self.config = config
        self.catalog = catalog
        self.store = Store(config.store_dir.resolve())
        rendering = (
            config.reader.model_dump(include={"template", "template_options"}) if config.reader else {}
        )
        self.resources = SharedResources(refs, config.root, self.observe, rendering)
        self._deaf: set[str] = set()
        # Observers hear of work during the building of the stack, too: none is registered before it ends.
        self._observers: tuple[BuiltPlugin, ...] = ()
        self.stack = Stack(config, catalog, self.resources)
        self._observers = self.stack.observers
        self.resources.generating = KeptResponses(self)
        if self.stack.judge is not None:
            self.resources.asked = KeptGrades(self, self.stack.judge)
        # A worker has none: the process that leads the run alone writes its manifest.
        self.manifest: Manifest | None = None
        self.made = 0
        # Every output that was pointed at, in order.
        self.pointed: list[tuple[str, str, tuple[str, ...]]] = []

    @property
    def base(self) -> ModelRef:
        """The base policy."""
        return self.resources.base

    def needed(self) -> frozenset[str]:
        """Return the resources that a selected plugin declares."""
        return frozenset(need for plugin in self.stack.plugins() for need in plugin.needs)

    def observe(self, event: Event) -> None:
        """Tell every observer; one that fails is told of once, and not heard of again."""
        log.debug("%s %s %s %s/%s", event.what, event.kind, event.name, event.done, event.total)
        for plugin in self._observers:
            if plugin.name in self._deaf:
                continue
            try:
                self.stack.call(plugin, "udasa_observe", event=event)
            except Exception as error:  # an observer cannot stop a run, whatever it raises
                self._deaf.add(plugin.name)
                log.warning("%s; it is not told of anything more", error)

    def identity(self, plugin: BuiltPlugin) -> dict[str, Any]:
        """Return a plugin's identity with that of each resource that it needs."""
        resources = {need: self.resources.identity(need) for need in plugin.needs}
        judge = self.stack.judge.identity() if self.stack.judge and "judge" in plugin.needs else None
        generator = self.stack.generator.identity() if "generator" in plugin.needs else None
        asked = {"judge": judge, "generator": generator}
        return {**plugin.identity(), "resources": resources, **asked}

    def fingerprint(self, step: str, ingredients: Mapping[str, Any]) -> str:
        """Return the name of an output, in which the core counts by its version (editable: its source)."""
        return fingerprint(step, {**ingredients, "core": core_identity()})

    def seed(self, *parts: object) -> int:
        """Return the seed in [0, 2³²) of one piece of work: of the run's seed, step, split and shard."""
        return int(content_key(self.config.run.seed, *parts, length=8), 16)

    def plain(self) -> dict[str, Any]:
        """Return plain data from which a worker rebuilds this job."""
        return {
            "raw": dict(self.config.raw),
            "root": str(self.config.root.resolve()),
            "origin": self.config.origin,
            "store": str(self.store.root),
            "refs": {role: ref.to_json() for role, ref in self.resources.refs.items()},
        }

    def map(self, step: str, inputs: Shards, payloads: Sequence[Mapping[str, Any]], by: str = "") -> Shards:
        """Have a step's missing shards made by the engine; return all of them.

        inputs: the shards that these are made from. payloads: plain data, one a shard, each with its
        "output" fingerprint, or with several under "outputs", which the step itself has the manifest point
        at.
        by: whose work it is, where a step goes in several parts.
        """
        shards = replace(inputs, step=step, fingerprints=tuple(one.get("output", "") for one in payloads))
        name = " ".join(part for part in (step, by, str(shards)) if part)
        if all(shards.fingerprints):
            self.point(name, step, shards.fingerprints)
        todo = [one for one in payloads if self._missing(step, one)]
        with self.step(name, len(payloads), len(todo)) as advance:
            if todo:
                plain = self.plain()
                _jobs[content_key(plain)] = self
                work_items = [{"job": plain, "step": step, **one} for one in todo]
                try:
                    done = self.stack.call(self.stack.engine, "udasa_map", step=step, payloads=work_items)
                    if not isinstance(done, Iterable):
                        raise PluginError(f"{self.stack.engine} returned {done!r}; udasa_map yields indices")
                    for _ in done:
                        advance()
                finally:
                    # What a job has loaded goes with it.
                    _jobs.pop(content_key(plain), None)
                missing = [one for one in todo if self._missing(step, one)]
                if missing:
                    raise PluginError(
                        f"{self.stack.engine} ended without {len(missing)} of {len(todo)} shards of {step}"
                    )
        return shards

    def _missing(self, step: str, payload: Mapping[str, Any]) -> bool:
        outputs = payload["outputs"].values() if "outputs" in payload else (payload["output"],)
        return not all(self.store.has(step, output) for output in outputs)

    def point(self, name: str, step: str, keys: Sequence[str]) -> None:
        """Have the manifest point at outputs, before they are made: a kill leaves none unaccounted for."""
        self.pointed.append((name, step, tuple(keys)))
        if self.manifest is not None:
            self.manifest.point(name, step, keys)

    def step(self, name: str, total: int, todo: int) -> _StepScope:
        """Tell observers of a step: how many parts it has, and how many are still to be made."""
        if todo and not self.made and self.manifest is not None:
            self.manifest.update(status="running", error="")
        self.made += todo
        return _StepScope(self, name, total, todo)


class _StepScope:
    """The time that a step lasts; entered, it gives the function that counts a finished part."""

    def __init__(self, job: Job, name: str, total: int, todo: int) -> None:
        self._job = job
        self._name = name
        self._total = total
        self._done = total - todo
        self._todo = todo

    def __enter__(self) -> _StepScope:
        self._tell("started")
        return self

    def __call__(self) -> None:
        self._done += 1
        self._tell("advanced")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if kind is None:
            log.info("%s: %d made, %d in the store", self._name, self._todo, self._total - self._todo)
            self._tell("finished")

    def _tell(self, what: Any) -> None:
        detail = {"todo": self._todo}
        self._job.observe(Event(what, "step", self._name, self._done, self._total, detail))


# One job a process for each configuration: a worker builds its stack once, whatever it is sent.
_jobs: dict[str, Job] = {}


def work(payload: Mapping[str, Any]) -> None:
    """Make one shard: what an engine calls, in any process, for each payload it was given."""
    import importlib

    plain = payload["job"]
    key = content_key(plain)
    if key not in _jobs:
        config = parse_config(plain["raw"], root=Path(plain["root"]), origin=plain["origin"])
        refs = {role: ModelRef.from_json(ref) for role, ref in plain["refs"].items()}
        job = Job(config, read_catalog(), refs)
        job.store = Store(Path(plain["store"]))
        _jobs[key] = job
    step = importlib.import_module(f"udasa_core.steps.{payload['step']}")
    step.work(_jobs[key], payload)
