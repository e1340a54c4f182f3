"""What dimensions, calibrations and aggregations returned: scores, and what they are calibrated by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.contract import is_sequence
from udasa_core.plugins.returned.breach import breach, check_text
from udasa_core.records import Abstain, Column, Group, Score
from udasa_core.text.printable import excerpt


def _score_fault(score: Any) -> str:
    """Say what is wrong with one score, "" where nothing is."""
    if isinstance(score, Abstain):
        return ""
    if score is None:
        return "None (an Abstain says why there is no score)"
    if isinstance(score, bool) or not isinstance(score, int | float):
        return f"{excerpt(score)} of type {type(score).__name__}"
    if score != score:
        return "NaN"
    return "" if 0.0 <= score <= 1.0 else excerpt(score)


def check_column(plugin: BuiltPlugin, groups: Sequence[Group], answer: Any) -> Column:
    """A score in [0, 1] or an Abstain for each response, in order."""
    hook = "udasa_score"
    if not isinstance(answer, Column):
        breach(plugin, hook, type(answer).__name__, "it returns a Column")
    if not is_sequence(answer.scores) or not all(map(is_sequence, answer.scores)):
        breach(plugin, hook, f"scores {excerpt(answer.scores)}", "a Column holds the scores of each group")
    if len(answer.scores) != len(groups):
        breach(plugin, hook, f"scores for {len(answer.scores)} groups", f"it was given {len(groups)}")
    for group, scores in zip(groups, answer.scores, strict=True):
        if len(scores) != len(group.responses):
            breach(
                plugin,
                hook,
                f"{len(scores)} scores for prompt {group.prompt.id}",
                f"it has {len(group.responses)} responses",
            )
        for number, score in enumerate(scores):
            wrong = _score_fault(score)
            if wrong:
                breach(
                    plugin,
                    hook,
                    f"{wrong} for response {number} of prompt {group.prompt.id}",
                    "a score is a float in [0, 1]",
                )
        check_text(plugin, hook, *(score.reason for score in scores if isinstance(score, Abstain)))
    plain = tuple(
        tuple(score if isinstance(score, Abstain) else float(score) for score in scores)
        for scores in answer.scores
    )
    return Column(plugin.name, plain)


def check_state(plugin: BuiltPlugin, answer: Any) -> dict[str, list[float]]:
    """Named lists of finite floats."""
    contract = "it returns a mapping from names to lists of finite floats"
    if not isinstance(answer, Mapping):
        breach(plugin, "udasa_fit", type(answer).__name__, contract)
    state = {}
    for name, values in answer.items():
        try:
            state[str(name)] = [float(value) for value in values]
        except (TypeError, ValueError, OverflowError):
            breach(plugin, "udasa_fit", f"{excerpt(values)} under {name!r}", contract)
        if not all(map(math.isfinite, state[str(name)])):
            breach(plugin, "udasa_fit", f"a value in {name!r} that is not finite", contract)
    return state


def check_calibrated(plugin: BuiltPlugin, count: int, answer: Any) -> list[float]:
    """As many finite values in [0, 1] as went in."""
    hook = "udasa_calibrate"
    try:
        values = [float(value) for value in answer]
    except (TypeError, ValueError, OverflowError):
        breach(plugin, hook, f"a {type(answer).__name__} that is no list of numbers", "it returns an array")
    if len(values) != count:
        breach(plugin, hook, f"{len(values)} values", f"it was given {count}")
    for value in values:
        if _score_fault(value):
            breach(plugin, hook, f"{value}", "a calibrated score lies in [0, 1]")
    return values


def check_aggregate(plugin: BuiltPlugin, count: int, answer: Any) -> tuple[Score, ...]:
    """U in [0, 1] or an Abstain for each response."""
    if not is_sequence(answer) or len(answer) != count:
        told = f"{len(answer)} scores" if is_sequence(answer) else type(answer).__name__
        breach(plugin, "udasa_aggregate", told, f"it was given {count} responses")
    for number, score in enumerate(answer):
        wrong = _score_fault(score)
        if wrong:
            breach(plugin, "udasa_aggregate", f"{wrong} for response {number}", "U is a float in [0, 1]")
    check_text(plugin, "udasa_aggregate", *(one.reason for one in answer if isinstance(one, Abstain)))
    return tuple(score if isinstance(score, Abstain) else float(score) for score in answer)
