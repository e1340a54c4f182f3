"""Arms: trainings that differ from one configuration by some keys, each trained on labelled questions.

One footing for every experiment on what training gains: with a seed, all arms share samples and scores as far
as their configurations do, and what was made before is taken from the store.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from udasa_core import ModelRef, OpenRun, Pair, Report, Sampled, Staged, Steps, UdasaError
from udasa_eval.experiments.measuring import with_prompts
from udasa_eval.experiments.pairs import KINDS
from udasa_eval.labelled.sets import Question, questions_file

# The name of the policy that is not trained.
BASE = "base"
# Which kind a pair is of, by whether its chosen and its rejected response are right.
_KIND_OF = dict(zip(((True, False), (True, True), (False, False), (False, True)), KINDS, strict=True))
# An arm's own key, no table of a run: which tokens it needed sampled, "all" or those that were "chosen".
_NEEDS = "needs"


@dataclass(frozen=True, slots=True)
class Training:
    """One arm's training with one seed.

    pairs: how many its stages took. metrics: the last one's figures. composition: how many of these pairs
    were right over wrong, and so on. tokens: sampled for it. seconds: of the call that trained it, 0 where
    that was cut short.
    """

    arm: str
    seed: int
    pairs: int
    metrics: Mapping[str, float]
    composition: Mapping[str, int]
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Arms:
    """A configuration without its arms; the arms, as their keys; the steps to train them by."""

    config: Mapping[str, Any]
    arms: Mapping[str, Mapping[str, Any]]
    steps: Steps

    @classmethod
    def read(cls, config: Mapping[str, Any], steps: Steps, names: Sequence[str] = ()) -> Arms:
        """Take a configuration's [arms.NAME] tables, or those that are named. Raises UdasaError where there
        is none, or none of a name."""
        plain = {key: value for key, value in config.items() if key != "arms"}
        offered: Mapping[str, Mapping[str, Any]] = config.get("arms", {})
        if not offered or BASE in offered:
            raise UdasaError(f"the configuration names no arm: add [arms.NAME] tables, none of them {BASE!r}")
        unknown = sorted(set(names) - set(offered))
        if unknown:
            raise UdasaError(
                f"there is no arm {', '.join(unknown)}; the configuration has {', '.join(offered)}"
            )
        return cls(plain, {name: offered[name] for name in offered if not names or name in names}, steps)

    def configured(
        self,
        seed: int,
        questions: Sequence[Question],
        generator: Mapping[str, Any] | None = None,
        arm: str = BASE,
    ) -> dict[str, Any]:
        """Return the configuration, with an arm's keys on top, of some questions and a seed.

        generator: keys that replace those of [generator].
        """
        keys = {key: value for key, value in self.arms.get(arm, {}).items() if key != _NEEDS}
        config = merged(self.config, keys)
        prompts = questions_file(self.steps.folder / "prompts", questions)
        seeded = {**config, "run": {**config.get("run", {}), "seed": seed}}
        return with_prompts(seeded, prompts, generator or {})

    def train(self, arm: str, seed: int, questions: Sequence[Question]) -> tuple[Training, ModelRef]:
        """Train one arm; return what is told of it, and the policy that its last stage left."""
        by_id = {question.id: question for question in questions}
        config = self.configured(seed, questions, arm=arm)
        with self.steps.run(config, f"train-{arm}-s{seed}") as run:
            sampled = run.sample()
            stages = run.stage(run.pair(run.score(sampled)))
            reports, seconds = _timed(run, stages)
            trained = {one.stage for one in reports}
            pairs = [pair for one in stages if one.stage.name in trained for pair in one]
            chosen = self.arms[arm].get(_NEEDS, "all") == "chosen"
            tokens = _tokens(pairs) if chosen else _sampled_tokens(sampled)
        counts = dict.fromkeys(KINDS, 0)
        for made in pairs:
            graded = by_id[made.prompt.id]
            sides = graded.is_right(made.chosen.text), graded.is_right(made.rejected.text)
            counts[_KIND_OF[sides]] += 1
        taken, last = sum(one.pairs for one in reports), reports[-1]
        return Training(arm, seed, taken, last.metrics, counts, tokens, seconds), last.policy


def merged(raw: Mapping[str, Any], arm: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with an arm's keys on top: a table's other keys stay, an array is replaced.

    A table that uses another plugin inherits nothing: its options are that plugin's own.
    """
    found = dict(raw)
    for key, value in arm.items():
        below = raw.get(key)
        found[key] = value
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            alike = value.get("use", below.get("use")) == below.get("use")
            found[key] = {**below, **value} if alike else value
    return found


def _timed(run: OpenRun, stages: Sequence[Staged]) -> tuple[list[Report], float]:
    """Train the stages; return the reports of those that were trained, and the seconds, as a run remembers
    them."""
    before, began = run.made, time.perf_counter()
    reports = [one for one in run.train(stages) if not one.skipped]
    if run.made > before:
        run.tell(training_seconds=time.perf_counter() - began)
    return reports, float(run.told("training_seconds") or 0.0)


def _tokens(pairs: Sequence[Pair]) -> int:
    return sum(len(pair.chosen.token_ids) for pair in pairs)


def _sampled_tokens(sampled: Sampled) -> int:
    return sum(len(response.token_ids) for group in sampled for response in group.heard)
