"""`udasa experiment premise`: does training on the pairs give more than turning the temperature down?

Policies are trained on pairs of the factual set's training part, each gets its best temperature on the dev
part, and is measured there on the test part, beside everything that costs no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import ModelRef, UdasaError, read_pairs
from udasa_core.api import conduct, load
from udasa_core.running.job import Job
from udasa_core.steps.aggregate import aggregate, fit
from udasa_core.steps.pair import pair
from udasa_core.steps.read import intake
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage
from udasa_core.steps.train import train
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import AGGREGATE, plain_configuration, scored_questions, with_prompts
from udasa_eval.experiments.pairs import KINDS
from udasa_eval.experiments.premise_report import BASE, Measured, Premise, Training
from udasa_eval.experiments.premise_tables import figure, rows, tables
from udasa_eval.experiments.sets import Question, factual, questions_file
from udasa_eval.experiments.signal_report import write_csv

# Where each policy may find its best temperature; the last resort of sampling is none of it.
TEMPERATURES = (0.3, 0.5, 0.7, 1.0)
# Responses a question that choose a policy's best temperature: enough to tell temperatures apart.
TUNING_RESPONSES = 4
# So cold that sampling takes the likeliest token.
_GREEDY = 0.01
# Which kind a pair is of, by whether its chosen and its rejected response are right.
_KIND_OF = dict(zip(((True, False), (True, True), (False, False), (False, True)), KINDS, strict=True))


@dataclass(frozen=True, slots=True)
class Experiment:
    """A configuration without its arms, the arms, where runs lie, and what is measured in the end."""

    raw: Mapping[str, Any]
    arms: Mapping[str, Mapping[str, Any]]
    folder: Path
    part: str


def default_configuration() -> Path:
    """Return the bundled configuration with its arms."""
    return Path(str(files("udasa_eval") / "data" / "premise.toml"))


def measure_premise(
    configuration: Path | None,
    overrides: Sequence[str],
    *,
    folder: Path,
    seeds: int,
    arms: Sequence[str] | None = None,
    part: str = "test",
) -> Premise:
    """Train and measure every arm with every seed; what is in the store is not made again.

    part: "test", or "dev" to look for a recipe without looking at the test part: both are then dev.
    """
    raw = plain_configuration(configuration, overrides, default_configuration())
    offered: Mapping[str, Mapping[str, Any]] = raw.pop("arms", {})
    if not offered or BASE in offered:
        raise UdasaError(f"the configuration names no arm: add [arms.NAME] tables, none of them {BASE!r}")
    unknown = sorted(set(arms or ()) - set(offered))
    if unknown:
        raise UdasaError(f"there is no arm {', '.join(unknown)}; the configuration has {', '.join(offered)}")
    chosen = {name: offered[name] for name in offered if arms is None or name in arms}
    experiment = Experiment(raw, chosen, folder, part)
    first = int(raw.get("run", {}).get("seed", 7))
    trainings: list[Training] = []
    measured: list[Measured] = []
    for seed in range(first, first + seeds):
        measured += _measured(experiment, BASE, seed, None, ladder=seed == first)
        for arm in chosen:
            training, policy = _trained(experiment, arm, seed)
            trainings.append(training)
            measured += _measured(experiment, arm, seed, policy)
    return Premise(part, tuple(chosen), tuple(trainings), tuple(measured))


def write_premise(found: Premise, folder: Path) -> str:
    """Write premise.txt, premise.csv and premise.svg into `folder`; return the text."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(map(str, tables(found))) + "\n"
    (folder / "premise.txt").write_text(text, encoding="utf-8")
    write_csv(folder / "premise.csv", rows(found))
    figure(folder / "premise.svg", found)
    return text


def _trained(experiment: Experiment, arm: str, seed: int) -> tuple[Training, ModelRef]:
    """Train one arm; return what is told of it, and the policy that its last stage left."""
    questions = factual("train")
    by_id = {question.id: question for question in questions}
    raw = _configured(
        experiment, _merged(experiment.raw, experiment.arms[arm]), f"train-{arm}", seed, questions, {}
    )
    found: list[tuple[Training, ModelRef]] = []

    def work(job: Job) -> Mapping[str, Any]:
        groups = sample(job, intake(job).training, job.base)
        columns = score(job, groups)
        scores = aggregate(job, groups, columns, fit(job, columns))
        staged = stage(job, pair(job, groups, scores))
        reports = [one for one in train(job, staged) if not one.skipped]
        counts = dict.fromkeys(KINDS, 0)
        trained = {one.stage for one in reports}
        for one in (one for one in staged if one.stage.name in trained):
            for made in read_pairs(job.store.path("stage", one.pairs)):
                graded = by_id[made.prompt.id]
                sides = graded.is_right(made.chosen.text), graded.is_right(made.rejected.text)
                counts[_KIND_OF[sides]] += 1
        pairs, last = sum(one.pairs for one in reports), reports[-1]
        found.append((Training(arm, seed, pairs, last.metrics, counts), last.policy))
        return {}

    conduct(load(raw), work)
    return found[0]


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
    experiment: Experiment, arm: str, seed: int, policy: ModelRef | None, *, ladder: bool = False
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


def _tuning(experiment: Experiment, arm: str, seed: int, policy: ModelRef | None) -> list[Measured]:
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
    experiment: Experiment,
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
    name = f"{part}-{arm}-t{temperature:g}"
    generator: dict[str, Any] = {"temperature": temperature}
    if responses is not None:
        generator["responses"] = responses
    raw = _configured(experiment, experiment.raw, name, seed, questions, generator)
    found: list[LabelledScores] = []

    def work(job: Job) -> Mapping[str, Any]:
        groups = sample(job, intake(job).training, policy or job.base)
        found.append(scored_questions(job, groups, questions))
        return {}

    conduct(load(raw), work)
    scores = found[0]
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
    experiment: Experiment,
    raw: Mapping[str, Any],
    name: str,
    seed: int,
    questions: Sequence[Question],
    generator: Mapping[str, Any],
) -> dict[str, Any]:
    prompts = questions_file(experiment.folder / "prompts", questions)
    seeded = {**raw, "run": {**raw.get("run", {}), "seed": seed}}
    return with_prompts(seeded, f"{name}-s{seed}", experiment.folder, prompts, generator)
