"""The arms of `udasa experiment ablation`: runs of the pipeline's own steps over one set of samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from udasa_core import Metric, OpenRun, Resamples, Scored, Steps, UdasaError, content_key
from udasa_eval.experiments.discrimination import discrimination
from udasa_eval.experiments.measuring import AGGREGATE, evenly, labelled_scores, seed_of, with_prompts
from udasa_eval.experiments.pairs import KINDS, PairCounts
from udasa_eval.experiments.signal_report import Condition
from udasa_eval.experiments.signal_runs import PARTS
from udasa_eval.labelled.sets import Question, factual, questions_file

AS_CONFIGURED = "as configured"


@dataclass(frozen=True, slots=True)
class Varied:
    """What is varied, and on what: the experiment's options, which say what each means."""

    part: str = "dev"
    temperatures: Sequence[float] = (0.7,)
    responses: Sequence[int] = (8,)
    voters: Sequence[int] = (0,)
    noise: Sequence[float] = ()
    flips: Sequence[float] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm's figures.

    group: what it varies: "" for the run as it is configured, "alone", "without", "K", "voters",
    "temperature", "noise", "flips". dose: of noise and flips. pairs: by the labels of their sides. accuracy:
    right over wrong among the pairs that differ. auroc: of U, within the question. moved: the share of the
    configured run's pairs that lie in another stage, or in none. Intervals are clustered by question.
    """

    name: str
    group: str
    condition: Condition
    pairs: PairCounts
    accuracy: Metric
    auroc: Metric
    moved: Metric
    dose: float = 0.0


@dataclass(frozen=True, slots=True)
class _Asked:
    config: Mapping[str, Any]
    steps: Steps
    options: Varied
    questions: Mapping[str, Question]

    def condition(
        self, temperature: float | None = None, size: int = 0, voters: int | None = None
    ) -> Condition:
        return Condition(
            f"factual-{self.options.part}",
            float(temperature or self.options.temperatures[0]),
            size or max(self.options.responses),
            max(self.options.voters) if voters is None else voters,
        )


def measure_arms(config: Mapping[str, Any], steps: Steps, options: Varied) -> tuple[Arm, ...]:
    """Measure every arm; the first is the run as it is configured, with the first temperature and the most
    responses and voters."""
    questions = evenly(factual(*PARTS[options.part]), options.limit)
    asked = _Asked(config, steps, options, {one.id: one for one in questions})
    return tuple(_arms(asked))


def _arms(asked: _Asked) -> Iterator[Arm]:
    options, most = asked.options, asked.condition()
    with _run(asked, asked.config, most.temperature, AS_CONFIGURED) as run:
        whole = run.sample()
        scored = run.score(whole)
        stages = _stages(run, scored)

        def arm(
            name: str,
            group: str,
            condition: Condition,
            measured: Scored,
            run: OpenRun = run,
            dose: float = 0.0,
        ) -> Arm:
            return _measured(asked, run, name, group, condition, measured, stages, dose)

        yield arm(AS_CONFIGURED, "", most, scored)
        for size in sorted(set(options.responses) - {most.responses}):
            taken = run.score(run.first(whole, size))
            yield arm(f"K = {size}", "K", replace(most, responses=size), taken)
        for voters in sorted(set(options.voters) - {most.voters}):
            taken = run.score(run.heard_by(whole, voters))
            yield arm(f"{voters} voters", "voters", replace(most, voters=voters), taken)
        for noise in sorted(options.noise):
            yield arm(f"noise {noise:g}", "noise", most, run.disturb(scored, noise=noise), dose=noise)
        for flips in sorted(options.flips):
            yield arm(f"flips {flips:g}", "flips", most, run.disturb(scored, flips=flips), dose=flips)
        weights = dict(run.weights)
    voiced = [name for name, weight in weights.items() if weight]
    for group, names in (("alone", list(weights)), ("without", voiced if len(voiced) > 1 else [])):
        for name in names:
            own = {one: float(one == name) for one in weights} if group == "alone" else {**weights, name: 0.0}
            with _run(asked, _weighted(asked.config, own), most.temperature, f"{group} {name}") as run:
                yield arm(f"{group} {name}", group, most, run.score(run.sample()), run)
    for temperature in options.temperatures[1:]:
        condition = asked.condition(temperature)
        with _run(asked, asked.config, temperature, condition.sampling) as run:
            yield arm(condition.sampling, "temperature", condition, run.score(run.sample()), run)


def _run(asked: _Asked, config: Mapping[str, Any], temperature: float, name: str) -> Any:
    """Open an arm's run: all questions, no bound on how few may pair."""
    most = asked.condition(temperature)
    generator = {
        "temperature": most.temperature,
        "responses": most.responses,
        "voters": most.voters,
    }
    prompts = questions_file(asked.steps.folder / "prompts", list(asked.questions.values()))
    plain = with_prompts(config, prompts, generator)
    plain["trainer"] = {**plain.get("trainer", {}), "min_paired": 0.0}
    # An arm's name may have what a folder's name may not.
    word = "".join(one if one.isalnum() or one in "._-" else "-" for one in name)
    return asked.steps.run(plain, f"{most.set_name}-{word}")


def _weighted(config: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, Any]:
    """Return a configuration with other weights."""
    tables = [
        {**table, "weight": weights[table.get("name", table["use"])]} for table in config.get("dimension", ())
    ]
    return {**config, "dimension": tables}


def _stages(run: OpenRun, scored: Scored) -> dict[str, str]:
    """Return each paired prompt's stage; prompts whose pair is in none are left out."""
    try:
        return {pair.prompt.id: one.stage.name for one in run.stage(run.pair(scored)) for pair in one}
    except UdasaError:  # there is no pair in any stage
        return {}


def _measured(
    asked: _Asked,
    run: OpenRun,
    name: str,
    group: str,
    condition: Condition,
    scored: Scored,
    stages: Mapping[str, str],
    dose: float,
) -> Arm:
    by_id = asked.questions
    at = {prompt: number for number, prompt in enumerate(by_id)}
    scores = labelled_scores(
        scored,
        lambda prompt, _, text: by_id[prompt].is_right(text),
        {one.id: one.question for one in by_id.values()},
    )
    resamples = Resamples.draw(len(at), int(content_key(seed_of(asked.config), "arms", length=8), 16))
    (found,) = discrimination(replace(scores, columns={AGGREGATE: scores.columns[AGGREGATE]}), resamples)
    of = np.zeros((len(at), len(KINDS)), dtype=bool)
    for pair in run.pair(scored):
        question = by_id[pair.prompt.id]
        sides = question.is_right(pair.chosen.text), question.is_right(pair.rejected.text)
        kind = (
            ("inverted" if sides[1] else "both_wrong")
            if not sides[0]
            else ("both_right" if sides[1] else "right_over_wrong")
        )
        of[at[pair.prompt.id], KINDS.index(kind)] = True
    counts = dict(zip(KINDS, of.T, strict=True))
    rightly = counts["right_over_wrong"]
    here = _stages(run, scored)
    moved, staged = np.zeros(len(at)), np.zeros(len(at))
    for prompt, stage in stages.items():
        staged[at[prompt]] = 1.0
        moved[at[prompt]] = float(here.get(prompt) != stage)
    return Arm(
        name,
        group,
        condition,
        PairCounts(*(int(column.sum()) for column in of.T)),
        resamples.ratio("pair_accuracy", rightly, rightly | counts["inverted"]),
        found.metric("within_auroc"),
        resamples.ratio("moved", moved, staged),
        dose,
    )
