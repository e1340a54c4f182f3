"""The doors: what a plugin returned is checked here, once, before anything else sees it.

Each function raises a PluginError that names the plugin, its distribution and version, what it returned,
and what the contract says.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from udasa_core.errors import PluginError
from udasa_core.plugins.contract import is_sequence, is_texts
from udasa_core.plugins.stack import BuiltPlugin
from udasa_core.records import (
    Abstain,
    Column,
    Grade,
    Group,
    Metric,
    ModelRef,
    Pair,
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
    Unpaired,
    is_finite,
)
from udasa_core.sources.digests import ADAPTER_WEIGHTS
from udasa_core.text.printable import excerpt

_T = TypeVar("_T")

# Floating-point slack between a gap and the difference that it is.
_ROUNDING = 1e-9


def _breach(plugin: BuiltPlugin, hook: str, returned: str, contract: str) -> NoReturn:
    raise PluginError(f"{plugin} broke the contract of {hook}: it returned {returned}; {contract}")


def _check_members(plugin: BuiltPlugin, hook: str, answer: Any, kind: type) -> None:
    """Raise a PluginError where a part of what was returned is no sequence of records of one kind."""
    if not is_sequence(answer) or not all(isinstance(one, kind) for one in answer):
        _breach(plugin, hook, excerpt(answer), f"that is a sequence of {kind.__name__}s")


def _check_text(plugin: BuiltPlugin, hook: str, *texts: Any) -> None:
    """Raise a PluginError where a text cannot be written: it holds half a surrogate pair."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            _breach(plugin, hook, excerpt(text), "half a surrogate pair is no text")
        except AttributeError:
            _breach(plugin, hook, excerpt(text), "that is a text")


def check_refusals(plugin: BuiltPlugin, prompts: Sequence[Prompt], answer: Any) -> Sequence[str]:
    """One text a prompt."""
    if not is_texts(answer):
        _breach(plugin, "udasa_admit", f"{type(answer).__name__}", "it returns one text a prompt")
    if len(answer) != len(prompts):
        _breach(plugin, "udasa_admit", f"{len(answer)} texts", f"it was given {len(prompts)} prompts")
    _check_text(plugin, "udasa_admit", *answer)
    checked: Sequence[str] = answer
    return checked


def check_groups(
    plugin: BuiltPlugin, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, answer: Any
) -> Sequence[Group]:
    """One Group a prompt, in order, of at most K responses, by the policy that was asked."""
    hook = "udasa_generate"
    if not is_sequence(answer) or not all(isinstance(one, Group) for one in answer):
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
        if group.voters:
            _breach(
                plugin, hook, f"voters for prompt {prompt.id}", "udasa asks for voters by calls of their own"
            )
        _check_text(plugin, hook, *(response.text for response in group.responses))
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
        return f"{excerpt(score)} of type {type(score).__name__}"
    if score != score:
        return "NaN"
    return "" if 0.0 <= score <= 1.0 else excerpt(score)


def check_column(plugin: BuiltPlugin, groups: Sequence[Group], answer: Any) -> Column:
    """A score in [0, 1] or an Abstain for each response, in order."""
    hook = "udasa_score"
    if not isinstance(answer, Column):
        _breach(plugin, hook, type(answer).__name__, "it returns a Column")
    if not is_sequence(answer.scores) or not all(map(is_sequence, answer.scores)):
        _breach(plugin, hook, f"scores {excerpt(answer.scores)}", "a Column holds the scores of each group")
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
        _check_text(plugin, hook, *(score.reason for score in scores if isinstance(score, Abstain)))
    plain = tuple(
        tuple(score if isinstance(score, Abstain) else float(score) for score in scores)
        for scores in answer.scores
    )
    return Column(plugin.name, plain)


def check_state(plugin: BuiltPlugin, answer: Any) -> dict[str, list[float]]:
    """Named lists of finite floats."""
    contract = "it returns a mapping from names to lists of finite floats"
    if not isinstance(answer, Mapping):
        _breach(plugin, "udasa_fit", type(answer).__name__, contract)
    state = {}
    for name, values in answer.items():
        try:
            state[str(name)] = [float(value) for value in values]
        except (TypeError, ValueError, OverflowError):
            _breach(plugin, "udasa_fit", f"{excerpt(values)} under {name!r}", contract)
        if not all(map(math.isfinite, state[str(name)])):
            _breach(plugin, "udasa_fit", f"a value in {name!r} that is not finite", contract)
    return state


def check_calibrated(plugin: BuiltPlugin, count: int, answer: Any) -> list[float]:
    """As many finite values in [0, 1] as went in."""
    hook = "udasa_calibrate"
    try:
        values = [float(value) for value in answer]
    except (TypeError, ValueError, OverflowError):
        _breach(plugin, hook, f"a {type(answer).__name__} that is no list of numbers", "it returns an array")
    if len(values) != count:
        _breach(plugin, hook, f"{len(values)} values", f"it was given {count}")
    for value in values:
        if _check_score(value):
            _breach(plugin, hook, f"{value}", "a calibrated score lies in [0, 1]")
    return values


def check_aggregate(plugin: BuiltPlugin, count: int, answer: Any) -> tuple[Score, ...]:
    """U in [0, 1] or an Abstain for each response."""
    if not is_sequence(answer) or len(answer) != count:
        told = f"{len(answer)} scores" if is_sequence(answer) else type(answer).__name__
        _breach(plugin, "udasa_aggregate", told, f"it was given {count} responses")
    for number, score in enumerate(answer):
        wrong = _check_score(score)
        if wrong:
            _breach(plugin, "udasa_aggregate", f"{wrong} for response {number}", "U is a float in [0, 1]")
    _check_text(plugin, "udasa_aggregate", *(one.reason for one in answer if isinstance(one, Abstain)))
    return tuple(score if isinstance(score, Abstain) else float(score) for score in answer)


def check_pairing(
    plugin: BuiltPlugin, groups: Sequence[Group], scores: Sequence[Scores], answer: Any
) -> Pairing:
    """Pairs of the shard's own, scored responses; every prompt in a pair or unpaired with a reason."""
    hook = "udasa_pair"
    if not isinstance(answer, Pairing):
        _breach(plugin, hook, type(answer).__name__, "it returns a Pairing")
    _check_members(plugin, hook, answer.pairs, Pair)
    _check_members(plugin, hook, answer.unpaired, Unpaired)
    _check_text(plugin, hook, *(one.reason for one in answer.unpaired), *(one.origin for one in answer.pairs))
    asked = {group.prompt.id for group in groups}
    seen = set()
    # By content, since a pair carries its responses: every U that a response with these tokens was given.
    U: dict[tuple[str, tuple[int, ...]], set[float]] = {}
    for group, one in zip(groups, scores, strict=True):
        for response, score in zip(group.responses, one.U, strict=True):
            given = U.setdefault((group.prompt.id, response.token_ids), set())
            given |= set() if isinstance(score, Abstain) else {score}
    made: set[str] = set()
    for pair in answer.pairs:
        prompt = pair.prompt.id
        if pair.id in made:
            _breach(plugin, hook, f"pair {pair.id} of prompt {prompt} twice", "a pair is made once")
        made.add(pair.id)
        if prompt not in asked:
            _breach(plugin, hook, f"a pair of prompt {prompt}", "that prompt is not in this shard")
        for side, told in ((pair.chosen, pair.chosen_U), (pair.rejected, pair.rejected_U)):
            # A side from elsewhere (a revision) is legal, and has no U.
            given = U.get((prompt, side.token_ids), {float("nan")})
            if not given:
                _breach(plugin, hook, f"an unscored response of prompt {prompt}", "it is never paired")
            if told is not None and told not in given:
                _breach(plugin, hook, f"U {told} for a side of prompt {prompt}", "U is what was aggregated")
        if pair.gap is not None and (
            pair.chosen_U is None
            or pair.rejected_U is None
            or abs(pair.gap - (pair.rejected_U - pair.chosen_U)) > _ROUNDING
        ):
            _breach(plugin, hook, f"gap {pair.gap} for prompt {prompt}", "it is U(rejected) − U(chosen)")
        seen.add(prompt)
    seen |= {one.prompt_id for one in answer.unpaired}
    if asked - seen:
        _breach(
            plugin, hook, f"nothing for prompt {min(asked - seen)}", "each prompt is in a pair, or is refused"
        )
    return answer


def check_plan(plugin: BuiltPlugin, pairs: PairTable, answer: Any) -> StagePlan:
    """Uniquely named stages; each pair in at most one, and every other one dropped with a reason."""
    import numpy as np

    hook = "udasa_stage"
    if not isinstance(answer, StagePlan):
        _breach(plugin, hook, type(answer).__name__, "it returns a StagePlan")
    if not isinstance(answer.stages, Mapping) or not all(map(is_texts, answer.stages.values())):
        _breach(plugin, hook, f"stages {excerpt(answer.stages)}", "each stage's name maps to ids of pairs")
    if not all(isinstance(name, str) and name for name in answer.stages):
        _breach(plugin, hook, f"stages {list(answer.stages)}", "a stage has a name")
    dropped = answer.dropped
    if not is_sequence(dropped) or not all(is_texts(one) and len(one) == 2 for one in dropped):
        _breach(plugin, hook, f"dropped {excerpt(dropped)}", "each is the id of a pair, and a reason")
    _check_text(plugin, hook, *answer.stages, *(reason for _, reason in dropped))
    placed = [identity for ids in answer.stages.values() for identity in ids]
    placed += [identity for identity, _ in dropped]
    strange = next((one for one in placed if not one.isascii()), None)
    if strange is not None:
        _breach(plugin, hook, f"pair {excerpt(strange)}", "there is no such pair")
    # 16 bytes a pair: sets of a million texts would take a hundred.
    if np.array_equal(np.sort(np.array(placed, dtype="S")), np.sort(np.array(pairs.ids, dtype="S"))):
        return answer
    counts, known = Counter(placed), set(pairs.ids)
    for identity, count in counts.items():
        if identity not in known:
            _breach(plugin, hook, f"pair {identity}", "there is no such pair")
        if count > 1:
            _breach(plugin, hook, f"pair {identity} {count} times", "each pair is in at most one stage")
    missing = min(known - counts.keys())
    _breach(plugin, hook, f"no word of pair {missing}", "it is in a stage or dropped")


def check_report(plugin: BuiltPlugin, stage: Stage, policy: ModelRef, out_dir: Path, answer: Any) -> Report:
    """A report of this stage whose new adapter lies under out_dir and differs from the one before."""
    hook = "udasa_train"
    if not isinstance(answer, Report):
        _breach(plugin, hook, type(answer).__name__, "it returns a Report")
    if answer.stage != stage.name:
        _breach(plugin, hook, f"a report of stage {answer.stage!r}", f"it was given {stage.name!r}")
    if not is_sequence(answer.history):
        _breach(plugin, hook, f"history {excerpt(answer.history)}", "it is a sequence of figures by name")
    for figures in (answer.metrics, *answer.history):
        if not isinstance(figures, Mapping):
            _breach(plugin, hook, f"figures {excerpt(figures)}", "figures are numbers by name")
        for name, value in figures.items():
            if not is_finite(value):
                _breach(plugin, hook, f"{name} = {excerpt(value)}", "a figure is a finite number")
    _check_text(plugin, hook, answer.skipped)
    if answer.skipped:
        if answer.policy.key != policy.key:
            _breach(plugin, hook, "a new policy of a skipped stage", "a skipped stage hands its policy on")
        return answer
    if answer.policy.key == policy.key:
        _breach(plugin, hook, "the policy unchanged", "training changes its weights")
    if not 0 < answer.pairs <= stage.size:
        _breach(plugin, hook, f"a report of {answer.pairs} pairs", f"it was given {stage.size}")
    adapter = answer.policy.adapters[-1] if answer.policy.adapters else None
    if adapter is None or Path(adapter.folder).resolve() != (out_dir / "adapter").resolve():
        told = "no adapter" if adapter is None else f"an adapter in {adapter.folder}"
        _breach(plugin, hook, told, f"it lies in {out_dir / 'adapter'}")
    if not (out_dir / "adapter" / ADAPTER_WEIGHTS).is_file():
        _breach(plugin, hook, "an adapter without weights", "they lie in adapter/adapter_model.safetensors")
    return answer


def check_suite(plugin: BuiltPlugin, policy: ModelRef, answer: Any) -> SuiteReport:
    """A SuiteReport of the model that was asked about, with finite figures."""
    hook = "udasa_evaluate"
    if not isinstance(answer, SuiteReport):
        _breach(plugin, hook, type(answer).__name__, "it returns a SuiteReport")
    _check_members(plugin, hook, answer.metrics, Metric)
    _check_members(plugin, hook, answer.rows, Mapping)
    cells = [value for row in answer.rows for value in row.values() if isinstance(value, str)]
    _check_text(plugin, hook, *(metric.name for metric in answer.metrics), *cells)
    if answer.policy != policy:
        _breach(plugin, hook, f"a report on {answer.policy.key}", f"it was asked about {policy.key}")
    for metric in answer.metrics:
        error = 0.0 if metric.error is None else metric.error
        if not all(map(is_finite, (metric.value, metric.low, metric.high, error))):
            _breach(plugin, hook, excerpt(metric), "a metric, its interval and its error are finite")
    names = Counter(metric.name for metric in answer.metrics)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        _breach(plugin, hook, f"two metrics {twice[0]!r}", "names are unique")
    for row in answer.rows:
        score = row.get("score")
        if score is not None and not is_finite(score):
            _breach(plugin, hook, f"a row with score {excerpt(score)}", "a row's score is finite or None")
    return answer


def check_questions(plugin: BuiltPlugin, answer: Any) -> Sequence[str]:
    """Texts."""
    if not is_texts(answer):
        _breach(plugin, "udasa_questions", type(answer).__name__, "it returns a sequence of texts")
    _check_text(plugin, "udasa_questions", *answer)
    questions: Sequence[str] = answer
    return questions


def check_grades(plugin: BuiltPlugin, count: int, answer: Any) -> Iterator[Grade]:
    """One Grade a grading prompt, each as soon as it is there."""
    hook = "udasa_judge"
    if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
        _breach(plugin, hook, type(answer).__name__, "it returns Grades")
    given = 0
    for grade in answer:
        if not isinstance(grade, Grade):
            _breach(plugin, hook, type(grade).__name__, "it returns Grades")
        is_grade = grade.grade is None or is_finite(grade.grade)
        if not isinstance(grade.raw, str) or not is_grade:
            _breach(plugin, hook, excerpt(grade), "a grade is finite or None, and raw is a text")
        _check_text(plugin, hook, grade.raw)
        given += 1
        if given > count:
            _breach(plugin, hook, f"more than {count} grades", f"it was given {count} prompts")
        yield grade
    if given != count:
        _breach(plugin, hook, f"{given} grades", f"it was given {count} prompts")


def check_tables(plugin: BuiltPlugin, answer: Any, table: type[_T]) -> tuple[_T, ...]:
    """Tables, at least one. `table` is their class, which stands above this room."""
    hook = "udasa_experiment"
    if not is_sequence(answer) or not all(isinstance(one, table) for one in answer):
        _breach(plugin, hook, type(answer).__name__, "it returns a sequence of Tables")
    if not answer:
        _breach(plugin, hook, "no table", "it reports what it found")
    return tuple(answer)
