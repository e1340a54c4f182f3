"""What udasa does, as functions: the command line calls these, and so may anyone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any

from udasa_core.catalog import Catalog, read_catalog
from udasa_core.config import RunConfig, parse_config
from udasa_core.errors import Fault, StoreError, UdasaError
from udasa_core.job import Job
from udasa_core.manifest import Manifest, register, registered
from udasa_core.overrides import override, read_toml
from udasa_core.records import Event, ModelRef
from udasa_core.runs import Run
from udasa_core.stack import check_plugins
from udasa_core.store import Store, lock

# What a run is configured by: a TOML file, its plain data, or None for the bundled quickstart.
Configuration = Path | str | Mapping[str, Any] | None


def load(configuration: Configuration = None, overrides: Sequence[str] = ()) -> RunConfig:
    """Read and check a configuration whole. Raises ConfigError with every fault at once; writes nothing.

    overrides: "path=value" assignments, as `--set` takes them.
    """
    return _load(configuration, overrides, read_catalog())


def _load(configuration: Configuration, overrides: Sequence[str], catalog: Catalog) -> RunConfig:
    if isinstance(configuration, Mapping):
        raw, root, origin = dict(configuration), Path(), "configuration"
    else:
        path = quickstart() if configuration is None else Path(configuration)
        raw, root, origin = read_toml(path), path.parent if configuration else Path(), str(path)
    if overrides:
        raw = override(raw, overrides)
    return parse_config(
        raw,
        root=root.resolve(),
        origin=origin,
        check=lambda config: [*check_plugins(config, catalog), *_check_sources(config)],
    )


def quickstart() -> Path:
    """Return the path of the bundled quickstart.toml."""
    return Path(str(files("udasa_core") / "data" / "quickstart.toml"))


def _check_sources(config: RunConfig) -> Iterator[Fault]:
    """Yield the faults of every source, as far as can be seen without fetching anything."""
    from udasa_core.models import check_model
    from udasa_core.sources import check_source

    tables = (("model", config.model), ("embedder", config.embedder), ("reader", config.reader))
    for name, table in (*tables, ("prompts", config.prompts)):
        # A table that its own check refused is None here; its fault has been told.
        if table is not None:
            check = check_source if name == "prompts" else check_model
            for message, hint in check(table.source, config.root):
                yield Fault(f"{name}.source", message, hint)


def run(configuration: Configuration = None, overrides: Sequence[str] = ()) -> Run:
    """Align a model: run the pipeline, continuing what an earlier call began.

    Raises ConfigError (nothing is written), LockedError where another process is at the same run, and the
    other UdasaErrors where a step fails. Ctrl-C and SIGTERM leave a run that the same call continues.
    """
    catalog = read_catalog()
    config = _load(configuration, overrides, catalog)
    folder = config.run_dir
    refusal = f"run {config.run.name} is already being made"
    busy = "the store is being cleaned"
    with (
        lock(folder / ".lock", refusal),
        lock(config.store_dir / ".lock", busy, shared=True),
        _terminable(),
    ):
        job = prepare(config, catalog)
        _carry_out(job)
        return Run(folder, made=job.made)


def prepare(config: RunConfig, catalog: Catalog) -> Job:
    """Resolve the models, build the plugin stack, and open the manifest."""
    earlier = _earlier(config.run_dir)
    job = Job(config, catalog, {})
    job.resources.refs.update(_resolve_models(job, earlier))
    plain = {
        "format": 1,
        "name": config.run.name,
        "status": earlier.get("status", "running"),
        "label_free": True,
        "store": str(job.store.root),
        "root": str(config.root),
        "origin": config.origin,
        "config": dict(config.raw),
        "models": {role: ref.to_json() for role, ref in job.resources.refs.items()},
        "plugins": [
            {"kind": one.table.kind, "name": one.name, **one.identity()} for one in job.stack.plugins()
        ],
    }
    job.manifest = Manifest(config.run_dir, {**earlier, **plain})
    register(job.store.root, config.run_dir)
    return job


def _earlier(folder: Path) -> dict[str, Any]:
    return Manifest.read(folder).plain if (folder / "manifest.json").exists() else {}


def _resolve_models(job: Job, earlier: Mapping[str, Any]) -> dict[str, ModelRef]:
    """Resolve the base policy, and the embedder and reader where a plugin needs them.

    What "auto" came to is taken from the earlier manifest while the tables say the same, so that a run
    that has nothing to do need not import torch to find the processor's best type.
    """
    from udasa_core.models import resolve_encoder, resolve_model

    config, needed = job.config, job.needed()
    tables: dict[str, Any] = {"base": ("model", config.model)}
    if "embedder" in needed:
        tables["embedder"] = ("embedder", config.embedder)
    if "reader" in needed and config.reader is not None:
        tables["reader"] = ("reader", config.reader)
    refs = {}
    for role, (key, table) in tables.items():
        settings = table.model_dump()
        known = earlier.get("models", {}).get(role)
        if known and earlier.get("config", {}).get(key) == config.raw.get(key):
            settings |= {"dtype": known["dtype"], "device": known["device"]}
        resolve = resolve_encoder if role == "embedder" else resolve_model
        source = settings.pop("source")
        refs[role] = resolve(source, root=config.root, progress=job.resources.progress, **settings)
    if "reader" in needed:
        refs.setdefault("reader", refs["base"])
    return refs


def _carry_out(job: Job) -> None:
    """Run the pipeline, and have the manifest say how it ended."""
    from udasa_core.pipeline import align

    assert job.manifest is not None
    name = job.config.run.name
    job.observe(Event("started", "run", name))
    try:
        outcome = align(job)
    except (KeyboardInterrupt, Exception) as error:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        # A full disk refuses this, too; the error to be told is the first one.
        with suppress(StoreError):
            job.manifest.update(status=status, error=f"{type(error).__name__}: {error}")
        raise
    finally:
        job.observe(Event("finished", "run", name))
    job.manifest.finish(
        status="finished",
        error="",
        prompts={
            "training": outcome.prompts.training_size,
            "held_out": outcome.prompts.held_out_size,
            "set_aside": outcome.prompts.set_aside,
        },
        skipped={report.stage: report.skipped for report in outcome.reports if report.skipped},
        suites={name: list(figures) for name, figures in outcome.results.suites.items()},
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: files closed, the manifest told, locks released."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"signal {number}")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def clean(folder: Path | str = "runs", store: Path | str = "", *, dry_run: bool = False) -> tuple[int, int]:
    """Remove from a store what no run's manifest points at; return (entries, bytes) removed.

    store: default `<folder>/store`. Raises LockedError while a run uses the store.
    """
    root = (Path(store) if store else Path(folder) / "store").resolve()
    if not root.is_dir():
        raise UdasaError(f"there is no store at {root}")
    with lock(root / ".lock", "a run uses the store"):
        keep: set[tuple[str, str]] = set()
        for one in registered(root):
            keep |= Manifest.read(one).keys()
        return Store(root).clean(keep, dry_run=dry_run)
