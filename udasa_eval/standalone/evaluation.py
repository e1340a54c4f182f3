"""`udasa eval MODEL`: suites on one model, or on an adapter on it, without a run around it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from udasa_core import (
    ConfigError,
    Run,
    Steps,
    Table,
    UdasaError,
    content_key,
    limit_suites,
    load,
    read_configuration,
    suite_table,
)

# What the one model is called in the results.
MODEL = "model"
# Tables of a run or of an experiment that no suite reads: those of the bundled configuration stand.
_IGNORED = (
    *("prompts", "controls", "dimension", "calibration", "aggregation", "pairing", "stages", "trainer"),
    *("engine", "observer", "arms"),
)
# An adapter's files, as PEFT calls them.
_WEIGHTS, _SETTINGS = "adapter_model.safetensors", "adapter_config.json"


def default_configuration() -> Path:
    """Return the bundled configuration: a generator, and no suite and no judge."""
    return Path(str(files("udasa_eval") / "data" / "eval.toml"))


def evaluate_model(
    model: str | None,
    suites: Sequence[str],
    *,
    configuration: Path | None = None,
    overrides: Sequence[str] = (),
    adapter: Path | None = None,
    folder: Path = Path("runs/eval"),
    name: str | None = None,
    limit: int | None = None,
    tell: Callable[[Table], None] = lambda plan: None,
) -> Run:
    """Run suites on a model; what is in the store is not made again. Results lie in the run's folder.

    model: a source (`hf:`, `pypi:`, `file:`), or None for the configuration's. suites: names, beside those
    of the configuration. configuration: a TOML whose [model], [generator], [judge], [[suite]] and the like
    count, and nothing else. adapter: a folder with a LoRA adapter for the model. name: what the result is
    called; by default, the model and a digest of what is asked. limit: about how many questions of each suite
    are asked at most. tell: is told what will be asked, before anything is, and
    how long that may take.

    Where nothing could be measured, no folder is left.
    """
    for file in (_WEIGHTS, _SETTINGS):
        if adapter is not None and not (adapter / file).is_file():
            raise UdasaError(f"{adapter} is no adapter: it has no {file}")
    read = read_configuration(configuration, default=default_configuration())
    if configuration is None:
        read = read._replace(origin="udasa eval")
    raw = evaluation_configuration(model, suites, read.raw, overrides, str(read.origin))
    steps = Steps(folder, read, uses=("generator", "suite", "judge"))
    with ExitStack() as opened:
        opened.enter_context(_nothing_left(folder))
        with _as_typed(model, suites):
            if limit is not None:
                raw = dict(limit_suites(read._replace(raw=raw), limit).raw)
            run = opened.enter_context(steps.run(raw, name or _name(raw, read.root, adapter)))
        ref = run.base if adapter is None else run.adapted(adapter)
        work = run.suite_work()
        tell(suite_table(work))
        run.check_room(work)
        if run.told("evaluated") is None and (time := run.time_table(work)) is not None:
            tell(time)
        run.suites({MODEL: ref})
        run.tell(evaluated=ref.to_json())
    return Run(run.folder, made=run.made)


@contextmanager
def _as_typed(model: str | None, suites: Sequence[str]) -> Iterator[None]:
    """Name in faults what was typed, in place of the table that it was put into."""
    typed = {f"suite.{name}": f"--suite {name}" for name in suites}
    if model is not None:
        typed["model.source"] = "MODEL"
    try:
        yield
    except ConfigError as error:
        faults = []
        for fault in error.faults:
            option = typed.get(fault.path, typed.get(fault.path.removesuffix(".use"), fault.path))
            faults.append(replace(fault, path=option))
        raise ConfigError(faults, error.origin) from error


@contextmanager
def _nothing_left(folder: Path) -> Iterator[None]:
    """Take away the folder that an evaluation made, where it ends in an error with nothing to go on from."""
    before = set(folder.glob("*")) if folder.is_dir() else set()
    try:
        yield
    except UdasaError:
        for made in set(folder.glob("*")) - before:
            if (made / "manifest.json").is_file() and not _has_made(made):
                shutil.rmtree(made)
        raise


def _has_made(folder: Path) -> bool:
    """Say whether any output that a run points at was made."""
    run = Run(folder)
    store, made = folder / run.manifest.plain["store"], run.manifest.keys()
    return any(list((store / step).glob(f"{key}.*")) for step, key in made)


def over_bundled(given: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return the bundled configuration under the tables of another that count where nothing is trained.

    given: that one's plain data. Where a table is of another shape, raises ConfigError, calling it `origin`.
    """
    default = read_configuration(default_configuration()).raw
    counting = {key: value for key, value in given.items() if key not in _IGNORED}
    if any(not _is_shaped(key, value) for key, value in counting.items()):
        # A table of another shape cannot be put together with others; the core tells of each.
        load(read_configuration({**default, **counting})._replace(origin=origin))
    raw = {**default, **counting}
    kept = {key: value for key, value in counting.get("run", {}).items() if key in ("seed", "shard_size")}
    raw["run"] = {**default["run"], **kept}
    raw["model"] = {"source": default["model"]["source"], **raw["model"]}
    return raw


def evaluation_configuration(
    model: str | None, suites: Sequence[str], given: Mapping[str, Any], overrides: Sequence[str], origin: str
) -> dict[str, Any]:
    """Return the plain data of an evaluation: the bundled configuration under the tables that count.

    given: the plain data of a configuration, which faults call `origin`.
    """
    raw = over_bundled(given, origin)
    named = list(raw.get("suite", ()))
    known = {one.get("name", one.get("use")) for one in named}
    raw["suite"] = [*named, *({"use": name} for name in dict.fromkeys(suites) if name not in known)]
    if model is not None:
        raw["model"] = {**raw["model"], "source": _from_here(model)}
    if not raw["suite"]:
        raise UdasaError("no suite is named: add --suite NAME; `udasa plugins` lists them")
    return dict(read_configuration(raw, overrides).raw)


def _from_here(source: str) -> str:
    """Return a source that was typed: a relative file lies in the working folder, not beside --config."""
    kind, _, path = source.partition(":")
    return f"file:{Path(path).resolve()}" if kind == "file" else source


def _is_shaped(key: str, value: Any) -> bool:
    if key != "suite":
        return isinstance(value, Mapping)
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _name(raw: Mapping[str, Any], root: Path, adapter: Path | None) -> str:
    """Return a name by which the same evaluation is found again: what the model is called, and a digest."""
    source = str(raw["model"]["source"])
    stem = re.split(r"[/:]", source.rstrip("/"))[-1].removesuffix(".gguf") or "model"
    plain = re.sub(
        r"[^A-Za-z0-9.-]+", "-", f"{stem}{'-' + adapter.resolve().parent.name[:8] if adapter else ''}"
    )
    told = json.dumps([raw, str(root), str(adapter)], sort_keys=True, default=str)
    return f"{plain}-{content_key(told, length=6)}"
