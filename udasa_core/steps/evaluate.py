"""Step `evaluate`: what the held-out prompts say before and after, and what the suites say of each model.

A falling U is what training aims at; it is reported as that, and is no proof of alignment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from udasa_core import doors
from udasa_core.job import Job
from udasa_core.records import Abstain, Group, ModelRef, Report, Scores, SuiteReport
from udasa_core.stack import Plugin
from udasa_core.store import Shards, fingerprint, versions
from udasa_core.tables import groups_from, scores_from

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
    key = fingerprint(
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
    return Results(tuple(Change(**one) for one in plain["changes"]), _suites(job, reports))


def _keys(held_out: HeldOut) -> list[Sequence[str]]:
    return [held_out.groups.fingerprints, held_out.scores.fingerprints]


def _changes(job: Job, before: HeldOut, after: HeldOut) -> Iterator[Change]:
    import numpy as np

    old, new = _measure(job, before), _measure(job, after)
    for name, values in old.items():
        measured = ~(np.isnan(values) | np.isnan(new[name]))
        if not measured.any():
            continue
        a, b = values[measured], new[name][measured]
        random = np.random.default_rng(job.seed("bootstrap", name))
        drawn = random.integers(0, len(a), size=(_RESAMPLES, len(a)))
        low, high = np.percentile((b - a)[drawn].mean(axis=1), [2.5, 97.5])
        yield Change(name, float(a.mean()), float(b.mean()), float(low), float(high), len(a))


def _measure(job: Job, held_out: HeldOut) -> dict[str, NDArray[float64]]:
    """Return each figure by prompt, NaN where a prompt has none."""
    import numpy as np

    rows: list[dict[str, float]] = []
    for group_key, score_key in zip(held_out.groups.fingerprints, held_out.scores.fingerprints, strict=True):
        groups = groups_from(job.store.read_table("sample", group_key))
        scores = scores_from(job.store.read_table("aggregate", score_key))
        rows += [_figures(group, one) for group, one in zip(groups, scores, strict=True)]
    names = rows[0] if rows else {}
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}


def _figures(group: Group, scores: Scores) -> dict[str, float]:
    """Return one prompt's figures: uncertainties in [0, 1], entropy in nats a token, length in tokens,
    shares in [0, 1]."""
    responses = group.responses
    tokens = sum(len(one.token_ids) for one in responses)
    return {
        "U": _mean(scores.U),
        **{f"u {name}": _mean(column) for name, column in scores.calibrated.items()},
        **{f"u {name} (raw)": _mean(column) for name, column in scores.raw.items()},
        "entropy": sum(sum(one.entropies) for one in responses) / tokens,
        "length": tokens / len(responses),
        "truncated": sum(one.finish_reason == "length" for one in responses) / len(responses),
        "distinct responses": len({one.text for one in responses}) / len(responses),
    }


def _mean(scores: Sequence[float | Abstain]) -> float:
    values = [score for score in scores if not isinstance(score, Abstain)]
    return sum(values) / len(values) if values else float("nan")


def _suites(job: Job, reports: Sequence[Report]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    models = {"base": job.base} | {one.stage: one.policy for one in reports if not one.skipped}
    results: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for plugin in job.stack.suites:
        figures = [
            {"model": label, **metric}
            for label, ref in models.items()
            for metric in _run_suite(job, plugin, label, ref)["metrics"]
        ]
        results[plugin.name] = tuple(figures)
    return results


def _run_suite(job: Job, plugin: Plugin, label: str, ref: ModelRef) -> dict[str, Any]:
    seed = job.seed("suite", plugin.name)
    ingredients = {
        "suite": job.identity(plugin),
        "judge": job.identity(job.stack.judge) if job.stack.judge else None,
        "policy": ref.key,
        "seed": seed,
        "software": versions("torch", "transformers"),
    }
    key = fingerprint("suite", ingredients)
    job.point(f"suite {plugin.name} {label}", "suite", [key])
    todo = int(not job.store.has("suite", key, ".json"))
    with job.step(f"suite {plugin.name} on {label}", 1, todo) as advance:
        if todo:
            answer = job.stack.call(plugin, "udasa_evaluate", policy=ref, seed=seed)
            report: SuiteReport = doors.check_suite(plugin, ref, answer)
            metrics = [asdict(metric) for metric in report.metrics]
            rows = [dict(row) for row in report.rows]
            job.store.write_json("suite", key, {"suite": plugin.name, "metrics": metrics, "rows": rows})
            advance()
    return job.store.read_json("suite", key)
