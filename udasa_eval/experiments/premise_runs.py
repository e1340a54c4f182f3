"""The runs of `udasa experiment premise`: each arm trained, and each policy measured, with each seed.

Policies are trained on pairs of the factual set's training part, each gets its best temperature on the dev
part, and is measured there on the test part, beside everything that costs no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import ModelRef, Steps, UdasaError
from udasa_eval.experiments.measuring import AGGREGATE, scored_questions, seed_of, with_prompts
from udasa_eval.experiments.pairs import KINDS
from udasa_eval.experiments.premise_report import BASE, Findings, Measured, Training
from udasa_eval.labelled.sets import Question, factual, questions_file

# Where each policy may find its best temperature; the last resort of sampling is none of it.
TEMPERATURES = (0.3, 0.5, 0.7, 1.0)
# Responses a question that choose a policy's best temperature: enough to tell temperatures apart.
TUNING_RESPONSES = 4
# So cold that sampling takes the likeliest token.
_GREEDY = 0.01
# Which kind a pair is of, by whether its chosen and its rejected response are right.
_KIND_OF = dict(zip(((True, False), (True, True), (False, False), (False, True)), KINDS, strict=True))


@dataclass(frozen=True, slots=True)
class Arms:
    """A configuration without its arms, the arms, the steps to train them by, and what is measured in the
    end."""

    config: Mapping[str, Any]
    arms: Mapping[str, Mapping[str, Any]]
    steps: Steps
    part: str


def measure_premise(
    config: Mapping[str, Any], steps: Steps, *, seeds: int, arms: Sequence[str] = (), part: str = "test"
) -> Findings:
    """Train and measure every arm, or those that are named, with every seed.

    part: "test", or "dev" to look for a recipe without looking at the test part: both are then dev.
    """
    plain = {key: value for key, value in config.items() if key != "arms"}
    offered: Mapping[str, Mapping[str, Any]] = config.get("arms", {})
    if not offered or BASE in offered:
        raise UdasaError(f"the configuration names no arm: add [arms.NAME] tables, none of them {BASE!r}")
    unknown = sorted(set(arms) - set(offered))
    if unknown:
        raise UdasaError(f"there is no arm {', '.join(unknown)}; the configuration has {', '.join(offered)}")
    chosen = {name: offered[name] for name in offered if not arms or name in arms}
    experiment = Arms(plain, chosen, steps, part)
    first = seed_of(plain)
    trainings: list[Training] = []
    measured: list[Measured] = []
    for seed in range(first, first + seeds):
        measured += _measured(experiment, BASE, seed, None, ladder=seed == first)
        for arm in chosen:
            training, policy = _trained(experiment, arm, seed)
            trainings.append(training)
            measured += _measured(experiment, arm, seed, policy)
    return Findings(part, tuple(chosen), tuple(trainings), tuple(measured))


def _trained(experiment: Arms, arm: str, seed: int) -> tuple[Training, ModelRef]:
    """Train one arm; return what is told of it, and the policy that its last stage left."""
    questions = factual("train")
    by_id = {question.id: question for question in questions}
    config = _configured(experiment, _merged(experiment.config, experiment.arms[arm]), seed, questions, {})
    with experiment.steps.run(config, f"train-{arm}-s{seed}") as run:
        stages = run.stage(run.pair(run.score(run.sample())))
        reports = [one for one in run.train(stages) if not one.skipped]
    counts = dict.fromkeys(KINDS, 0)
    trained = {one.stage for one in reports}
    for made in (pair for one in stages if one.stage.name in trained for pair in one):
        graded = by_id[made.prompt.id]
        sides = graded.is_right(made.chosen.text), graded.is_right(made.rejected.text)
        counts[_KIND_OF[sides]] += 1
    pairs, last = sum(one.pairs for one in reports), reports[-1]
    return Training(arm, seed, pairs, last.metrics, counts), last.policy


def _merged(raw: Mapping[str, Any], arm: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with an arm's keys on top: a table's other keys stay, an array is replaced.

    A table that uses another plugin inherits nothing: its options are that plugin's own.
    """
    merged = dict(raw)
    for key, value in arm.items():
        below = raw.get(key)
        merged[key] = value
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            alike = value.get("use", below.get("use")) == below.get("use")
            merged[key] = {**below, **value} if alike else value
    return merged


def _measured(
    experiment: Arms, arm: str, seed: int, policy: ModelRef | None, *, ladder: bool = False
) -> list[Measured]:
    """Measure a policy on dev, and at its best there on the part in question; the base greedily, too.

    ladder: measure there at every temperature: what costs no training, told by the first seed's base. Where
    that part is dev, what tuned is what is told, with all responses and at every temperature.
    """
    last = factual(experiment.part)
    if experiment.part == "dev":
        every = [_at(experiment, arm, seed, policy, "dev", last, one) for one in TEMPERATURES]
        best = _best(every)
        measured = [replace(one, tuned=one.temperature == best) for one in every]
    else:
        measured = _tuning(experiment, arm, seed, policy)
        best = _best(measured)
        for one in TEMPERATURES if ladder else (best,):
            tuned = one == best
            measured.append(_at(experiment, arm, seed, policy, experiment.part, last, one, tuned=tuned))
    if policy is None:
        measured.append(_at(experiment, arm, seed, policy, experiment.part, last, _GREEDY))
    return measured


def _tuning(experiment: Arms, arm: str, seed: int, policy: ModelRef | None) -> list[Measured]:
    """Measure a policy on dev from the coldest temperature up; a trained one until that makes it worse.

    Past its best, warmer is worse still; the base, measured once a seed, shows that at every temperature.
    """
    dev = factual("dev")
    climbed: list[Measured] = []
    for temperature in TEMPERATURES:
        climbed.append(_at(experiment, arm, seed, policy, "dev", dev, temperature, TUNING_RESPONSES))
        worse = climbed[-1].accuracy < max(one.accuracy for one in climbed)
        if policy is not None and worse:
            break
    return climbed


def _best(tuning: Sequence[Measured]) -> float:
    """Return the temperature of the most right responses: the lowest of equals."""
    return max(tuning, key=lambda one: one.accuracy).temperature


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
    config = _configured(experiment, experiment.config, seed, questions, generator)
    with experiment.steps.run(config, f"{part}-{arm}-t{temperature:g}-s{seed}") as run:
        scores = scored_questions(run, run.sample(policy=policy), questions)
    rows = scores.by_question()
    greedy = temperature == _GREEDY
    return Measured(
        arm=arm,
        seed=seed,
        part=part,
        temperature=0.0 if greedy else temperature,
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


def _configured(
    experiment: Arms,
    config: Mapping[str, Any],
    seed: int,
    questions: Sequence[Question],
    generator: Mapping[str, Any],
) -> dict[str, Any]:
    prompts = questions_file(experiment.steps.folder / "prompts", questions)
    seeded = {**config, "run": {**config.get("run", {}), "seed": seed}}
    return with_prompts(seeded, prompts, generator)
