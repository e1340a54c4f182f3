"""A run from its first lock to its last word: `with running(config) as job:`, and the steps in between.

Whatever calls steps is a run with a manifest that `show` and `clean` know, an experiment too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from udasa_core.config.parse import RunConfig
from udasa_core.errors import ConfigError, Fault, StoreError, UdasaError
from udasa_core.files.lock import awaited, in_use, last_held_here, locked
from udasa_core.job.job import Job
from udasa_core.job.made_with import code_digests, used_versions
from udasa_core.job.observers import Observers
from udasa_core.models.chat import TODAY
from udasa_core.plugins.base import attribute
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.stack import build_plugins, chosen_plugins, needs_of, used_of
from udasa_core.records import Event, ModelRef
from udasa_core.resources.shared import SharedResources
from udasa_core.running.changed import changed
from udasa_core.running.costs import Costs
from udasa_core.running.model_refs import resolve_models
from udasa_core.running.preflight import OF_MODELS, is_begun, is_finished, preflight
from udasa_core.running.system import refuse_windows
from udasa_core.running.termination import terminable
from udasa_core.store.manifest import Manifest, register
from udasa_core.store.shared_disk import check_disk
from udasa_core.store.store import FORMAT, IN_USE

log = logging.getLogger("udasa")


@contextmanager
def running(
    config: RunConfig,
    catalog: Catalog | None = None,
    *,
    keep_samples: bool = False,
    uses: Collection[str] | None = None,
    listeners: Sequence[Callable[[Event], None]] = (),
    waits: bool = False,
) -> Iterator[Job]:
    """Open a run, give its job, and have the manifest say how it ended.

    keep_samples: take samples that other versions of udasa, a plugin or a library made, where nothing else
    about them differs. uses: the kinds of plugins that are used; None: every kind. What only others would
    fail of stops nothing. listeners: told of every event, beside the run's observers. waits: wait for another
    process that is at the same run. Raises UsageError on Windows, ConfigError where a model cannot be had, or
    something else is known to stop the run (nothing is written but the cache), LockedError where another
    process is at the same run and is not waited for, and whatever the steps raise. Ctrl-C and SIGTERM leave a
    run that the same call continues.
    """
    refuse_windows()
    catalog = catalog or read_catalog()
    with terminable():
        observers = built_observers(config, catalog, [Costs(config.run_dir), *listeners])
        chosen = chosen_plugins(config, catalog)
        ahead = partial(preflight, config, catalog, chosen, uses=uses)
        looks_ahead = not is_finished(config)
        begun = is_begun(config)
        if looks_ahead:
            # Prompts are counted where they are read.
            _refuse(config, ahead(resumes=begun, counts=False)[0])
        refs = resolve_models(config, needs_of(chosen), observers.progress)
        if looks_ahead:
            # What was fetched, or converted, tells more.
            _refuse(config, ahead(kinds=OF_MODELS, resumes=True)[0])
        lock = config.run_dir / ".lock"
        hold = awaited if waits and not last_held_here(lock) else locked
        with (
            hold(lock, f"run {config.run.name} is already being made"),
            in_use(config.store_dir / IN_USE, "the store is being cleaned"),
        ):
            if looks_ahead:
                check_disk(config.store_dir)
            manifest = _open_manifest(config, refs)
            job = Job(
                config,
                catalog,
                refs,
                observers=observers,
                manifest=manifest,
                keep_samples=keep_samples,
                resumes=begun,
                uses=uses,
            )
            _describe(manifest, job, {one.table.path for one in used_of(chosen, uses)})
            register(job.store.root, config.run_dir)
            with _word_on_the_end(job, manifest):
                yield job


def _refuse(config: RunConfig, faults: Sequence[Fault]) -> None:
    if faults:
        raise ConfigError(faults, config.origin)


def built_observers(
    config: RunConfig, catalog: Catalog, listeners: Sequence[Callable[[Event], None]] = ()
) -> Observers:
    """Build the observers first: they are told of the fetching of models, and use none."""
    bare = SharedResources({}, config.root, lambda event: None, run_folder=config.run_dir)
    return Observers(build_plugins(config.observers, config.root, catalog, bare), listeners)


def _open_manifest(config: RunConfig, refs: dict[str, ModelRef]) -> Manifest:
    """Return the run's manifest, begun anew where the configuration is another than before."""
    earlier = _earlier(config)
    if earlier and earlier.get("config") != config.raw:
        log.warning("run %s %s", config.run.name, changed(earlier.get("config", {}), config.raw))
        # Figures of two configurations are never shown together; what was made is kept until this one ends.
        outputs = [*earlier.get("outputs", []), *earlier.get("earlier", [])]
        earlier = {"earlier": outputs} if outputs else {}
    store = config.store_dir.resolve()
    # A run beside its store finds it wherever both are moved.
    is_beside = store.parent == config.run_dir.resolve().parent
    plain = {
        "format": FORMAT,
        "name": config.run.name,
        "status": earlier.get("status", "running"),
        "store": f"../{store.name}" if is_beside else str(store),
        "root": str(config.root),
        "origin": config.origin,
        "config": dict(config.raw),
        "models": {role: ref.to_json() for role, ref in refs.items()},
    }
    is_finished = earlier.get("status") == "finished"
    return Manifest(config.run_dir, {**earlier, **plain}, is_finished=is_finished)


def _earlier(config: RunConfig) -> dict[str, Any]:
    """Return what an earlier manifest says; a damaged one is begun anew, since the store has everything."""
    if not (config.run_dir / "manifest.json").exists():
        return {}
    try:
        return Manifest.read(config.run_dir).plain
    except StoreError:
        raise  # of a format that a newer udasa wrote: nothing of it is touched
    except UdasaError as error:
        log.warning("%s; it is written anew", error)
        return {}


def _describe(manifest: Manifest, job: Job, used: Collection[str]) -> None:
    """Enter what the stack says of itself; it is saved with the first output. used: the tables of the plugins
    that are used: another one's model need not be there."""
    manifest.plain |= {
        "label_free": job.stack.label_free(),
        # Responses that were there already: after training the same texts are read again.
        "is_recorded": not attribute(job.stack.generator.instance, "takes_any_prompt"),
        "labels_untold": job.stack.labels_untold(),
        "plugins": [
            {"kind": plugin.table.kind, "name": plugin.name, **plugin.identity()}
            for plugin in job.stack.plugins()
            if plugin.table.path in used
        ],
        "versions": used_versions(),
        "code": code_digests(),
        "chat_template_date": TODAY.date().isoformat(),
    }


@contextmanager
def _word_on_the_end(job: Job, manifest: Manifest) -> Iterator[None]:
    """Have the manifest say how the work ended, and observers hear of both ends."""
    name, status = job.config.run.name, "failed"
    job.observe(Event("started", "run", name))
    try:
        yield
        manifest.finish(status="finished", error="")
        status = "finished"
    except (KeyboardInterrupt, Exception, SystemExit) as error:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        told = f"{type(error).__name__}: {error}".removesuffix(": ")
        # A full disk refuses this, too; the error to be told is the first one.
        with suppress(StoreError):
            manifest.update(status=status, error=told)
        if isinstance(error, SystemExit):
            raise UdasaError(f"what the run called ended the process: {error!r}") from error
        raise
    finally:
        job.observe(Event("finished", "run", name, detail={"status": status, "made": job.outputs.made}))
        job.close()
