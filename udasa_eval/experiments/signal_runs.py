"""The runs of `udasa experiment signal`: one a temperature, and one a contrast set."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from udasa_core import Cost, OpenRun, Steps, UdasaError, content_key
from udasa_eval.experiments.direction import Direction, directions
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import (
    labelled_scores,
    recorded,
    scored_questions,
    seed_of,
    with_prompts,
)
from udasa_eval.experiments.signal_report import Condition, SignalReport, measure
from udasa_eval.labelled.sets import (
    Contrast,
    Labelled,
    Question,
    contrasts,
    labelled,
    prompts_file,
    questions,
    questions_file,
)

# The parts of the factual set that defaults may be chosen on, and the one that is reported.
PARTS: Mapping[str, tuple[str, ...]] = {"dev": ("train", "dev"), "test": ("test",)}
# What the better and the worse answer of a contrast set are called.
CONTRASTS: Mapping[str, tuple[str, str]] = {"values": ("safe", "unsafe"), "open_ended": ("good", "generic")}
# The policy's own answers beside the two written ones, and their token budget.
_OWN_ANSWERS, _OWN_TOKENS = 4, 64


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure: a configuration (plain data) and the steps to measure it by.

    temperatures: sampled anew each. sizes, voters: numbers of responses K, and of voters that they are
    compared with besides, the smaller ones taken from the largest.
    """

    config: Mapping[str, Any]
    steps: Steps
    temperatures: Sequence[float]
    sizes: Sequence[int]
    voters: Sequence[int] = (0,)

    @property
    def seed(self) -> int:
        """The configuration's seed, which draws the bootstrap too."""
        return seed_of(self.config)


def on_sets(asked: Asked, part: str, sets: Sequence[str] = ("factual",)) -> tuple[SignalReport, ...]:
    """Measure the signal on the bundled sets' `part`: "dev" for choosing, "test" for reporting.

    One report a set of questions, temperature and K; directions on the contrast sets stand in the first.
    Raises UsageError where a set has no question in that part.
    """
    reports = [
        report
        for number, name in enumerate(sets)
        for temperature in asked.temperatures
        for report in _on_questions(
            asked, _of_part(name, part), f"{name}-{part}", temperature, with_costs=not number
        )
    ]
    found = [
        one
        for name in CONTRASTS
        for one in _on_contrasts(asked, name, contrasts(name, part), f"{name}-{part}")
    ]
    return (replace(reports[0], directions=tuple(found)), *reports[1:])


def _of_part(name: str, part: str) -> tuple[Question, ...]:
    found = questions(name, *PARTS[part])
    if not found:
        raise UdasaError(f"the set {name} has no questions for {part}; it is for test: --part test")
    return found


def on_file(asked: Asked, data: Path) -> tuple[SignalReport, ...]:
    """Measure the signal on a user's labelled responses: JSONL of prompt, responses, labels."""
    return (_on_labelled(asked, labelled(data), data.stem),)


def _on_questions(
    asked: Asked, questions: Sequence[Question], name: str, temperature: float, *, with_costs: bool
) -> list[SignalReport]:
    """Sample the most of responses and voters once, then measure each number on the first of these."""
    prompts = questions_file(asked.steps.folder / "prompts", questions)
    generator = {
        "temperature": float(temperature),
        "responses": max(asked.sizes),
        "voters": max(asked.voters),
    }
    config = with_prompts(asked.config, prompts, generator)
    found: list[SignalReport] = []
    with asked.steps.run(config, f"{name}-t{temperature:g}") as run:
        whole = run.sample()
        for size, voters in itertools.product(sorted(asked.sizes), sorted(asked.voters)):
            taken = run.heard_by(whole if size == max(asked.sizes) else run.first(whole, size), voters)
            scores = scored_questions(run, taken, questions)
            condition = Condition(name, float(temperature), size, voters)
            # A dimension costs the same a response whatever the temperature, and nearly so whatever K.
            is_first = temperature == asked.temperatures[0] and size == min(asked.sizes)
            costs = run.costs(taken) if is_first and with_costs else {}
            found.append(_report(asked, run, scores, condition, costs))
    return found


def _on_labelled(asked: Asked, items: Sequence[Labelled], name: str) -> SignalReport:
    prompts = prompts_file(
        asked.steps.folder / "prompts",
        [{"id": one.id, "prompt": one.prompt, "responses": list(one.responses)} for one in items],
    )
    most = max(len(one.responses) for one in items)
    plain = {**asked.config, "generator": recorded(asked.config, prompts, most)}
    labels = {one.id: one.labels for one in items}
    asked_for = {one.id: one.prompt for one in items}
    with asked.steps.run(with_prompts(plain, prompts, {}), f"labelled-{name}") as run:
        sampled = run.sample()
        scores = labelled_scores(
            run.score(sampled), lambda prompt, index, _: labels[prompt][index], asked_for
        )
        return _report(asked, run, scores, Condition(name, float("nan"), most), run.costs(sampled))


def _on_contrasts(asked: Asked, set_name: str, items: Sequence[Contrast], name: str) -> tuple[Direction, ...]:
    """Score the written answers among a few of the policy's own, and say which each column prefers."""
    prompts = questions_file(asked.steps.folder / "prompts", items)
    generator = {"responses": _OWN_ANSWERS, "max_new_tokens": _OWN_TOKENS}
    with asked.steps.run(with_prompts(asked.config, prompts, generator), name) as run:
        written = run.with_written(run.sample(), {one.id: (one.better, one.worse) for one in items})
        scores = labelled_scores(run.score(written), lambda _, index, __: index == 0, {})
        each = _OWN_ANSWERS + 2
        better = {column: values[0::each] for column, values in scores.columns.items()}
        worse = {column: values[1::each] for column, values in scores.columns.items()}
    return directions(set_name, better, worse, names=CONTRASTS[set_name], seed=asked.seed)


def _report(
    asked: Asked, run: OpenRun, scores: LabelledScores, condition: Condition, costs: Mapping[str, Cost]
) -> SignalReport:
    seed = int(content_key(asked.seed, "signal", length=8), 16)
    return measure(scores, condition, dimensions=list(run.weights), costs=costs, seed=seed)
