"""The runs of `udasa experiment stages`: every arm trained with every seed, and each policy measured.

Policies are trained on the set's training part, climb to their best temperature on its dev part, and are
measured there on the part in question, beside K responses at one temperature that is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import bool_
from numpy.typing import NDArray

from udasa_core import ModelRef, OpenRun, Resamples, Run, Steps
from udasa_eval.experiments.arms import BASE, Arms, Training
from udasa_eval.experiments.measuring import AGGREGATE, evenly, scored_questions, seed_of
from udasa_eval.experiments.pooled import pooled
from udasa_eval.experiments.premise_report import SEED
from udasa_eval.experiments.premise_runs import GREEDY, TEMPERATURES, WARMER
from udasa_eval.experiments.stages_part import Part, dev_part
from udasa_eval.experiments.stages_report import (
    ACCURACY,
    ANY_OF_K,
    GREEDILY,
    MAJORITY,
    Findings,
    Measured,
)
from udasa_eval.labelled.sets import Question, questions

# What pairs were sampled at: here any of K, the majority and the signal are measured, for every policy alike.
_WARM = 0.7
# Responses a question that choose a temperature, and that are told of at the best one, where most are alike.
# The generator gives no fewer than two, also of one greedy response.
_TUNING_RESPONSES = _GREEDY_RESPONSES = 2
_BEST_RESPONSES = 4

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class Lane:
    """Every `of`-th seed, from the `number`-th on (1 is the first): what one of several processes makes."""

    number: int = 1
    of: int = 1

    def seeds(self, first: int, count: int) -> list[int]:
        """Return the lane's seeds of `count` from the first on."""
        return list(range(first, first + count))[self.number - 1 :: self.of]

    def idle(self, count: int) -> str:
        """Say that there are fewer seeds than lanes, and none for this one."""
        seeds = "1 seed" if count == 1 else f"{count} seeds"
        return f"Lane {self.number} of {self.of} has nothing to do: there is no more than {seeds} to share"


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is trained, on what, and what it is measured on in the end."""

    arms: Arms
    training: Sequence[Question]
    dev: Part
    last: Part


def measure_stages(
    config: Mapping[str, Any],
    steps: Steps,
    *,
    seeds: int,
    progress: Progress,
    last: Part,
    arms: Sequence[str] = (),
    lane: Lane | None = None,
    limit: int | None = None,
) -> Findings:
    """Train and measure the base and every arm, or those that are named, with every seed of a lane.

    last: what policies are measured on in the end; the dev part is what they are tuned on, too.
    limit: of the questions that are trained and tuned on, so many, taken evenly.
    """
    read = Arms.read(config, steps, arms)
    training = evenly(questions("graded", "train"), limit)
    campaign = Campaign(read, training, dev_part().evenly(limit), last)
    first = seed_of(config)
    drawn = (lane or Lane()).seeds(first, seeds)
    measured: list[Measured] = []
    with progress("policies", len(drawn) * (1 + len(read.arms))) as advance:
        for seed in drawn:
            for one in _of_seed(campaign, seed, first):
                measured.append(one)
                advance(1)
    return Findings(campaign.last.name, tuple(read.arms), tuple(measured))


def _of_seed(campaign: Campaign, seed: int, first: int) -> Iterator[Measured]:
    yield _measured(campaign, BASE, seed, None, None, suites_of=first)
    for arm in campaign.arms.arms:
        training, policy = campaign.arms.train(arm, seed, campaign.training)
        yield _measured(campaign, arm, seed, training, policy, suites_of=seed)


def _measured(
    campaign: Campaign,
    arm: str,
    seed: int,
    training: Training | None,
    policy: ModelRef | None,
    *,
    suites_of: int,
) -> Measured:
    """Measure one policy; None: the base, whose suites are those of the first seed, for it is one model."""
    temperatures = TEMPERATURES if policy else (*TEMPERATURES, *WARMER)
    tuning = {one: _tuned(campaign, arm, seed, policy, one) for one in temperatures}
    best = max(tuning, key=tuning.__getitem__)
    last = campaign.last
    cold = _answers(campaign, last, arm, seed, policy, best)
    figures = {ACCURACY: cold.accuracy()}
    numbers = {"tokens": cold.tokens, "truncated": cold.truncated}
    if policy is None:
        greedy = cold if best == GREEDY else _answers(campaign, last, arm, seed, policy, GREEDY)
        figures[GREEDILY] = greedy.accuracy()
    together, told = _together(campaign, arm, seed, policy)
    figures |= together
    numbers |= told
    found = Measured(arm, seed, training, tuning, best, figures, numbers)
    return _with_suites(campaign, found, policy, suites_of)


def _tuned(campaign: Campaign, arm: str, seed: int, policy: ModelRef | None, temperature: float) -> float:
    """Return the share of right responses on dev at one temperature."""
    return _answers(campaign, campaign.dev, arm, seed, policy, temperature, _TUNING_RESPONSES).right_share


def _with_suites(campaign: Campaign, found: Measured, policy: ModelRef | None, seed: int) -> Measured:
    """Add what the configuration's suites, the instructions and the retention of the base's words tell."""
    arm = found.arm
    config = campaign.arms.configured(seed, campaign.dev.questions)
    config["suite"] = [*campaign.last.suites(campaign.arms.steps.folder), *_suites(campaign)]
    with campaign.arms.steps.run(config, f"{campaign.last.name}-suites-{arm}-s{seed}") as run:
        told = run.suites({arm: policy or run.base})
        items = {suite: Run(run.folder).suite_items(suite, arm) for suite in told}
    figures = {
        f"{suite} {name}": values for suite, by_name in items.items() for name, values in by_name.items()
    }
    numbers = {
        f"{suite} {metric['name']}": float(metric["value"])
        for suite, metrics in told.items()
        for metric in metrics
    }
    return replace(found, figures={**found.figures, **figures}, numbers={**found.numbers, **numbers})


def _suites(campaign: Campaign) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = campaign.arms.config.get("suite", ())
    return found


@dataclass(frozen=True, slots=True)
class Answers:
    """K graded responses to each of Q questions, (Q, K); tokens: of one on average; truncated: a share."""

    ids: Sequence[str]
    right: NDArray[bool_]
    tokens: float
    truncated: float

    @property
    def right_share(self) -> float:
        """The share of right responses."""
        return float(self.right.mean())

    def accuracy(self) -> dict[str, float]:
        """Return each question's share of right responses by its id."""
        return dict(zip(self.ids, map(float, self.right.mean(axis=1)), strict=True))


def _answers(
    campaign: Campaign,
    part: Part,
    arm: str,
    seed: int,
    policy: ModelRef | None,
    temperature: float,
    responses: int = _BEST_RESPONSES,
) -> Answers:
    """Sample a policy on a part's questions at one temperature, and grade what it says.

    responses: a question. Greedy ones are all alike: two then.
    """
    count = _GREEDY_RESPONSES if temperature == GREEDY else responses
    generator = {"temperature": temperature, "responses": count}
    by_id = {one.id: one for one in part.questions}
    with _asked(campaign, part, arm, seed, generator) as run:
        groups = list(run.sample(policy=policy))
    said = [response for group in groups for response in group.responses]
    right = [
        [by_id[group.prompt.id].is_right(response.text) for response in group.responses] for group in groups
    ]
    return Answers(
        [group.prompt.id for group in groups],
        np.array(right, dtype=bool),
        float(np.mean([len(one.token_ids) for one in said])),
        float(np.mean([one.finish_reason == "length" for one in said])),
    )


def _together(
    campaign: Campaign, arm: str, seed: int, policy: ModelRef | None
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return what K responses at the pairs' own temperature reach together, by question: whether any is
    right, and whether the majority is; and how well U tells right from wrong ones."""
    part = campaign.last
    with _asked(campaign, part, arm, seed, {"temperature": _WARM}) as run:
        scores = scored_questions(run, run.sample(policy=policy), part.questions)
    ids = [one.id for one in part.questions]
    rows = scores.by_question()
    figures = {
        ANY_OF_K: dict(zip(ids, (float(scores.right[row].any()) for row in rows), strict=True)),
        MAJORITY: dict(zip(ids, map(float, scores.majority_right()), strict=True)),
    }
    resamples = Resamples.draw(len(rows), SEED, resamples=2)
    told = pooled(scores.columns[AGGREGATE], scores.right, scores.question_index, resamples)
    return figures, {f"U {metric.name}": metric.value for metric in told}


def _asked(
    campaign: Campaign, part: Part, arm: str, seed: int, generator: Mapping[str, Any]
) -> AbstractContextManager[OpenRun]:
    """Open the run that asks a policy a part's questions, without voters."""
    config = campaign.arms.configured(seed, part.questions, {**generator, "voters": 0})
    name = f"{part.name}-{arm}-t{generator['temperature']:g}-s{seed}"
    if part is campaign.dev:
        name = f"tune-{arm}-t{generator['temperature']:g}-s{seed}"
    return campaign.arms.steps.run(config, name)
