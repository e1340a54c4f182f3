"""What suites, judges and experiments returned: figures, questions, grades and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.contract import is_sequence, is_texts
from udasa_core.plugins.returned.breach import breach, check_members, check_text
from udasa_core.records import Grade, Metric, ModelRef, SuiteReport, is_finite
from udasa_core.text.printable import excerpt

_T = TypeVar("_T")


def check_suite(plugin: BuiltPlugin, policy: ModelRef, answer: Any) -> SuiteReport:
    """A SuiteReport of the model that was asked about, with finite figures."""
    hook = "udasa_evaluate"
    if not isinstance(answer, SuiteReport):
        breach(plugin, hook, type(answer).__name__, "it returns a SuiteReport")
    check_members(plugin, hook, answer.metrics, Metric)
    check_members(plugin, hook, answer.rows, Mapping)
    cells = [value for row in answer.rows for value in row.values() if isinstance(value, str)]
    check_text(plugin, hook, *(metric.name for metric in answer.metrics), *cells)
    if answer.policy != policy:
        breach(plugin, hook, f"a report on {answer.policy.key}", f"it was asked about {policy.key}")
    for metric in answer.metrics:
        error = 0.0 if metric.error is None else metric.error
        if not all(map(is_finite, (metric.value, metric.low, metric.high, error))):
            breach(plugin, hook, excerpt(metric), "a metric, its interval and its error are finite")
    names = Counter(metric.name for metric in answer.metrics)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        breach(plugin, hook, f"two metrics {twice[0]!r}", "names are unique")
    for row in answer.rows:
        score = row.get("score")
        if score is not None and not is_finite(score):
            breach(plugin, hook, f"a row with score {excerpt(score)}", "a row's score is finite or None")
    return answer


def check_questions(plugin: BuiltPlugin, answer: Any) -> Sequence[str]:
    """Texts."""
    if not is_texts(answer):
        breach(plugin, "udasa_questions", type(answer).__name__, "it returns a sequence of texts")
    check_text(plugin, "udasa_questions", *answer)
    questions: Sequence[str] = answer
    return questions


def check_grades(plugin: BuiltPlugin, count: int, answer: Any) -> Iterator[Grade]:
    """One Grade a grading prompt, each as soon as it is there."""
    hook = "udasa_judge"
    if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
        breach(plugin, hook, type(answer).__name__, "it returns Grades")
    given = 0
    for grade in answer:
        if not isinstance(grade, Grade):
            breach(plugin, hook, type(grade).__name__, "it returns Grades")
        is_grade = grade.grade is None or is_finite(grade.grade)
        if not isinstance(grade.raw, str) or not is_grade:
            breach(plugin, hook, excerpt(grade), "a grade is finite or None, and raw is a text")
        check_text(plugin, hook, grade.raw)
        given += 1
        if given > count:
            breach(plugin, hook, f"more than {count} grades", f"it was given {count} prompts")
        yield grade
    if given != count:
        breach(plugin, hook, f"{given} grades", f"it was given {count} prompts")


def check_tables(plugin: BuiltPlugin, answer: Any, table: type[_T]) -> tuple[_T, ...]:
    """Tables, at least one. `table` is their class, which stands above this room."""
    hook = "udasa_experiment"
    if not is_sequence(answer) or not all(isinstance(one, table) for one in answer):
        breach(plugin, hook, type(answer).__name__, "it returns a sequence of Tables")
    if not answer:
        breach(plugin, hook, "no table", "it reports what it found")
    return tuple(answer)
