"""What udasa does, as functions: the command line calls these, and so may anyone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from udasa_core.config.overrides import override
from udasa_core.config.parse import RunConfig, parse_config
from udasa_core.config.recipes import recipes
from udasa_core.config.toml_text import check_plain, read_toml
from udasa_core.errors import Fault, UdasaError, UsageError
from udasa_core.files.lock import unused
from udasa_core.models.resolve import check_model
from udasa_core.page.comparison_page import comparison_page
from udasa_core.page.figures import keep_figures
from udasa_core.page.html import write_page
from udasa_core.page.keeper import REPORT, PageKeeper
from udasa_core.page.pair_file import keep_pairs
from udasa_core.page.pairs import pair_count
from udasa_core.page.run_page import TEXTS, run_page
from udasa_core.pipeline import align
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.limits import limits
from udasa_core.plugins.stack import check_plugins, chosen_plugins
from udasa_core.running.conduct import running
from udasa_core.sources.resolve import check_whole
from udasa_core.store.manifest import Manifest, check_format, is_store, note_of, registered
from udasa_core.store.runs import Run
from udasa_core.store.store import IN_USE, Store


class Unchecked(NamedTuple):
    """A configuration as it was read, before it is checked.

    raw: the TOML's plain data. root: the folder that its relative sources, and local plugins, lie in. origin:
    what faults name it by.
    """

    raw: Mapping[str, Any]
    root: Path
    origin: str


# What a run is configured by: a TOML file, its plain data, or None for the bundled quickstart.
Configuration = Path | str | Mapping[str, Any] | Unchecked | None


def read_configuration(
    configuration: Configuration = None, overrides: Sequence[str] = (), *, default: Path | None = None
) -> Unchecked:
    """Read a configuration with overrides, and check nothing yet. Raises ConfigError where it is no TOML.

    overrides: "path=value" assignments, as `--set` takes them. default: the bundled TOML that None stands
    for, whose relative sources lie in the working folder; without one, the quickstart.
    """
    if isinstance(configuration, Unchecked):
        read = configuration
    elif isinstance(configuration, Mapping):
        plain = check_plain(dict(configuration), "configuration")
        read = Unchecked(plain, Path().resolve(), "configuration")
    else:
        path = (default or quickstart()) if configuration is None else Path(configuration)
        root = Path() if configuration is None else path.parent
        # Nobody wrote the file that stands for none, nor is there anything in it to mend.
        origin = f"the configuration {path.stem} that udasa ships" if configuration is None else str(path)
        read = Unchecked(read_toml(path), root.resolve(), origin)
    return read._replace(raw=override(read.raw, overrides) if overrides else dict(read.raw))


def load(
    configuration: Configuration = None, overrides: Sequence[str] = (), *, catalog: Catalog | None = None
) -> RunConfig:
    """Read and check a configuration whole. Raises ConfigError with every fault at once; writes nothing.

    overrides: "path=value" assignments, as `--set` takes them. catalog: what is installed, where the caller
    has read it.
    """
    read, known = read_configuration(configuration, overrides), catalog or read_catalog()
    return parse_config(
        read.raw,
        root=read.root,
        origin=read.origin,
        check=lambda config: [*check_plugins(config, known), *_check_sources(config)],
    )


def limit_suites(configuration: Configuration, items: int, *, catalog: Catalog | None = None) -> Unchecked:
    """Return a configuration whose suites ask about `items` questions each at most, by whichever of their
    options do that; a lower limit stays.

    Raises ConfigError with every fault of the configuration, and UsageError where nothing limits a suite.
    """
    read, known = read_configuration(configuration), catalog or read_catalog()
    config = load(read, catalog=known)
    options = {
        one.table.name: one.options for one in chosen_plugins(config, known) if one.table.kind == "suite"
    }
    tables = []
    for plain in read.raw.get("suite", ()):
        name = plain.get("name", plain["use"])
        lowest = limits(name, options[name], items)
        if not lowest:
            raise UsageError(f"suite {name}: it has no option that limits what it asks; leave out --limit")
        tables.append({**plain, **lowest})
    return read._replace(raw={**read.raw, "suite": tables})


def quickstart() -> Path:
    """Return the path of the bundled quickstart.toml."""
    return recipes()["quickstart"]


def _check_sources(config: RunConfig) -> Iterator[Fault]:
    """Yield the faults of every source, as far as can be seen without fetching anything."""
    for role, table in config.models.items():
        for message, hint in check_model(table.source, config.root):
            yield Fault(f"{role}.source", message, hint)
    for name, source in (
        # A table that its own check refused is None here; its fault has been told. "" asks no control prompt.
        ("prompts", config.prompts and config.prompts.source),
        ("controls", config.controls and config.controls.source),
    ):
        for message, hint in check_whole(source, config.root) if source else ():
            yield Fault(f"{name}.source", message, hint)


def run(
    configuration: Configuration = None,
    overrides: Sequence[str] = (),
    *,
    keep_samples: bool = False,
    report: bool = False,
    catalog: Catalog | None = None,
) -> Run:
    """Align a model: run the pipeline, continuing what an earlier call began.

    keep_samples: take samples that other versions of udasa, a plugin or a library made, where nothing else
    about them differs; the run says so. report: write the run's page, report.html in its folder, anew after
    its steps, and when it ends. catalog: what is installed, where the caller has read it. Raises ConfigError
    (nothing is written), LockedError where another process is at the same run, and the other
    UdasaErrors where a step fails. Ctrl-C and SIGTERM leave a run that the same call continues.
    """
    catalog = catalog or read_catalog()
    config = load(configuration, overrides, catalog=catalog)
    listeners = [PageKeeper(config.run_dir, config.run_dir / REPORT, texts=TEXTS)] if report else []
    with running(config, catalog, keep_samples=keep_samples, listeners=listeners) as job:
        outcome = align(job)
        job.tell(
            prompts={
                "training": outcome.prompts.training_size,
                "held_out": outcome.prompts.held_out_size,
                "set_aside": outcome.prompts.set_aside,
            },
            skipped=outcome.rounds.skipped,
            suites={name: list(figures) for name, figures in outcome.rounds.suites(job).items()},
            rounds={"made": len(outcome.rounds.made), "ended": outcome.rounds.ended},
        )
    return Run(config.run_dir, made=job.outputs.made)


def write_report(
    runs: Sequence[Run], path: Path, *, texts: bool = True, figures: Path | None = None
) -> Sequence[Path]:
    """Write the page of a run, or of several beside one another, and return every file that was written.

    path: an HTML file. texts: whether it holds prompts and responses; those of pairs beyond `TEXTS` lie
    beside it, as Parquet. figures: a folder for each chart as SVG, PDF and CSV. Raises StoreError where what
    a run made is damaged, or a file cannot be written.
    """
    if len(runs) > 1:
        page = comparison_page(runs)
    else:
        page = run_page(runs[0], texts=TEXTS if texts else 0)
    write_page(page, path)
    written = [path]
    if texts and len(runs) == 1 and pair_count(runs[0]) > TEXTS:
        written.append(keep_pairs(runs[0], path.with_name(f"{path.stem}-pairs.parquet")))
    return [*written, *(keep_figures(page, figures) if figures else ())]


def clean(folder: Path | str = "runs", store: Path | str = "", *, dry_run: bool = False) -> tuple[int, int]:
    """Remove from a store what no run's manifest points at; return (entries, bytes) removed.

    store: default `<folder>/store`. Raises LockedError while a run uses the store, StoreError where it is of
    a format that this udasa does not know, and UdasaError where it is no store, or a run that uses it cannot
    be found or read.
    """
    root = (Path(store) if store else Path(folder) / "store").resolve()
    if not root.is_dir():
        raise UdasaError(f"there is no store at {root}; --folder names where runs lie, --store the store")
    if not is_store(root):
        raise UdasaError(f"{root} is no store: no run has noted that it uses it, so nothing is removed")
    with unused(root / IN_USE, "a run uses the store"):
        check_format(root)
        there, gone = registered(root)
        if gone:
            notes = "".join(f"\n  {folder}, noted in {note_of(root, folder)}" for folder in gone)
            raise UdasaError(
                f"runs that use this store cannot be found, so nothing is removed:{notes}\nMount or move "
                "their folders back, or run them again; where a run is gone for good, remove its note"
            )
        keep: set[tuple[str, str]] = set()
        for folder in there:
            keep |= Manifest.read(folder).keys()
        return Store(root).clean(keep, dry_run=dry_run)
