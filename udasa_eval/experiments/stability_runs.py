"""The run of `udasa experiment stability`: one set of responses, read by one checkpoint after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float64, int64, intp
from numpy.typing import NDArray

from udasa_core import ModelRef, OpenRun, Sampled, Scored, Steps, UdasaError, resolve_model
from udasa_eval.experiments.measuring import AGGREGATE, number_of, seed_of
from udasa_eval.experiments.pairs import extremes
from udasa_eval.experiments.stability_figures import Choice, Reading, Stability, compared

AS_CONFIGURED = "pairs as configured"
ITSELF = "base, other voters"


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads the base's responses: further models by their sources, and the policies that training leaves.

    repeats: the draws of voters of each reader.
    """

    models: Sequence[str] = ()
    repeats: int = 2
    trained: bool = True


def measure_stability(config: Mapping[str, Any], steps: Steps, readers: Readers) -> tuple[Stability, ...]:
    """Return for each reader, the base with other voters first, how far its pairs are the base's.

    The run's manifest has each reader's warnings as `stability`. Raises UdasaError where nobody but the base
    would read, and what training raises.
    """
    if not (readers.models or readers.trained):
        raise UdasaError("nobody reads but the base: name --models, or leave --trained true")
    seed = seed_of(config)
    with steps.run(config, "readings") as run:
        pool = run.sample()
        scored = run.score(pool)
        first = _reading(run, scored)
        floor = _read_again(run, pool, scored, run.base, readers.repeats)
        found = [compared(ITSELF, first, floor, floor, seed)]
        for name, policy in _policies(run, scored, readers):
            read = _read_again(run, pool, scored, policy, readers.repeats)
            found.append(compared(name, first, read, floor, seed))
        run.tell(stability={one.reader: list(one.warned) for one in found})
    return tuple(found)


def _policies(run: OpenRun, scored: Scored, readers: Readers) -> Iterator[tuple[str, ModelRef]]:
    if readers.trained:
        for report in run.train(run.stage(run.pair(scored))):
            if not report.skipped:
                yield report.stage, report.policy
    for source in readers.models:
        yield source, resolve_model(source, root=Path(), device=run.base.device)


def _read_again(
    run: OpenRun, pool: Sampled, scored: Scored, policy: ModelRef, repeats: int
) -> tuple[Reading, ...]:
    """Have a policy read the pool with fresh voters, by the base's calibration, once for each draw."""
    draws = (run.reread(pool, policy, draw=draw) for draw in range(1, repeats + 1))
    return tuple(_reading(run, run.score(again, calibrated_as=scored)) for again in draws)


def _reading(run: OpenRun, scored: Scored) -> Reading:
    """Return what each column pairs, its extremes, and what the configuration's pairing and stages make."""
    # Of each prompt its texts, numbered: equal ones are one.
    prompts: dict[str, dict[str, int]] = {}
    told: dict[str, list[float]] = {}
    which: list[int] = []
    rows: list[NDArray[intp]] = []
    for group, scores in scored:
        numbers = prompts.setdefault(group.prompt.id, {})
        texts = [response.text for response in group.responses]
        rows.append(np.arange(len(which), len(which) + len(texts)))
        which += [numbers.setdefault(text, len(numbers)) for text in texts]
        for name, column in {AGGREGATE: scores.U, **scores.raw}.items():
            told.setdefault(name, []).extend(map(number_of, column))
    columns = {name: np.array(values) for name, values in told.items()}
    reading = {AS_CONFIGURED: _configured(run, scored, prompts)}
    return reading | {name: _extremes(values, rows, np.array(which)) for name, values in columns.items()}


def _extremes(values: NDArray[float64], rows: Sequence[NDArray[intp]], which: NDArray[int64]) -> Choice:
    """Return the pairs of a column's extremes; `which` numbers each response's text within its prompt."""
    # Numbers stand for texts: only whether two are equal counts.
    picked = extremes(values, rows, [str(number) for number in which])
    made = picked[:, 0] >= 0
    chosen, rejected = (np.where(made, which[side], -1) for side in picked.T)
    gaps = np.where(made, values[picked[:, 1]] - values[picked[:, 0]], np.nan)
    return Choice(chosen, rejected, gaps, np.full(len(rows), -1))


def _configured(run: OpenRun, scored: Scored, prompts: Mapping[str, Mapping[str, int]]) -> Choice:
    at = {prompt: number for number, prompt in enumerate(prompts)}
    chosen, rejected, stages = (np.full(len(at), -1) for _ in range(3))
    gaps = np.full(len(at), np.nan)
    paired = run.pair(scored)
    for pair in paired:
        place, texts = at[pair.prompt.id], prompts[pair.prompt.id]
        chosen[place], rejected[place] = texts[pair.chosen.text], texts[pair.rejected.text]
        gaps[place] = np.nan if pair.gap is None else pair.gap
    if (chosen >= 0).any():
        for number, staged in enumerate(run.stage(paired)):
            for pair in staged:
                stages[at[pair.prompt.id]] = number
    return Choice(chosen, rejected, gaps, stages)
