"""The runs of `udasa experiment judge`: one that has the judge, and two that sample, where its own model can
be sampled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from udasa_core import OpenRun, Steps, UdasaError, names_source
from udasa_eval.experiments.judge_asked import in_pairs, judgements, singly
from udasa_eval.experiments.judge_findings import Finding, Form, sentence, with_verdicts
from udasa_eval.experiments.judge_planted import (
    SAMPLED,
    Asking,
    Item,
    WordsName,
    bench_asking,
    open_asking,
    planted,
)
from udasa_eval.experiments.measuring import evenly, seed_of, with_prompts
from udasa_eval.judges.model_family import is_same_family, known_families
from udasa_eval.judges.prompts import read_judge_prompts
from udasa_eval.labelled.sets import Question, factual, questions_file
from udasa_eval.mt_bench.data import SOURCE, find_files
from udasa_eval.standalone.evaluation import over_bundled

# Responses of each model to a question, among which two of equal rightness are looked for.
_OWN_RESPONSES = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """In which words a judge is asked, how, of which part of the labelled sets, of how many prompts, how
    often of right and wrong answers, and whether its own model is sampled where it can be."""

    words: Sequence[WordsName]
    forms: Sequence[Form]
    part: Literal["dev", "test"]
    limit: int | None
    repeats: int
    sampled: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of a judge, asked in these words. judge: what it calls its model. judgements: how often
    it was asked at most. unmeasured: what could not be measured, in sentences."""

    words: WordsName
    judge: str
    prompts: int
    judgements: int
    findings: tuple[Finding, ...]
    unmeasured: tuple[str, ...]


def measure_judge(
    config: Mapping[str, Any], steps: Steps, plan: Plan, data: Callable[[str], Path], bench: str = ""
) -> list[Judged]:
    """Ask the judge of a configuration in each of the plan's words, and keep what `udasa show` tells of it.

    data: a source → where its files lie. bench: the source of mt-bench's grading prompts. Raises UdasaError
    where there is no [judge].
    """
    raw = {key: value for key, value in over_bundled(config, "the configuration").items() if key != "suite"}
    if "judge" not in raw:
        raise UdasaError(
            'there is no judge to measure: add [judge] with use = "…" to the configuration, or type '
            "--set judge.use=transformers --set judge.source=SOURCE"
        )
    askings = [_asking(words, data, bench) for words in plan.words]
    with steps.run(raw, "judge") as run:
        model = run.judge.model
        own, untold = _own_answers(raw, steps, plan, model)
        found = [_judged(run, one, plan, model, own, untold, seed_of(raw)) for one in askings]
        for asking, one in zip(askings, found, strict=True):
            keys: dict[Form, str] = {"single": asking.single_key, "pair": asking.pair_key}
            told = {
                keys[form]: sentence([each for each in one.findings if each.form == form])
                for form in plan.forms
            }
            run.tell_of_judge(one.prompts, told)
    return found


def _asking(words: WordsName, data: Callable[[str], Path], bench: str) -> Asking:
    if words != "mt_bench":
        return open_asking(words)
    source = bench or SOURCE
    return bench_asking(read_judge_prompts(find_files(data(source), source).judge_prompts, source))


def _judged(
    run: OpenRun, asking: Asking, plan: Plan, model: str, own: Sequence[Item], untold: str, seed: int
) -> Judged:
    items = planted(asking.words, plan.part, model, plan.limit)
    unmeasured = []
    if not known_families(model):
        unmeasured.append(
            f"Own family by name: not measured; the judge calls its model {model!r}, which tells no known "
            "family."
        )
    if asking.words == "harmless":
        untold = "Own family by sampled answers: not measured; only short questions have rules for rightness."
    else:
        items = [*items, *own]
    unmeasured += [untold] if untold else []
    ways = {"single": singly, "pair": in_pairs}
    findings = [
        one for form in plan.forms for one in ways[form](run.judge, asking, items, seed, plan.repeats)
    ]
    asked = judgements(items, plan.forms, plan.repeats)
    return Judged(asking.words, model, len(items), asked, tuple(with_verdicts(findings)), tuple(unmeasured))


def _own_answers(raw: Mapping[str, Any], steps: Steps, plan: Plan, model: str) -> tuple[list[Item], str]:
    """Return questions with an answer of the judge's own model and one of [model], both right or both wrong;
    or why there are none."""
    other = str(raw["model"]["source"])
    untold = _not_sampled(model, other, plan)
    if untold:
        return [], f"Own family by sampled answers: not measured; {untold}."
    asked = evenly([one for one in factual(plan.part) if one.rivals], plan.limit)
    told = with_prompts(
        raw, questions_file(steps.folder / "prompts", asked), {"responses": _OWN_RESPONSES, "voters": 0}
    )
    mine = _sampled(steps, {**told, "model": {**told["model"], "source": model}}, "own answers")
    theirs = _sampled(steps, told, "others' answers")
    items = list(_alike(asked, mine, theirs))
    return items, "" if items else (
        "Own family by sampled answers: not measured; no question got an answer of each model that were both "
        "right, or both wrong."
    )


def _not_sampled(model: str, other: str, plan: Plan) -> str:
    """Say why the judge's own model is not sampled; "" where it is."""
    if not plan.sampled:
        return "it was not asked for"
    if not names_source(model):
        return "the judge's model cannot be sampled on this machine"
    if model == other or is_same_family(model, other):
        return "[model] is of the judge's own family: name another one (--set model.source=SOURCE)"
    return ""


def _sampled(steps: Steps, config: Mapping[str, Any], name: str) -> dict[str, list[str]]:
    with steps.run(config, name.replace(" ", "-").replace("'", "")) as run:
        return {group.prompt.id: [one.text for one in group.responses] for group in run.sample()}


def _alike(
    asked: Sequence[Question], mine: Mapping[str, Sequence[str]], theirs: Mapping[str, Sequence[str]]
) -> Iterator[Item]:
    for question in asked:
        for is_right in (True, False):
            both = [
                next((text for text in said.get(question.id, ()) if question.is_right(text) is is_right), "")
                for said in (mine, theirs)
            ]
            if all(both) and both[0] != both[1]:
                yield Item(f"{question.id}/own", question.question, {SAMPLED: (both[0], both[1])})
                break
