"""The runs of `udasa experiment premise`: each arm trained, and each policy measured, with each seed.

Policies are trained on pairs of the factual set's training part, each gets its best temperature on the dev
part, and is measured there on the test part, beside everything that costs no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import ModelRef, Steps
from udasa_eval.experiments.arms import BASE, Arms, Training
from udasa_eval.experiments.measuring import AGGREGATE, scored_questions, seed_of
from udasa_eval.experiments.premise_report import Findings, Measured
from udasa_eval.labelled.sets import Question, factual

# So cold that sampling takes the likeliest token.
GREEDY = 0.01
# Where each policy may find its best temperature, from the coldest up; the base is asked at all of them, and
# warmer still.
TEMPERATURES = (GREEDY, 0.1, 0.2, 0.3, 0.5)
WARMER = (0.7, 1.0)
# Responses a question that choose a policy's best temperature: enough to tell temperatures apart.
TUNING_RESPONSES = 4


def measure_premise(
    config: Mapping[str, Any], steps: Steps, *, seeds: int, arms: Sequence[str] = (), part: str = "test"
) -> Findings:
    """Train and measure every arm, or those that are named, with every seed.

    part: "test", or "dev" to look for a recipe without looking at the test part: both are then dev.
    """
    experiment = Arms.read(config, steps, arms)
    training_questions = factual("train")
    first = seed_of(config)
    trainings: list[Training] = []
    measured: list[Measured] = []
    for seed in range(first, first + seeds):
        measured += _measured(experiment, part, BASE, seed, None, ladder=seed == first)
        for arm in experiment.arms:
            training, policy = experiment.train(arm, seed, training_questions)
            trainings.append(training)
            measured += _measured(experiment, part, arm, seed, policy)
    return Findings(part, tuple(experiment.arms), tuple(trainings), tuple(measured))


def _measured(
    experiment: Arms, part: str, arm: str, seed: int, policy: ModelRef | None, *, ladder: bool = False
) -> list[Measured]:
    """Measure a policy on dev, and at its best there on the part in question.

    ladder: measure there at every temperature: what costs no training, told by the first seed's base; others'
    are measured greedily, too. Where that part is dev, what tuned is what is told, with all responses and at
    every temperature.
    """
    last = factual(part)
    temperatures = TEMPERATURES if policy else (*TEMPERATURES, *WARMER)
    if part == "dev":
        every = [_at(experiment, arm, seed, policy, "dev", last, one) for one in temperatures]
        best = _best(every)
        return [replace(one, tuned=(one.temperature or GREEDY) == best) for one in every]
    measured = _tuning(experiment, arm, seed, policy, temperatures)
    best = _best(measured)
    told = dict.fromkeys(temperatures if ladder else (best, *(() if policy else (GREEDY,))))
    return [
        *measured,
        *(_at(experiment, arm, seed, policy, part, last, one, tuned=one == best) for one in told),
    ]


def _tuning(
    experiment: Arms, arm: str, seed: int, policy: ModelRef | None, temperatures: Sequence[float]
) -> list[Measured]:
    """Measure a policy on dev from the coldest temperature up; a trained one until that makes it worse.

    Past its best, warmer is worse still; the base, measured once a seed, shows that at every temperature.
    """
    dev = factual("dev")
    climbed: list[Measured] = []
    for temperature in temperatures:
        climbed.append(_at(experiment, arm, seed, policy, "dev", dev, temperature, TUNING_RESPONSES))
        worse = climbed[-1].accuracy < max(one.accuracy for one in climbed)
        if policy is not None and worse:
            break
    return climbed


def _best(tuning: Sequence[Measured]) -> float:
    """Return the temperature of the most right responses: the lowest of equals."""
    return max(tuning, key=lambda one: one.accuracy).temperature or GREEDY


def _at(
    experiment: Arms,
    arm: str,
    seed: int,
    policy: ModelRef | None,
    part: str,
    questions: Sequence[Question],
    temperature: float,
    responses: int | None = None,
    *,
    tuned: bool = False,
) -> Measured:
    """Sample a policy (None: the base) on some questions at one temperature; grade and score what it says.

    responses: a question; None: as many as the configuration has.
    """
    generator: dict[str, Any] = {"temperature": temperature}
    if responses is not None:
        generator["responses"] = responses
    config = experiment.configured(seed, questions, generator)
    with experiment.steps.run(config, f"{part}-{arm}-t{temperature:g}-s{seed}") as run:
        scores = scored_questions(run, run.sample(policy=policy), questions)
    rows = scores.by_question()
    return Measured(
        arm=arm,
        seed=seed,
        part=part,
        temperature=0.0 if temperature == GREEDY else temperature,
        tuned=tuned,
        right=np.stack([scores.right[row] for row in rows]),
        majority=scores.majority_right(),
        best=np.array([bool(scores.right[row[_least(scores.columns[AGGREGATE][row])]]) for row in rows]),
        tokens=float(scores.tokens.mean()),
        truncated=float(scores.truncated.mean()),
        scores=scores,
    )


def _least(us: NDArray[float64]) -> int:
    """Return the index of the lowest of K uncertainties: the first of equals, and where all abstain."""
    return 0 if np.isnan(us).all() else int(np.nanargmin(us))
