"""The runs of `udasa experiment consistency`: one set of questions, sampled and scored repeatedly.

The method's own first recommended experiment. Its flips are the noise floor: a later checkpoint whose pairs
differ no more than this has not changed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from udasa_core import Steps, UdasaError
from udasa_eval.experiments.agreement import Agreement, FreshScores, fresh_responses, same_responses
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import evenly, scored_questions, seed_of, with_prompts
from udasa_eval.experiments.signal_report import Condition
from udasa_eval.labelled.sets import Question, factual, questions_file


def measure_consistency(
    config: Mapping[str, Any], steps: Steps, *, repeats: int, limit: int
) -> tuple[Condition, tuple[Agreement, ...]]:
    """Score `limit` questions of the dev part `repeats` times, with the same and with fresh responses.

    The same responses are scored by other seeds in a stack of its own, so that nothing is remembered. Fresh
    responses come of other run seeds.
    """
    questions = evenly(factual("dev", "train"), limit)
    first = seed_of(config)
    fresh: list[LabelledScores] = []
    again: list[LabelledScores] = []
    for repeat in range(repeats):
        fresh.append(_sampled(config, steps, questions, first + repeat))
        again.append(_sampled(config, steps, questions, first, scoring=repeat))
    generator = config["generator"]
    condition = Condition(
        "factual-dev",
        float(generator.get("temperature", 0.7)),
        int(generator.get("responses", 8)),
        int(generator.get("voters", 0)),
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


def _sampled(
    config: Mapping[str, Any],
    steps: Steps,
    questions: Sequence[Question],
    seed: int,
    scoring: int = 0,
) -> LabelledScores:
    """Sample with a run seed, or take what it sampled, and score that; `scoring` numbers scorings."""
    prompts = questions_file(steps.folder / "prompts", questions)
    seeded = {**config, "run": {**config.get("run", {}), "seed": seed}}
    name = f"seed-{seed}" if scoring == 0 else f"seed-{seed}-scoring-{scoring}"
    with steps.run(with_prompts(seeded, prompts, {}), name) as run:
        found = scored_questions(run, run.sample(), questions, repeat=scoring)
    if not len(found):
        raise UdasaError("no question was sampled")
    return found
