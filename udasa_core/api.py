"""What udasa does, as functions: the command line calls these, and so may anyone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from udasa_core.config.overrides import override, read_toml
from udasa_core.config.parse import RunConfig, parse_config
from udasa_core.errors import ConfigError, Fault, SourceError, StoreError, UdasaError
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.stack import check_plugins
from udasa_core.records import Event, ModelRef
from udasa_core.running.job import Job, log
from udasa_core.running.termination import terminable
from udasa_core.store.manifest import Manifest, register, registered
from udasa_core.store.runs import Run
from udasa_core.store.store import Store, lock

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
    from udasa_core.models.resolve import check_model
    from udasa_core.sources.source import check_source

    tables = (
        ("model", config.model),
        ("embedder", config.embedder),
        ("entailment", config.entailment),
        ("reader", config.reader),
    )
    for name, table in (*tables, ("prompts", config.prompts), ("controls", config.controls)):
        # A table that its own check refused is None here; its fault has been told. "" asks no control prompt.
        if table is not None and table.source:
            check = check_source if name in ("prompts", "controls") else check_model
            for message, hint in check(table.source, config.root):
                yield Fault(f"{name}.source", message, hint)


def run(configuration: Configuration = None, overrides: Sequence[str] = ()) -> Run:
    """Align a model: run the pipeline, continuing what an earlier call began.

    Raises ConfigError (nothing is written), LockedError where another process is at the same run, and the
    other UdasaErrors where a step fails. Ctrl-C and SIGTERM leave a run that the same call continues.
    """
    config = load(configuration, overrides)
    job = conduct(config, _align)
    return Run(config.run_dir, made=job.made)


def conduct(config: RunConfig, work: Callable[[Job], Mapping[str, Any]]) -> Job:
    """Have `work` call steps as a run: with its locks, its manifest, and a word on how it ended.

    What `work` returns is entered into the manifest. So everything that is made of a configuration, an
    experiment too, is a run that `show` and `clean` know. Raises what `run` raises.
    """
    folder = config.run_dir
    with terminable():
        job = prepare(config, read_catalog())
        with (
            lock(folder / ".lock", f"run {config.run.name} is already being made"),
            lock(config.store_dir / ".lock", "the store is being cleaned", shared=True),
        ):
            job.manifest = _open_manifest(job)
            register(job.store.root, folder)
            _carry_out(job, work)
    return job


def _align(job: Job) -> Mapping[str, Any]:
    """Run the pipeline; return what the manifest says of it."""
    from udasa_core.pipeline import align

    outcome = align(job)
    return {
        "prompts": {
            "training": outcome.prompts.training_size,
            "held_out": outcome.prompts.held_out_size,
            "set_aside": outcome.prompts.set_aside,
        },
        "skipped": {report.stage: report.skipped for report in outcome.reports if report.skipped},
        "suites": {name: list(figures) for name, figures in outcome.results.suites.items()},
    }


def prepare(config: RunConfig, catalog: Catalog) -> Job:
    """Build the plugin stack and resolve the models; nothing is written but the cache.

    Raises ConfigError where a model cannot be had.
    """
    job = Job(config, catalog, {})
    job.resources.refs.update(_resolve_models(job))
    return job


def _open_manifest(job: Job) -> Manifest:
    """Return the run's manifest, begun anew where the configuration is another than before."""
    config, store = job.config, job.store.root
    earlier = _earlier(config.run_dir)
    if earlier and earlier.get("config") != config.raw:
        log.warning(
            "run %s was made by another configuration, which this one replaces: what only that one used is "
            "removed by the next `udasa clean`; another run.name keeps both",
            config.run.name,
        )
        # Figures of two configurations are never shown together; what was made is kept until this one ends.
        outputs = [*earlier.get("outputs", {}).values(), *earlier.get("earlier", [])]
        earlier = {"earlier": outputs} if outputs else {}
    # A run beside its store finds it wherever both are moved.
    is_beside = store.parent == config.run_dir.resolve().parent
    plain = {
        "format": 1,
        "name": config.run.name,
        "status": earlier.get("status", "running"),
        "label_free": job.stack.label_free(),
        "store": f"../{store.name}" if is_beside else str(store),
        "root": str(config.root),
        "origin": config.origin,
        "config": dict(config.raw),
        "models": {role: ref.to_json() for role, ref in job.resources.refs.items()},
        "plugins": [
            {"kind": one.table.kind, "name": one.name, **one.identity()} for one in job.stack.plugins()
        ],
    }
    return Manifest(config.run_dir, {**earlier, **plain})


def _earlier(folder: Path) -> dict[str, Any]:
    """Return what an earlier manifest says; a damaged one is begun anew, since the store has everything."""
    if not (folder / "manifest.json").exists():
        return {}
    try:
        return Manifest.read(folder).plain
    except UdasaError as error:
        log.warning("%s; it is written anew", error)
        return {}


def _resolve_models(job: Job) -> dict[str, ModelRef]:
    """Resolve the base policy, and the other models where a plugin needs them."""
    from udasa_core.models.resolve import resolve_encoder, resolve_model

    config, needed = job.config, job.needed()
    tables: dict[str, tuple[str, Any]] = {"base": ("model", config.model)}
    compares = "embedder" if config.entailment is None else "entailment"
    if "embedder" in needed or ("similarity" in needed and compares == "embedder"):
        tables["embedder"] = ("embedder", config.embedder)
    if "entailment" in needed or ("similarity" in needed and compares == "entailment"):
        tables["entailment"] = ("entailment", config.entailment)
    if "reader" in needed and config.reader is not None:
        tables["reader"] = ("reader", config.reader)
    refs, faults = {}, []
    for role, (key, table) in tables.items():
        resolve = resolve_encoder if role in ("embedder", "entailment") else resolve_model
        settings = table.model_dump(exclude={"source", "template", "template_options"})
        try:
            refs[role] = resolve(table.source, root=config.root, progress=job.resources.progress, **settings)
        except SourceError as error:
            faults.append(Fault(f"{key}.source", str(error)))
    if faults:
        raise ConfigError(faults, config.origin)
    if "reader" in needed:
        refs.setdefault("reader", refs["base"])
    return refs


def _carry_out(job: Job, work: Callable[[Job], Mapping[str, Any]]) -> None:
    """Do the work, and have the manifest say how it ended."""
    assert job.manifest is not None
    name, status = job.config.run.name, "failed"
    job.observe(Event("started", "run", name))
    try:
        job.manifest.finish(status="finished", error="", **work(job))
        status = "finished"
    except (KeyboardInterrupt, Exception) as error:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        told = f"{type(error).__name__}: {error}".removesuffix(": ")
        # A full disk refuses this, too; the error to be told is the first one.
        with suppress(StoreError):
            job.manifest.update(status=status, error=told)
        raise
    finally:
        job.observe(Event("finished", "run", name, detail={"status": status, "made": job.made}))
        job.resources.release()


def clean(folder: Path | str = "runs", store: Path | str = "", *, dry_run: bool = False) -> tuple[int, int]:
    """Remove from a store what no run's manifest points at; return (entries, bytes) removed.

    store: default `<folder>/store`. Raises LockedError while a run uses the store.
    """
    root = (Path(store) if store else Path(folder) / "store").resolve()
    if not root.is_dir():
        raise UdasaError(f"there is no store at {root}")
    with lock(root / ".lock", "a run uses the store"):
        there, gone = registered(root)
        lost = [folder for folder in gone if not folder.parent.exists()]
        if lost:
            told = ", ".join(map(str, lost))
            raise UdasaError(
                f"runs that use this store cannot be found: {told}. Mount or move their folders back; or, "
                f"where they are gone for good, remove their notes in {root / '.runs'}"
            )
        keep: set[tuple[str, str]] = set()
        for one in there:
            keep |= Manifest.read(one).keys()
        return Store(root).clean(keep, dry_run=dry_run)
