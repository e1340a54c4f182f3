"""What suites and judges owe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from udasa_core.errors import PluginError
from udasa_core.plugins.limits import limits
from udasa_core.plugins.returned import evaluation as returned
from udasa_core.records import Grade, ModelRef, Prompt, SuiteReport
from udasa_core.resources.shared import SharedResources
from udasa_core.testing.factory import Tested, build, demand
from udasa_core.testing.fakes import FakeResources
from udasa_core.testing.planted import SEED, sample_prompts


def check_suite(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    *,
    policy: ModelRef,
    resources: SharedResources | None = None,
    seed: int = SEED,
) -> SuiteReport:
    """Check a suite on one model; return its report.

    Beside the contract of `udasa_evaluate`: the same model and seed get the same report from another
    instance; each metric lies within its own interval, is named once and rests on items; rows are JSON data;
    and what `limited` answers, where its options have that, are counts of options by which fewer rows come.
    The data needs two questions of each category, where the limit is one for each.
    """
    shared = resources if resources is not None else FakeResources(policy)
    tested = build("suite", factory, options, shared)
    report = _sound(tested, policy, seed)
    again = _report(build("suite", factory, options, shared), policy, seed)
    demand(report == again, f"{tested.plugin} measures the same model differently the second time")
    _check_limited(tested, factory, options or {}, report, shared, seed)
    return report


def _check_limited(
    tested: Tested,
    factory: Any,
    options: Mapping[str, Any],
    whole: SuiteReport,
    shared: SharedResources,
    seed: int,
) -> None:
    """Hold the suite to one question, as `udasa eval --limit 1` does."""
    lowest = limits(tested.plugin.name, tested.plugin.options, 1)
    if all(getattr(tested.plugin.options, name) == most for name, most in lowest.items()):
        return
    told = ", ".join(f"{name} = {most}" for name, most in lowest.items())
    begin = f"{tested.plugin}, held to 1 question by {told}"
    try:
        fewer = _sound(build("suite", factory, {**options, **lowest}, shared), whole.policy, seed)
    except (PluginError, ValidationError) as error:
        raise AssertionError(f"{begin}: {error}") from error
    demand(
        len(fewer.rows) < len(whole.rows) or len(whole.rows) < 2,
        f"{begin}, it reports on as many rows, {len(whole.rows)}; where that is one question of each "
        "category, check it on two of each",
    )


def _sound(tested: Tested, policy: ModelRef, seed: int) -> SuiteReport:
    """Return a report whose figures and rows are as they should be."""
    report = _report(tested, policy, seed)
    names = [metric.name for metric in report.metrics]
    demand(len(set(names)) == len(names), f"{tested.plugin} reports a metric twice: {names}")
    for metric in report.metrics:
        demand(
            metric.low <= metric.value <= metric.high,
            f"{tested.plugin}: {metric.name} = {metric.value} lies outside [{metric.low}, {metric.high}]",
        )
        demand(metric.n > 0, f"{tested.plugin}: {metric.name} rests on {metric.n} items")
    rows = [dict(row) for row in report.rows]
    try:
        same = json.loads(json.dumps(rows, allow_nan=False)) == rows
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{tested.plugin}: its rows are not plain JSON data: {error}") from error
    demand(same, f"{tested.plugin}: its rows do not survive JSON")
    return report


def _report(tested: Tested, policy: ModelRef, seed: int) -> SuiteReport:
    return returned.check_suite(
        tested.plugin, policy, tested.call("udasa_evaluate", policy=policy, seed=seed)
    )


def check_judge(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    *,
    resources: SharedResources | None = None,
    prompts: Sequence[Prompt] | None = None,
    seed: int = SEED,
) -> Sequence[Grade]:
    """Check a judge on planted prompts, or on rendered grading prompts of yours; return its grades.

    Beside the contract of `udasa_judge`: the same prompts and seed get the same grades from another instance,
    and every grade carries the raw text that it was read from.
    """
    given = tuple(prompts) if prompts is not None else sample_prompts()
    tested = build("judge", factory, options, resources)
    grades = _grades(tested, given, seed)
    again = _grades(build("judge", factory, options, resources), given, seed)
    demand(grades == again, f"{tested.plugin} grades the same prompts differently the second time")
    for prompt, grade in zip(given, grades, strict=True):
        demand(
            isinstance(grade.raw, str) and (grade.grade is None or bool(grade.raw)),
            f"{tested.plugin}: the grade {grade.grade} of prompt {prompt.id} comes without its raw text",
        )
    return grades


def _grades(tested: Tested, prompts: Sequence[Prompt], seed: int) -> Sequence[Grade]:
    answer = tested.call("udasa_judge", prompts=prompts, seed=seed)
    return list(returned.check_grades(tested.plugin, len(prompts), answer))
