"""Step `evaluate`: what the held-out prompts say before and after, and what the suites say of each model.

A falling U is what training aims at; it is reported as that, and is no proof of alignment.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from udasa_core.plugins import returned
from udasa_core.plugins.stack import BuiltPlugin
from udasa_core.records import Abstain, Event, Group, ModelRef, Report, Scores, SuiteReport
from udasa_core.running.job import Job
from udasa_core.store.store import INFERENCE, Shards, versions
from udasa_core.store.tables import groups_from, rows_table, scores_from

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One model's groups and scores on the held-out prompts."""

    groups: Shards
    scores: Shards


@dataclass(frozen=True, slots=True)
class Change:
    """A figure on the held-out prompts before and after training.

    Means over n prompts of the mean over a prompt's responses; low and high bound the 95% bootstrap
    interval of the paired difference after − before, resampled by prompt.
    """

    name: str
    before: float
    after: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Results:
    """The held-out changes, and each suite's figures by model ("base", then each trained stage)."""

    changes: tuple[Change, ...]
    suites: Mapping[str, tuple[Mapping[str, Any], ...]]


def evaluate(job: Job, before: HeldOut, after: HeldOut, reports: Sequence[Report]) -> Results:
    """Compare the held-out prompts before and after, and run every suite on every model."""
    key = job.fingerprint(
        "evaluate", {"before": _keys(before), "after": _keys(after), "seed": job.seed("evaluate")}
    )
    job.point("evaluate", "evaluate", [key])
    todo = int(not job.store.has("evaluate", key, ".json"))
    with job.step("compare held-out prompts", 1, todo) as advance:
        if todo:
            changes = [asdict(change) for change in _changes(job, before, after)]
            job.store.write_json("evaluate", key, {"changes": changes})
            advance()
    plain = job.store.read_json("evaluate", key)
    models = {"base": job.base} | {one.stage: one.policy for one in reports if not one.skipped}
    return Results(tuple(Change(**one) for one in plain["changes"]), measured_by_suites(job, models))


def _keys(held_out: HeldOut) -> list[Sequence[str]]:
    return [held_out.groups.fingerprints, held_out.scores.fingerprints]


def _changes(job: Job, before: HeldOut, after: HeldOut) -> Iterator[Change]:
    import numpy as np

    old, new = _measure(job, before), _measure(job, after)
    for name, values in old.items():
        measured = ~(np.isnan(values) | np.isnan(new[name]))
        if not measured.any():
            continue  # no prompt was scored both times; "abstained" tells
        a, b = values[measured], new[name][measured]
        random = np.random.default_rng(job.seed("bootstrap", name))
        difference = b - a
        # One resample at a time: all at once would take 2000 times the prompts' memory.
        means = [difference[random.integers(0, len(a), size=len(a))].mean() for _ in range(_RESAMPLES)]
        low, high = np.percentile(means, [2.5, 97.5])
        yield Change(name, float(a.mean()), float(b.mean()), float(low), float(high), len(a))


def _measure(job: Job, held_out: HeldOut) -> dict[str, NDArray[float64]]:
    """Return each figure by prompt, NaN where a prompt has none."""
    import numpy as np

    columns: dict[str, array[float]] = {}
    for group_key, score_key in zip(held_out.groups.fingerprints, held_out.scores.fingerprints, strict=True):
        groups = groups_from(job.store.read_table("sample", group_key))
        scores = scores_from(job.store.read_table("aggregate", score_key))
        for group, one in zip(groups, scores, strict=True):
            for name, value in _figures(group, one).items():
                columns.setdefault(name, array("d")).append(value)
    return {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}


def _figures(group: Group, scores: Scores) -> dict[str, float]:
    """Return one prompt's figures: uncertainties in [0, 1], entropy in nats a token, length in tokens,
    shares in [0, 1]."""
    responses = group.responses
    tokens = sum(len(one.token_ids) for one in responses)
    return {
        "U": _mean(scores.U),
        **{f"u {name}": _mean(column) for name, column in scores.calibrated.items()},
        **{f"u {name} (raw)": _mean(column) for name, column in scores.raw.items()},
        "abstained": sum(isinstance(score, Abstain) for score in scores.U) / len(scores.U),
        "entropy": sum(sum(one.entropies) for one in responses) / tokens,
        "length": tokens / len(responses),
        "truncated": sum(one.finish_reason == "length" for one in responses) / len(responses),
        "distinct responses": len({one.text for one in responses}) / len(responses),
    }


def _mean(scores: Sequence[float | Abstain]) -> float:
    values = [score for score in scores if not isinstance(score, Abstain)]
    return sum(values) / len(values) if values else float("nan")


def measured_by_suites(job: Job, models: Mapping[str, ModelRef]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """Run every suite on every model, by label; return each suite's figures, each with its "model".

    The base is measured before training, so that a suite that cannot be measured costs no training.
    """
    results: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for plugin in job.stack.suites:
        figures = [
            {"model": label, **metric}
            for label, ref in models.items()
            for metric in _run_suite(job, plugin, label, ref)["metrics"]
        ]
        results[plugin.name] = tuple(figures)
    return results


def _run_suite(job: Job, plugin: BuiltPlugin, label: str, ref: ModelRef) -> dict[str, Any]:
    seed = job.seed("suite", plugin.name)
    ingredients = {
        "suite": job.identity(plugin),
        "policy": ref.key,
        "seed": seed,
        "software": versions(*INFERENCE),
    }
    key = job.fingerprint("suite", ingredients)
    job.point(f"suite {plugin.name} {label}", "suite", [key])
    todo = int(not job.store.has("suite", key, ".json"))
    job.observe(Event("started", "suite", plugin.name, 0, 1, {"model": label}))
    with job.step(f"suite {plugin.name} on {label}", 1, todo) as advance:
        if todo:
            before = len(job.pointed)
            answer = job.stack.call(plugin, "udasa_evaluate", policy=ref, seed=seed)
            report: SuiteReport = returned.check_suite(plugin, ref, answer)
            metrics = [asdict(metric) for metric in report.metrics]
            # The rows first: where the figures are, everything is.
            job.store.write_table("suite", key, rows_table(report.rows))
            # What the suite asked for: a run that finds its figures made points at these outputs, too.
            asked = [list(one) for one in job.pointed[before:]]
            job.store.write_json("suite", key, {"suite": plugin.name, "metrics": metrics, "asked": asked})
            advance()
    measured = job.store.read_json("suite", key)
    for name, step, keys in measured["asked"]:
        job.point(name, step, keys)
    job.observe(Event("finished", "suite", plugin.name, 1, 1, {"model": label}))
    return measured
