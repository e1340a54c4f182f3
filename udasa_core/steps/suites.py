"""Step `suite`: models → what each suite says of each. The base is measured before training, so that a suite
that cannot be measured costs no training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from udasa_core.job.job import Job
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.returned.evaluation import check_suite
from udasa_core.records import Event, ModelRef, SuiteReport
from udasa_core.store.output import Output
from udasa_core.store.store import INFERENCE, versions
from udasa_core.store.tables import remarked, rows_table

# A suite's figures, each a Metric as plain data with the "model" that was measured; by the suite's name.
SuiteFigures = Mapping[str, tuple[Mapping[str, Any], ...]]


def measure_by_suites(job: Job, label: str, ref: ModelRef) -> dict[str, str]:
    """Run every suite on a model; return each one's fingerprint by its name. label: "base", or a stage's."""
    together = job.at_once > 1
    keys: dict[str, str] = {}
    for some in [job.stack.suites] if together else [(one,) for one in job.stack.suites]:
        payloads = dict(_payload(job, plugin, label, ref) for plugin in some)
        job.make_apart(f"suites on {label}", "suite", payloads)
        for plugin, payload in zip(some, payloads.values(), strict=True):
            keys[plugin.name] = payload["output"]
            _told(job, plugin, label, payload["output"])
    return keys


def suite_figures(job: Job, measured: Mapping[str, Mapping[str, str]]) -> SuiteFigures:
    """Return each suite's figures of every model.

    measured: fingerprints as `measure_by_suites` gives them, by the model's label.
    """
    names = dict.fromkeys(name for keys in measured.values() for name in keys)
    return {
        name: tuple(
            {"model": label, **metric}
            for label, keys in measured.items()
            for metric in job.store.read_json("suite", keys[name])["metrics"]
        )
        for name in names
    }


def figures_of(job: Job, key: str) -> list[str]:
    """Return the names of what a suite measured, "score" among them where its rows have one."""
    names = [str(metric["name"]) for metric in job.store.read_json("suite", key)["metrics"]]
    table = job.store.read_table("suite", key)
    scored = {"id", "score"} <= set(table.column_names) and table["score"].null_count < len(table)
    return [*names, "score"] if scored and "score" not in names else names


def run_suites(job: Job, models: Mapping[str, ModelRef]) -> SuiteFigures:
    """Run every suite on every model, by label."""
    return suite_figures(job, {label: measure_by_suites(job, label, ref) for label, ref in models.items()})


def joined(*parts: SuiteFigures) -> SuiteFigures:
    """Return the figures of several calls together, suite by suite, in order."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: tuple(metric for part in parts for metric in part.get(name, ())) for name in names}


def _payload(job: Job, plugin: BuiltPlugin, label: str, ref: ModelRef) -> tuple[str, dict[str, Any]]:
    """Return what a worker needs to measure a model by a suite, under its label; the run points there."""
    seed = job.seed("suite", plugin.name)
    ingredients = {
        "suite": job.identity(plugin),
        "policy": ref.key,
        "seed": seed,
        "software": versions(*INFERENCE),
    }
    key, told = job.fingerprint("suite", ingredients), f"suite {plugin.name} on {label}"
    job.outputs.point(Output("suite", instance=plugin.name, policy=label), told, [key])
    job.observe(Event("started", "suite", plugin.name, 0, 1, {"model": label}))
    return told, {"suite": plugin.name, "policy": ref.to_json(), "seed": seed, "output": key}


def _told(job: Job, plugin: BuiltPlugin, label: str, key: str) -> None:
    """Point at what a suite asked for, which a run that finds its figures made points at, too; and have the
    observers hear of them."""
    found = job.store.read_json("suite", key)
    for asked, told, keys in found["asked"]:
        job.outputs.point(Output.from_json(asked), told, keys)
    detail = {"model": label, "metrics": found["metrics"]}
    job.observe(Event("finished", "suite", plugin.name, 1, 1, detail))


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Measure one model by one suite."""
    plugin = next(one for one in job.stack.suites if one.name == payload["suite"])
    ref, key = ModelRef.from_json(payload["policy"]), payload["output"]
    before = len(job.outputs.pointed)
    job.outputs.remarks.clear()
    answer = job.stack.call(plugin, "udasa_evaluate", policy=ref, seed=payload["seed"])
    report: SuiteReport = check_suite(plugin, ref, answer)
    # The rows first: where the figures are, everything is.
    job.store.write_table("suite", key, rows_table(report.rows))
    metrics = [asdict(metric) for metric in report.metrics]
    asked = job.outputs.pointed_since(before)
    told: dict[str, Any] = {"suite": plugin.name, "metrics": metrics, "asked": asked}
    if job.stack.judge is not None and "judge" in plugin.needs:
        # What the judge's biases are found by, where they were measured.
        told["judged_by"] = {"judge": job.stack.judge.judge_key(), "grading": plugin.grading_key()}
    remarks = remarked(sorted(job.outputs.remarks)) or {}
    job.store.write_json("suite", key, {**told, **remarks})
