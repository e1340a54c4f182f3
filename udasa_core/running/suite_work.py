"""What suites ask of one model: questions, responses, and how often a judge is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from udasa_core.errors import UdasaError
from udasa_core.plugins.base import attribute
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.returned.evaluation import check_questions
from udasa_core.plugins.stack import Stack
from udasa_core.report.table import Table
from udasa_core.report.written import clock
from udasa_core.sources.hub import SilentHubError
from udasa_core.sources.resolve import NotHereError
from udasa_core.sources.source import BadSourceError


@dataclass(frozen=True, slots=True)
class SuiteWork:
    """What one suite asks of one model, at most; None where that is not known beforehand, as `unknown` says.

    responses: sampled ones; tokens: the most that these have. judgements: questions to the judge. fault: what
    is wrong with what the suite was given, "" where it is only not known here, or nothing is.
    """

    suite: str
    questions: int | None
    responses: int | None
    tokens: int | None
    judgements: int | None
    unknown: str = ""
    fault: str = ""


def suite_work(stack: Stack) -> list[SuiteWork]:
    """Return what each suite of a stack asks."""
    return [_work_of(stack, plugin) for plugin in stack.suites]


def _work_of(stack: Stack, plugin: BuiltPlugin) -> SuiteWork:
    if not stack.implements(plugin, "udasa_questions"):
        return SuiteWork(plugin.name, None, None, None, None, "it does not name its questions")
    try:
        questions = len(check_questions(plugin, stack.call(plugin, "udasa_questions")))
    except UdasaError as error:
        # That a source is no good is told where sources are checked.
        is_elsewhere = isinstance(error, NotHereError | SilentHubError | BadSourceError)
        fault = "" if is_elsewhere else str(error)
        return SuiteWork(plugin.name, None, None, None, None, str(error).partition("\n")[0], fault)
    judgements = questions * int(attribute(plugin.instance, "judgements_each"))
    # A suite that has no such option asks each question once.
    responses = questions * int(getattr(plugin.options, "responses", 1)) if "generator" in plugin.needs else 0
    budget = getattr(plugin.options, "max_new_tokens", None)
    if responses and budget is None:
        untold = "it does not say how long a response may be"
        return SuiteWork(plugin.name, questions, responses, None, judgements, untold)
    return SuiteWork(plugin.name, questions, responses, responses * int(budget or 0), judgements)


def suite_table(work: Sequence[SuiteWork], models: int | None = 1) -> Table:
    """Return what suites ask as a table.

    models: how many models each suite measures; None where nobody knows that beforehand.
    """
    rows = [
        (one.suite, *map(_told, (one.questions, one.responses, one.tokens, one.judgements))) for one in work
    ]
    notes = [f"{one.suite}: {one.unknown}" for one in work if one.unknown]
    if models is None:
        notes.append("For the base, and again for each stage's policy.")
    elif models > 1:
        calls = sum(one.judgements or 0 for one in work)
        judged = f"; {calls * models:,} judgements in all" if calls else ""
        notes.append(f"Each for {models} models: the base, and each stage's policy{judged}.")
    columns = ("suite", "questions", "responses", "tokens ≤", "judgements ≤")
    return Table("Suites, for each model" if models != 1 else "Suites", columns, rows, notes)


def time_table(work: Sequence[SuiteWork], rate: float) -> Table:
    """Return how long answering takes at most, by suite. rate: tokens a second."""
    sampling = [one for one in work if one.tokens]
    rows = [(one.suite, f"≤ {clock((one.tokens or 0) / rate)}") for one in sampling]
    if len(rows) > 1:
        rows.append(("together", f"≤ {clock(sum(one.tokens or 0 for one in sampling) / rate)}"))
    notes = [
        f"At {rate:,.0f} tokens a second, as measured here, and with every answer as long as it may be. "
        "Reading without sampling, and judging, come on top."
    ]
    return Table("Time to answer", ("suite", "about"), rows, notes)


def _told(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"
