"""The doors: what a plugin returned is checked here, once, before anything else sees it.

Each function raises a PluginError that names the plugin, its distribution and version, what it returned,
and what the contract says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from udasa_core.errors import PluginError
from udasa_core.records import (
    Abstain,
    Column,
    Grade,
    Group,
    ModelRef,
    Pairing,
    PairTable,
    Prompt,
    Report,
    SamplingOptions,
    Score,
    Scores,
    Stage,
    StagePlan,
    SuiteReport,
)
from udasa_core.stack import Plugin


def _breach(plugin: Plugin, hook: str, returned: str, contract: str) -> NoReturn:
    raise PluginError(f"{plugin} broke the contract of {hook}: it returned {returned}; {contract}")


def _is_sequence(answer: Any) -> bool:
    return isinstance(answer, Sequence) and not isinstance(answer, str | bytes)


def check_refusals(plugin: Plugin, prompts: Sequence[Prompt], answer: Any) -> Sequence[str]:
    """One text a prompt."""
    if not _is_sequence(answer) or not all(isinstance(one, str) for one in answer):
        _breach(plugin, "udasa_admit", f"{type(answer).__name__}", "it returns one text a prompt")
    if len(answer) != len(prompts):
        _breach(plugin, "udasa_admit", f"{len(answer)} texts", f"it was given {len(prompts)} prompts")
    checked: Sequence[str] = answer
    return checked


def check_groups(
    plugin: Plugin, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, answer: Any
) -> Sequence[Group]:
    """One Group a prompt, in order, of at most K responses, by the policy that was asked."""
    hook = "udasa_generate"
    if not _is_sequence(answer) or not all(isinstance(one, Group) for one in answer):
        _breach(plugin, hook, type(answer).__name__, "it returns a sequence of Groups")
    if len(answer) != len(prompts):
        _breach(plugin, hook, f"{len(answer)} groups", f"it was given {len(prompts)} prompts")
    for prompt, group in zip(prompts, answer, strict=True):
        if group.prompt != prompt:
            _breach(
                plugin, hook, f"a group of prompt {group.prompt.id}", f"prompt {prompt.id} is next in order"
            )
        if len(group.responses) > sampling.responses:
            _breach(
                plugin,
                hook,
                f"{len(group.responses)} responses for prompt {prompt.id}",
                f"{sampling.responses} were asked for",
            )
        if group.policy != policy.key:
            _breach(plugin, hook, f"policy {group.policy!r} for prompt {prompt.id}", f"it is {policy.key!r}")
    groups: Sequence[Group] = answer
    return groups


def _check_score(score: Any) -> str:
    """Say what is wrong with one score, "" where nothing is."""
    if isinstance(score, Abstain):
        return ""
    if score is None:
        return "None (an Abstain says why there is no score)"
    if isinstance(score, bool) or not isinstance(score, int | float):
        return f"{score!r} of type {type(score).__name__}"
    if math.isnan(score):
        return "NaN"
    if not 0.0 <= score <= 1.0:
        return f"{score}"
    return ""


def check_column(plugin: Plugin, groups: Sequence[Group], answer: Any) -> Column:
    """A score in [0, 1] or an Abstain for each response, in order."""
    hook = "udasa_score"
    if not isinstance(answer, Column):
        _breach(plugin, hook, type(answer).__name__, "it returns a Column")
    if len(answer.scores) != len(groups):
        _breach(plugin, hook, f"scores for {len(answer.scores)} groups", f"it was given {len(groups)}")
    for group, scores in zip(groups, answer.scores, strict=True):
        if len(scores) != len(group.responses):
            _breach(
                plugin,
                hook,
                f"{len(scores)} scores for prompt {group.prompt.id}",
                f"it has {len(group.responses)} responses",
            )
        for number, score in enumerate(scores):
            wrong = _check_score(score)
            if wrong:
                _breach(
                    plugin,
                    hook,
                    f"{wrong} for response {number} of prompt {group.prompt.id}",
                    "a score is a float in [0, 1]",
                )
    plain = tuple(
        tuple(score if isinstance(score, Abstain) else float(score) for score in scores)
        for scores in answer.scores
    )
    return Column(plugin.name, plain)


def check_state(plugin: Plugin, answer: Any) -> dict[str, list[float]]:
    """Named lists of finite floats."""
    contract = "it returns a mapping from names to lists of finite floats"
    if not isinstance(answer, Mapping):
        _breach(plugin, "udasa_fit", type(answer).__name__, contract)
    state = {}
    for name, values in answer.items():
        state[str(name)] = [float(value) for value in values]
        if not all(map(math.isfinite, state[str(name)])):
            _breach(plugin, "udasa_fit", f"a value in {name!r} that is not finite", contract)
    return state


def check_calibrated(plugin: Plugin, count: int, answer: Any) -> list[float]:
    """As many finite values in [0, 1] as went in."""
    values = [float(value) for value in answer]
    if len(values) != count:
        _breach(plugin, "udasa_calibrate", f"{len(values)} values", f"it was given {count}")
    for value in values:
        if _check_score(value):
            _breach(plugin, "udasa_calibrate", f"{value}", "a calibrated score lies in [0, 1]")
    return values


def check_aggregate(plugin: Plugin, count: int, answer: Any) -> tuple[Score, ...]:
    """U in [0, 1] or an Abstain for each response."""
    if not _is_sequence(answer) or len(answer) != count:
        told = f"{len(answer)} scores" if _is_sequence(answer) else type(answer).__name__
        _breach(plugin, "udasa_aggregate", told, f"it was given {count} responses")
    for number, score in enumerate(answer):
        wrong = _check_score(score)
        if wrong:
            _breach(plugin, "udasa_aggregate", f"{wrong} for response {number}", "U is a float in [0, 1]")
    return tuple(score if isinstance(score, Abstain) else float(score) for score in answer)


def check_pairing(plugin: Plugin, groups: Sequence[Group], scores: Sequence[Scores], answer: Any) -> Pairing:
    """Pairs of the shard's own, scored responses; every prompt in a pair or refused with a reason."""
    hook = "udasa_pair"
    if not isinstance(answer, Pairing):
        _breach(plugin, hook, type(answer).__name__, "it returns a Pairing")
    known = {group.prompt.id for group in groups}
    # By content, since a pair carries its responses: one that is scored anywhere in its group may be paired.
    scored = {
        (group.prompt.id, response.token_ids)
        for group, one in zip(groups, scores, strict=True)
        for response, score in zip(group.responses, one.U, strict=True)
        if not isinstance(score, Abstain)
    }
    seen = set()
    for pair in answer.pairs:
        prompt = pair.prompt.id
        if prompt not in known:
            _breach(plugin, hook, f"a pair of prompt {prompt}", "that prompt is not in this shard")
        if not {(prompt, pair.chosen.token_ids), (prompt, pair.rejected.token_ids)} <= scored:
            told = f"a pair of prompt {prompt} with a side that is not one of its scored responses"
            _breach(plugin, hook, told, "what was not scored is never paired")
        seen.add(prompt)
    seen |= {refusal.prompt_id for refusal in answer.refused}
    if known - seen:
        _breach(
            plugin, hook, f"nothing for prompt {min(known - seen)}", "each prompt is in a pair, or is refused"
        )
    return answer


def check_plan(plugin: Plugin, pairs: PairTable, answer: Any) -> StagePlan:
    """Uniquely named stages; each pair in at most one, and every other one dropped with a reason."""
    hook = "udasa_stage"
    if not isinstance(answer, StagePlan):
        _breach(plugin, hook, type(answer).__name__, "it returns a StagePlan")
    names = [stage.name for stage in answer.stages]
    if len(set(names)) != len(names):
        _breach(plugin, hook, f"stages {names}", "their names are unique")
    known = set(pairs.ids)
    placed: set[str] = set()
    for name, ids in [(one.name, one.pair_ids) for one in answer.stages] + [
        ("(dropped)", tuple(identity for identity, _ in answer.dropped))
    ]:
        for identity in ids:
            if identity not in known:
                _breach(plugin, hook, f"pair {identity} in {name}", "there is no such pair")
            if identity in placed:
                _breach(plugin, hook, f"pair {identity} twice", "each pair is in at most one stage")
            placed.add(identity)
    if known - placed:
        _breach(plugin, hook, f"no word of pair {min(known - placed)}", "it is in a stage or dropped")
    return answer


def check_report(plugin: Plugin, stage: Stage, policy: ModelRef, out_dir: Path, answer: Any) -> Report:
    """A report of this stage whose new adapter lies under out_dir and differs from the one before."""
    hook = "udasa_train"
    if not isinstance(answer, Report):
        _breach(plugin, hook, type(answer).__name__, "it returns a Report")
    if answer.stage != stage.name:
        _breach(plugin, hook, f"a report of stage {answer.stage!r}", f"it was given {stage.name!r}")
    if answer.skipped:
        return answer
    if answer.policy.key == policy.key:
        _breach(plugin, hook, "the policy unchanged", "training changes its weights")
    if answer.pairs != stage.size:
        _breach(plugin, hook, f"a report of {answer.pairs} pairs", f"it was given {stage.size}")
    adapter = answer.policy.adapters[-1] if answer.policy.adapters else None
    if adapter is None or Path(adapter.folder).resolve() != (out_dir / "adapter").resolve():
        told = "no adapter" if adapter is None else f"an adapter in {adapter.folder}"
        _breach(plugin, hook, told, f"it lies in {out_dir / 'adapter'}")
    return answer


def check_suite(plugin: Plugin, policy: ModelRef, answer: Any) -> SuiteReport:
    """A SuiteReport of the model that was asked about, with finite figures."""
    hook = "udasa_evaluate"
    if not isinstance(answer, SuiteReport):
        _breach(plugin, hook, type(answer).__name__, "it returns a SuiteReport")
    if answer.policy != policy:
        _breach(plugin, hook, f"a report on {answer.policy.key}", f"it was asked about {policy.key}")
    for metric in answer.metrics:
        if not all(map(math.isfinite, (metric.value, metric.low, metric.high))):
            _breach(plugin, hook, f"{metric}", "a metric and its interval are finite")
    return answer


def check_grades(plugin: Plugin, count: int, answer: Any) -> Sequence[Grade]:
    """One Grade a grading prompt."""
    hook = "udasa_judge"
    if not _is_sequence(answer) or not all(isinstance(one, Grade) for one in answer):
        _breach(plugin, hook, type(answer).__name__, "it returns a sequence of Grades")
    if len(answer) != count:
        _breach(plugin, hook, f"{len(answer)} grades", f"it was given {count} prompts")
    grades: Sequence[Grade] = answer
    return grades
