"""A planted task in which it matters when a pair is trained on: facts, learnt from pairs that may be wrong.

Each subject has a right answer, drawn by the task's seed. A prompt is a few letters and a subject, its
responses are two ways to say each of two answers. A pair's gap says how likely it is to be right over wrong
(`SHARES`), as gaps of real pairs do; under `follows_gap = false` it says nothing. In a TOML these are
`tests.ordered:Answers` ([generator]), `tests.ordered:Doubts` ([[dimension]]), `tests.ordered:Facts`
([[suite]]).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray
from pydantic import Field

from udasa_core import (
    CausalLM,
    Column,
    Group,
    Message,
    Metric,
    ModelRef,
    Options,
    Plugin,
    Prompt,
    Response,
    SamplingOptions,
    SuiteReport,
    content_key,
    hookimpl,
)

SUBJECTS = "ABCDEFGH"
PAIRS = 240
ANSWERS = ("Y", "y", "N", "n")
# Which sides of a pair are right (chosen, rejected), and how often that is so in the third with the largest
# gaps, in the middle one, and in the third with the smallest. Of a real model's pairs 69% to 90% of the first
# third were right over wrong and 23% to 33% of the last, of which the chosen one was wrong in 41% to 52%.
_SIDES = ((True, False), (False, True), (True, True), (False, False))
SHARES = ((0.85, 0.03, 0.06, 0.06), (0.50, 0.18, 0.16, 0.16), (0.26, 0.26, 0.24, 0.24))


class TaskOptions(Options):
    """Which task it is."""

    seed: int = Field(0, description="Draws the right answers and which pairs are what.")
    follows_gap: bool = Field(True, description="Whether pairs of a larger gap are more often right.")


class Answers(Plugin):
    """The generator: all four answers to every prompt, a token each."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        lm = self.resources.causal_lm(policy)
        responses = tuple(
            Response(answer, (token,), (-1.0,), (-1.0,), (1.0,), "length")
            for answer, token in zip(ANSWERS, _tokens(lm), strict=True)
        )
        return [
            Group(prompt, tuple(lm.render(prompt.messages, "plain")), responses, policy.key)
            for prompt in prompts
        ]


class Doubts(Plugin):
    """The dimension: one answer is certain and one doubtful, drawn by prompt; the others lie between."""

    Options = TaskOptions
    options: TaskOptions

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(map(self._scores, groups)))

    def _scores(self, group: Group) -> tuple[float, ...]:
        drawn = np.random.default_rng([self.options.seed, int(content_key(group.prompt.id, length=8), 16)])
        clarity = drawn.random()
        any_third = int(drawn.integers(3))
        third = 2 - int(3 * clarity) if self.options.follows_gap else any_third
        sides = _SIDES[drawn.choice(len(_SIDES), p=SHARES[third])]
        rights = right_answers(self.options.seed, group.prompt.messages[-1].content[-1])
        kinds = {truth: drawn.permutation(np.flatnonzero(rights == truth)) for truth in (True, False)}
        # Where both sides are right, or both wrong, they are the two ways to say it.
        chosen, rejected = kinds[sides[0]][0], kinds[sides[1]][1]
        scores = np.full(len(ANSWERS), 0.5)
        scores[chosen] -= 0.05 + 0.4 * clarity
        scores[rejected] += 0.05 + 0.4 * clarity
        return tuple(scores.tolist())


class Facts(Plugin):
    """The suite: has the policy learnt the right answers? Four prompts a subject, none of them trained on.

    accuracy: the share in which the log-odds of the right answer against the wrong one are above the base's.
    log_odds: by how much, the mean in nats.
    """

    Options = TaskOptions
    options: TaskOptions

    @property
    def fingerprint(self) -> str:
        """The base, with which a policy is compared."""
        return str(self.resources.base.key)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        drawn = np.random.default_rng([self.options.seed, 1])
        others = drawn.choice(_fillings()[PAIRS:], 4 * len(SUBJECTS), replace=False)
        prompts = [filling + subject for filling, subject in zip(others, 4 * SUBJECTS, strict=True)]
        gained = self._log_odds(policy, prompts) - self._log_odds(self.resources.base, prompts)
        figures = {"accuracy": float(np.mean(gained > 0)), "log_odds": float(np.mean(gained))}
        metrics = tuple(Metric(name, value, value, value, len(prompts)) for name, value in figures.items())
        rows = [
            {"prompt": prompt, "gained": gain} for prompt, gain in zip(prompts, gained.tolist(), strict=True)
        ]
        return SuiteReport(self.name, policy, metrics, tuple(rows))

    def _log_odds(self, policy: ModelRef, prompts: Sequence[str]) -> NDArray[float64]:
        import torch

        lm = self.resources.causal_lm(policy)
        ids = torch.tensor([lm.render([Message("user", prompt)], "plain") for prompt in prompts])
        with torch.no_grad():
            logprobs = lm.model(ids).logits[:, -1].double().log_softmax(-1)[:, _tokens(lm)].numpy()
        odds = []
        for prompt, row in zip(prompts, logprobs, strict=True):
            rights = right_answers(self.options.seed, prompt[-1])
            odds.append(np.logaddexp.reduce(row[rights]) - np.logaddexp.reduce(row[~rights]))
        return np.array(odds)


def right_answers(seed: int, subject: str) -> NDArray[np.bool_]:
    """Say of each of `ANSWERS` whether it is right of a subject."""
    is_yes = int(content_key(seed, subject, length=8), 16) % 2 == 0
    return np.array([(answer in "Yy") == is_yes for answer in ANSWERS])


def configuration(
    folder: Path, model: Path, seed: int, stages: Mapping[str, Any], trainer: Mapping[str, Any], **task: Any
) -> dict[str, Any]:
    """Return the task as a configuration, a pair a prompt; its prompts lie in `folder`."""
    file = folder / "prompts.jsonl"
    if not file.exists():
        prompts = zip(_fillings()[:PAIRS], PAIRS // len(SUBJECTS) * SUBJECTS, strict=True)
        rows = [
            {"id": f"p{number}", "prompt": filling + subject}
            for number, (filling, subject) in enumerate(prompts)
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {"seed": seed, **task}
    return {
        "run": {"seed": seed, "held_out": 0.0, "shard_size": PAIRS},
        "model": {"source": f"file:{model}", "dtype": "float32", "device": "cpu"},
        "prompts": {"source": f"file:{file}"},
        "controls": {"source": ""},
        "generator": {"use": "tests.ordered:Answers", "responses": len(ANSWERS)},
        "dimension": [{"use": "tests.ordered:Doubts", **task}],
        "calibration": {"use": "none"},
        "aggregation": {"use": "mean"},
        "pairing": {"use": "extremes"},
        "stages": dict(stages),
        "trainer": dict(trainer),
        "suite": [{"use": "tests.ordered:Facts", "name": "facts", **task}],
    }


def _tokens(lm: CausalLM) -> list[int]:
    return [lm.tokenizer.encode(answer)[0] for answer in ANSWERS]


def _fillings() -> list[str]:
    """Return all 512 beginnings of a prompt, in an order of no meaning: those of pairs, then the others."""
    letters = map("".join, product("bdfgjkpq", repeat=3))
    return np.random.default_rng(0).permutation(list(letters)).tolist()
