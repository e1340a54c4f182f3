"""A job: one configuration with everything it needs at hand, in the main process or in a worker."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from udasa_core import waiting
from udasa_core.config.parse import RunConfig
from udasa_core.errors import FOREIGN, PluginError
from udasa_core.job.asked import KeptGrades, KeptResponses
from udasa_core.job.made_with import code_digests, told, used_versions
from udasa_core.job.making import Making, Payload, made_here
from udasa_core.job.observers import Observers
from udasa_core.job.outputs import Outputs, seed_of
from udasa_core.plugins.base import attribute
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import Stack
from udasa_core.records import ModelRef
from udasa_core.resources.shared import SharedResources
from udasa_core.store.manifest import Manifest
from udasa_core.store.store import Shards, Store

log = logging.getLogger("udasa")


class Job:
    """What the steps work with: configuration, plugin stack, resources, outputs, and the observers' ear."""

    def __init__(
        self,
        config: RunConfig,
        catalog: Catalog,
        refs: Mapping[str, ModelRef],
        *,
        observers: Observers | None = None,
        manifest: Manifest | None = None,
        store: Path | None = None,
        keep_samples: bool = False,
        resumes: bool = False,
        uses: Collection[str] | None = None,
        alone: bool = False,
    ) -> None:
        """refs: resolved models by role: "base", and those of the resources that a plugin needs.

        manifest: where the run's outputs are pointed at; a worker has none, as it has no observers. store:
        default, where the configuration says. keep_samples: take samples that other versions made.
        resumes: the run was begun before. uses: the kinds of plugins that are used; None: every kind. alone:
        whatever is asked for is made in this process, and no engine has anything made: as in a worker.
        """
        observers = observers or Observers()
        self.config = config
        self.catalog = catalog
        self.observe = observers.tell
        # Of how many pairs of a stage observers ask the texts.
        self.observed_texts = observers.texts
        self.keep_samples = keep_samples
        self.resumes = resumes
        self.uses = uses
        self.outputs = Outputs(Store((store or config.store_dir).resolve()), manifest, observers.tell)
        rendering = (
            config.reader.model_dump(include={"template", "template_options"}) if config.reader else {}
        )
        self.resources = SharedResources(
            refs,
            config.root,
            observers.tell,
            rendering,
            # Plugins ask by resources that are there before the plugins are.
            generator=lambda: self._responses,
            judge=lambda: self._grades,
            run_folder=config.run_dir,
        )
        self.stack = Stack(config, catalog, self.resources, observers.plugins)
        self.alone = alone
        self.leaves = False
        self.making = Making(self)

    @property
    def store(self) -> Store:
        """Where outputs lie."""
        return self.outputs.store

    @property
    def base(self) -> ModelRef:
        """The base policy."""
        return self.resources.base

    @cached_property
    def _responses(self) -> KeptResponses:
        return KeptResponses(
            self.stack,
            self.outputs,
            self.resources,
            self.identity(self.stack.generator),
            self.mapped,
            self.config.run.shard_size,
            self.config.sampling.thinking_tokens,
        )

    @cached_property
    def _grades(self) -> KeptGrades | None:
        judge = self.stack.judge
        if judge is None:
            return None
        identity = self.identity(judge)

        def parts() -> int:
            return 1 if self.alone and not self.leaves else self.at_once

        return KeptGrades(judge, self.outputs, self.resources, identity, self.mapped, parts)

    def identity(self, plugin: BuiltPlugin) -> dict[str, Any]:
        """Return a plugin's identity with that of each resource that it needs."""
        resources = {need: self.resources.identity(need) for need in plugin.needs}
        judge = self.stack.judge.identity() if self.stack.judge and "judge" in plugin.needs else None
        generator = self.stack.generator.identity() if "generator" in plugin.needs else None
        thinking = self.config.sampling.thinking_tokens
        if generator is not None and thinking is not None:
            generator = {**generator, "thinking_tokens": thinking}
        asked = {"judge": judge, "generator": generator}
        return {**plugin.identity(), "resources": resources, **asked}

    def fingerprint(self, step: str, ingredients: Mapping[str, Any]) -> str:
        """Return the name of an output of a step."""
        return self.outputs.fingerprint(step, ingredients)

    def seed(self, *parts: object) -> int:
        """Return the seed in [0, 2³²) of one piece of work: of the run's seed, step, split and shard."""
        return seed_of(self.config.run.seed, *parts)

    def tell(self, **entries: Any) -> None:
        """Enter what a run found into its manifest."""
        if self.outputs.manifest is not None:
            self.outputs.manifest.update(**entries)

    def plain(self) -> dict[str, Any]:
        """Return plain data from which a worker rebuilds this job."""
        return {
            "raw": dict(self.config.raw),
            "root": str(self.config.root.resolve()),
            "origin": self.config.origin,
            "store": str(self.store.root),
            "sources": self.sources(),
            "refs": {role: ref.to_json() for role, ref in self.resources.refs.items()},
        }

    def sources(self) -> dict[str, str]:
        """Return what code each plugin is, by its table, and udasa's own, and the versions of libraries:
        outputs are named by them."""
        plugins = {plugin.table.path: plugin.source for plugin in self.stack.plugins()}
        udasa = {f"udasa's step {step}": digest for step, digest in code_digests().items()}
        return {**plugins, **used_versions(), **udasa}

    def check_sources(self, told: Mapping[str, str]) -> None:
        """Raise PluginError where code or libraries here are others than those that the outputs are named
        by."""
        ours = self.sources()
        other = [path for path, source in told.items() if ours.get(path, source) != source]
        if other:
            raise PluginError(
                f"a worker has another version, or other code, of {', '.join(other)} than the process that "
                "sent it work: give all of them the same files, and run again"
            )

    @property
    def at_once(self) -> int:
        """How many shards the engine makes at once."""
        return int(attribute(self.stack.engine.instance, "at_once"))

    def release(self) -> None:
        """Forget loaded models, and have plugins free what they hold: a trainer needs the room."""
        self._have_plugins("release")

    def close(self) -> None:
        """Release everything, and have plugins end what they hold running."""
        self._have_plugins("close")

    def _have_plugins(self, what: Literal["release", "close"]) -> None:
        self.resources.release()
        for plugin in self.stack.plugins():
            try:
                with waiting.watch.over(plugin, f"its {what}"):
                    attribute(plugin.instance, what)()
            except FOREIGN as error:  # what was made is made
                log.warning("%s raised in %s: %s: %s", plugin, what, type(error).__name__, error)

    def mapped(self, step: str, todo: Sequence[Payload]) -> Iterator[int]:
        """Have shards of a step made, by the engine or here (see `alone`), and yield the place of each one
        that is done, in any order."""
        return made_here(self, step, todo) if self.alone else self.making.mapped(step, todo)

    def map(
        self, inputs: Shards, step: str, payloads: Sequence[Mapping[str, Any]], instance: str = ""
    ) -> Shards:
        """Have the missing shards of a step made by the engine, and the manifest point at all; return them.

        inputs: the shards that these are made from. payloads: plain data, one a shard, each with the
        fingerprint of its "output", and for samples a "basis" (see `Outputs.point`). instance: which of the
        step's outputs it is, where it has several.
        """
        keys = tuple(payload["output"] for payload in payloads)
        shards = replace(inputs, step=step, fingerprints=keys, voters=())
        label = " ".join(filter(None, (step, instance, str(shards))))
        basis = [payload["basis"] for payload in payloads if "basis" in payload]
        self.outputs.point(shards.output(instance), label, keys, basis)
        self.make(label, step, payloads)
        return shards

    def adopted(
        self, drawn: Shards, payloads: Sequence[dict[str, Any]], instance: str = ""
    ) -> Sequence[dict[str, Any]]:
        """Return sampling's payloads, those to be kept under the names that other versions gave them.

        Only where samples are kept, a shard is not in the store, and one lies there that differs in nothing
        but versions. The manifest says of which versions.
        """
        manifest = self.outputs.manifest
        if not self.keep_samples or manifest is None:
            return payloads
        found = [self._adoptable(payload, manifest) for payload in payloads]
        origins = [versions for _, versions in found if versions is not None]
        if origins:
            samples = " ".join(filter(None, (instance, str(drawn))))
            manifest.adopt(f"sample {samples}", len(origins), origins[0])
            log.warning(
                "%d of %d shards of samples (%s) are kept that other versions made: %s",
                *(len(origins), len(payloads), samples, told(origins[0])),
            )
        return [payload for payload, _ in found]

    def _adoptable(
        self, payload: dict[str, Any], manifest: Manifest
    ) -> tuple[dict[str, Any], Mapping[str, str] | None]:
        if not self.store.is_whole("sample", payload["output"]):
            for key, versions in manifest.samples_like(payload["basis"]):
                if self.store.take("sample", key):
                    return {**payload, "output": key}, versions
        return payload, None

    def make(self, label: str, step: str, payloads: Sequence[Payload]) -> None:
        """Have the missing ones of a step's shards made by the engine.

        payloads: as for `map`; one that makes several outputs has them, by name, under "outputs".
        """
        todo = [payload for payload in payloads if self.outputs.is_missing(step, payload)]
        with self.outputs.step(label, len(payloads), len(todo)) as advance:
            if todo:
                self.making.make(step, todo, advance)

    def make_apart(self, together: str, step: str, payloads: Mapping[str, Payload]) -> None:
        """Have outputs made that are no shards of one, by the label of each: in turn, or where the engine
        makes several at once, at once under one label, `together`."""
        if self.at_once > 1 and len(payloads) > 1:
            self.make(together, step, list(payloads.values()))
            return
        for label, payload in payloads.items():
            self.make(label, step, [payload])
