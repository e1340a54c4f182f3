"""`udasa eval MODEL`: suites on one model, or on an adapter on it, without a run around it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from udasa_core import Adapter, Run, UdasaError, content_key
from udasa_core.api import conduct, load
from udasa_core.config.parse import ARRAYS, known_tables, parse_config
from udasa_core.running.job import Job
from udasa_core.sources.digests import weights_digest
from udasa_core.steps.evaluate import measured_by_suites
from udasa_eval.experiments.measuring import plain_configuration

# What the one model is called in the results.
MODEL = "model"
_KEPT = ("run", "model", "generator", "reader", "embedder", "entailment", "judge", "suite", "store")
# Tables that other commands read.
_OF_EXPERIMENTS = ("arms",)


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
) -> Run:
    """Run suites on a model; what is in the store is not made again. Results lie in the run's folder.

    model: a source (`hf:`, `pypi:`, `file:`), or None for the configuration's. suites: names, beside those
    of the configuration. configuration: a TOML whose [model], [generator], [judge], [[suite]] and the like
    count, and nothing else. adapter: a folder with a LoRA adapter for the model.
    """
    raw = evaluation_configuration(model, suites, configuration, overrides)
    raw["run"] = {**raw["run"], "name": _name(raw, adapter), "folder": str(folder)}

    def work(job: Job) -> Mapping[str, Any]:
        ref = job.base
        if adapter is not None:
            ref = ref.with_adapter(_adapter(adapter))
        figures = measured_by_suites(job, {MODEL: ref})
        told = {name: list(rows) for name, rows in figures.items()}
        return {"suites": told, "evaluated": ref.to_json()}

    for file in ("adapter_model.safetensors", "adapter_config.json"):
        if adapter is not None and not (adapter / file).is_file():
            raise UdasaError(f"{adapter} is no adapter: it has no {file}")
    job = conduct(load(raw), work)
    return Run(job.config.run_dir, made=job.made)


def evaluation_configuration(
    model: str | None, suites: Sequence[str], configuration: Path | None, overrides: Sequence[str]
) -> dict[str, Any]:
    """Return the plain data of an evaluation: the bundled configuration under the tables that count."""
    default = plain_configuration(None, (), default_configuration())
    given = plain_configuration(configuration, (), default_configuration()) if configuration else {}
    _check_shape(given, default, configuration)
    raw = {**default, **{key: value for key, value in given.items() if key in _KEPT}}
    raw["run"] = {
        **default["run"],
        **{k: v for k, v in given.get("run", {}).items() if k in ("seed", "shard_size")},
    }
    named = list(raw.get("suite", ()))
    known = {one.get("name", one.get("use")) for one in named}
    raw["suite"] = [*named, *({"use": name} for name in dict.fromkeys(suites) if name not in known)]
    named_model = model or raw["model"].get("source", default["model"]["source"])
    raw["model"] = {**raw["model"], "source": named_model}
    if not raw["suite"]:
        raise UdasaError("no suite is named: add --suite NAME; `udasa plugins` lists them")
    from udasa_core.config.overrides import override

    changed: dict[str, Any] = override(raw, overrides) if overrides else raw
    return changed


def _check_shape(given: Mapping[str, Any], default: Mapping[str, Any], origin: Path | None) -> None:
    """Raise ConfigError where a table that counts has another shape, or nobody knows the table."""
    odd = {
        key: value
        for key, value in given.items()
        if key not in (*known_tables(), *_OF_EXPERIMENTS) or (key in _KEPT and not _is_shaped(key, value))
    }
    if odd:
        parse_config({**default, **odd}, root=Path(), origin=str(origin))


def _is_shaped(key: str, value: Any) -> bool:
    if key not in ARRAYS:
        return isinstance(value, Mapping)
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _adapter(folder: Path) -> Adapter:
    """Return an adapter's identity: its weights, and the configuration that says how they count."""
    config = (folder / "adapter_config.json").read_text(encoding="utf-8")
    return Adapter(content_key(weights_digest(folder), config, length=64), str(folder.resolve()))


def _name(raw: Mapping[str, Any], adapter: Path | None) -> str:
    """Return a name by which the same evaluation is found again: what the model is called, and a digest."""
    source = str(raw["model"]["source"])
    stem = re.split(r"[/:]", source.rstrip("/"))[-1].removesuffix(".gguf") or "model"
    plain = re.sub(
        r"[^A-Za-z0-9.-]+", "-", f"{stem}{'-' + adapter.resolve().parent.name[:8] if adapter else ''}"
    )
    told = json.dumps([raw, str(adapter)], sort_keys=True, default=str)
    return f"{plain}-{content_key(told, length=6)}"
