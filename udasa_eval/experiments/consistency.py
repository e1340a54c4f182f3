"""`udasa experiment consistency`: does a checkpoint agree with itself?

The method's own first recommended experiment. Its flips are the noise floor: a later checkpoint whose pairs
differ no more than this has not changed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from udasa_core import UdasaError
from udasa_core.api import conduct, load
from udasa_core.running.job import Job
from udasa_core.steps.read import intake
from udasa_core.steps.sample import sample
from udasa_eval.experiments.agreement import Agreement, FreshScores, fresh_responses, same_responses
from udasa_eval.experiments.agreement_report import rows, table
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import plain_configuration, scored_questions, with_prompts
from udasa_eval.experiments.sets import Question, factual, questions_file
from udasa_eval.experiments.signal import default_configuration
from udasa_eval.experiments.signal_report import Condition, write_csv


def measure_consistency(
    configuration: Path | None, overrides: Sequence[str], *, folder: Path, repeats: int, limit: int
) -> tuple[Condition, tuple[Agreement, ...]]:
    """Score `limit` questions of the dev part `repeats` times, with the same and with fresh responses.

    The same responses are scored by other seeds in a stack of its own, so that nothing is remembered. Fresh
    responses come of other run seeds.
    """
    raw = plain_configuration(configuration, overrides, default_configuration())
    whole = factual("dev", "train")
    # The set goes by domain; taken evenly, a few questions are of all of them.
    count = min(limit, len(whole))
    questions = [whole[number * len(whole) // count] for number in range(count)]
    first = int(raw.get("run", {}).get("seed", 7))
    fresh: list[LabelledScores] = []
    again: list[LabelledScores] = []
    for repeat in range(repeats):
        fresh.append(_sampled(raw, folder, questions, first + repeat))
        again.append(_sampled(raw, folder, questions, first, scoring=repeat))
    generator = raw["generator"]
    condition = Condition(
        "factual-dev", float(generator.get("temperature", 0.7)), int(generator.get("responses", 8))
    )
    agreements = [
        same_responses(
            name,
            np.stack([one.columns[name] for one in again]),
            again[0].questions,
            again[0].texts,
            seed=first,
        )
        for name in again[0].columns
    ] + [
        fresh_responses(
            name, [FreshScores(one.questions, one.columns[name], one.answers) for one in fresh], seed=first
        )
        for name in fresh[0].columns
    ]
    return condition, tuple(agreements)


def write_consistency(found: tuple[Condition, tuple[Agreement, ...]], folder: Path) -> str:
    """Write consistency.txt and consistency.csv into `folder`; return the text."""
    folder.mkdir(parents=True, exist_ok=True)
    condition, agreements = found
    text = f"{table(condition, agreements)}\n"
    (folder / "consistency.txt").write_text(text, encoding="utf-8")
    write_csv(folder / "consistency.csv", rows(condition, agreements))
    return text


def _sampled(
    raw: Mapping[str, Any], folder: Path, questions: Sequence[Question], seed: int, scoring: int = 0
) -> LabelledScores:
    """Sample with a run seed, or take what it sampled, and score that; `scoring` numbers scorings."""
    prompts = questions_file(folder / "prompts", questions)
    seeded = {**raw, "run": {**raw.get("run", {}), "seed": seed}}
    name = f"seed-{seed}" if scoring == 0 else f"seed-{seed}-scoring-{scoring}"
    plain = with_prompts(seeded, name, folder, prompts, {})
    found: list[LabelledScores] = []

    def work(job: Job) -> Mapping[str, Any]:
        groups = sample(job, intake(job).training, job.base)
        if scoring:
            # Under another split's name, from which scoring takes other seeds.
            groups = replace(groups, split=f"{groups.split}, scoring {scoring}")
        found.append(scored_questions(job, groups, questions))
        return {}

    conduct(load(plain), work)
    if not len(found[0]):
        raise UdasaError("no question was sampled")
    return found[0]
