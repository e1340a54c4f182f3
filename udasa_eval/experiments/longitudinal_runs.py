"""The runs of `udasa experiment longitudinal`: the rounds, and labelled questions to what each left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples, Run, Scored, Steps
from udasa_eval.experiments.measuring import AGGREGATE, evenly, labelled_scores, seed_of, with_prompts
from udasa_eval.experiments.signal_report import Condition
from udasa_eval.experiments.within import within_auroc
from udasa_eval.labelled.sets import Question, factual, questions_file

BASE = "base"
# The figures of a policy on labelled questions: which end is better, where one is.
FIGURES: Mapping[str, str] = {
    "accuracy": "higher",
    "any of K": "higher",
    "majority": "higher",
    "AUROC of U": "higher",
    "single cluster": "lower",
    "entropy": "",
    "length": "",
    "refusals": "",
    "truncated": "lower",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One policy on the questions: "base", or "round 2".

    values: by figure each question's, (Q,), NaN where it has none. metrics: their means. changes: of the
    same question's values less the base's; none of the base.
    """

    name: str
    values: Mapping[str, NDArray[float64]]
    metrics: Mapping[str, Metric]
    changes: Mapping[str, Metric]


@dataclass(frozen=True, slots=True)
class LongRun:
    """A run of several rounds, and what was asked of the base and of what each round left, in order."""

    run: Run
    condition: Condition
    asked: tuple[Asked, ...]


def measure_rounds(config: Mapping[str, Any], steps: Steps, *, rounds: int, limit: int) -> LongRun:
    """Make the rounds of a configuration, and ask the policy of each one `limit` questions of the dev part.

    Responses and voters are as many as [generator] says, and so is the temperature; U of every policy is by
    the base's calibration. A round that left the policy as it was is not asked. Raises what training raises.
    """
    run = steps.align({**config, "rounds": {**config.get("rounds", {}), "count": rounds}}, "rounds")
    questions = evenly(factual("dev"), limit)
    plain = with_prompts(config, questions_file(steps.folder / "prompts", questions), {})
    resamples = Resamples.draw(len(questions), seed_of(config))
    policies = {BASE: BASE}
    policies |= {f"round {one['round'] + 1}": str(one["after"]) for one in run.transitions("round")}
    first: Scored | None = None
    asked: list[Asked] = []
    for name, label in policies.items():
        with steps.run(plain, f"questions-{name.replace(' ', '-')}") as questioned:
            scored = questioned.score(questioned.sample(policy=run.policy(label)), calibrated_as=first)
            first = first or scored
            values = by_question(scored, questions)
        metrics = {figure: resamples.mean(figure, column) for figure, column in values.items()}
        changes = {
            figure: resamples.mean(figure, column - asked[0].values[figure])
            for figure, column in (values.items() if asked else ())
        }
        asked.append(Asked(name, values, metrics, changes))
    generator = config["generator"]
    condition = Condition(
        "factual-dev",
        float(generator.get("temperature", 0.7)),
        int(generator.get("responses", 8)),
        int(generator.get("voters", 0)),
    )
    return LongRun(run, condition, tuple(asked))


def by_question(scored: Scored, questions: Sequence[Question]) -> dict[str, NDArray[float64]]:
    """Return the figures of each question, (Q,) each, in the order of `FIGURES`; NaN where there is none, and
    for a question that the generator refused."""
    by_id = {question.id: question for question in questions}
    asked = {question.id: question.question for question in questions}
    scores = labelled_scores(scored, lambda prompt, _, text: by_id[prompt].is_right(text), asked)
    rows = scores.by_question()
    auroc, _ = within_auroc(scores.columns[AGGREGATE][:, None], scores.right, rows)
    groups = [group for group, _ in scored]
    single = [np.nan if one.agreement is None else float(one.is_single) for one in scored.agreement()]
    entropy = [
        np.mean([value for one in group.responses for value in one.entropies or (np.nan,)])
        for group in groups
    ]
    found = {
        "accuracy": [scores.right[row].mean() for row in rows],
        "any of K": [scores.right[row].any() for row in rows],
        "majority": scores.majority_right(),
        "AUROC of U": auroc[:, 0],
        "single cluster": single,
        "entropy": entropy,
        "length": [scores.tokens[row].mean() for row in rows],
        "refusals": [scores.refusal[row].mean() for row in rows],
        "truncated": [scores.truncated[row].mean() for row in rows],
    }
    place = {question.id: number for number, question in enumerate(questions)}
    places = [place[group.prompt.id] for group in groups]
    values = {}
    for name in FIGURES:
        values[name] = np.full(len(questions), np.nan)
        values[name][places] = np.asarray(found[name], dtype=float64)
    return values
