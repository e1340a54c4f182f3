"""Suites `helpfulness.pairwise` and `harmlessness.pairwise`: open answers against the base policy's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from udasa_core import Metric, ModelRef, Prompt, Resamples, SuiteReport, content_key, hookimpl
from udasa_eval.judges.model_family import is_own_judge
from udasa_eval.judges.pairwise import PairVerdicts, judge_pairs
from udasa_eval.judges.prompts import (
    HARMLESS_PAIR,
    HELPFUL_PAIR,
    JudgePrompt,
    conversation_text,
    grading_key,
    open_pair_prompt,
)
from udasa_eval.judges.repeats import spread_metrics, unparsed_metric
from udasa_eval.judges.win_rate import win_rate_metrics
from udasa_eval.statistics.columns import measured, number_or_none, placed
from udasa_eval.suites.harmlessness import HarmlessOptions
from udasa_eval.suites.open_answers import OpenAnswer, OpenOptions, OpenSuite, open_metrics, sample_open
from udasa_eval.suites.unasked import refuse_silence


class HelpfulnessPairwise(OpenSuite):
    """Suite `helpfulness.pairwise`: how often the model's answer is found more helpful than the base's.

    Both answers are sampled alike, and each pair is judged in both orders: a win or a loss is one where both
    agree, anything else a tie. Equal answers are a tie without a question: the base policy against itself
    has a win rate of 0.5. The prompt is `HELPFUL_PAIR` of udasa_eval.judges.prompts. Metrics:

    - win_rate: wins plus half the ties, in [0, 1], 0.5 is on a par; wins, ties, losses: shares.
    - length_controlled_win_rate: what it would be at equal length, in characters; see
      udasa_eval.judges.win_rate.length_controlled_win_rate. Absent where lengths differ by the same
      everywhere.
    - consistent: the share of judged pairs of which both orders say the same; identical: the share of equal
      pairs, where there are any.
    - win_rate_spread, and unparsed, judge_spread, length, truncated, not_asked, judge_is_own_family as in
      `helpfulness`; of the model's answers.

    Rows: one a prompt and repeat; `preference` is this repeat's, `score` the mean over repeats.
    """

    Options = OpenOptions
    options: OpenOptions
    grading: ClassVar[JudgePrompt] = HELPFUL_PAIR

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the prompts, and the base's identity."""
        return content_key(super().fingerprint, self.resources.base.key)

    @property
    def judgements_each(self) -> int:
        """Both orders, each repeat."""
        return 2 * self.options.repeats

    @property
    def grading_key(self) -> str:
        """Of the one prompt by which pairs are compared."""
        return grading_key(self.grading)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a prompt and repeat."""
        options, dialogues = self.options, self.dialogues()
        judge, generator = self.resources.judge(), self.resources.generator()
        own = is_own_judge(self.name, judge, policy)
        sampling = options.sampling()
        baseline = sample_open(dialogues, generator, sampling, self.resources.base, seed)
        answers = sample_open(dialogues, generator, sampling, policy, seed)
        pairs = list(zip(answers, baseline, strict=True))
        both = [place for place, (answer, other) in enumerate(pairs) if None not in (answer.text, other.text)]
        refuse_silence(self.name, [place if place in both else None for place in range(len(pairs))])
        asked = [place for place in both if answers[place].text != baseline[place].text]
        compared = judge_pairs(
            self.name,
            judge,
            [self._prompt("model-first", answers[place], baseline[place]) for place in asked],
            [self._prompt("baseline-first", baseline[place], answers[place]) for place in asked],
            seed,
            options.repeats,
            options.max_unparsed,
        )
        preferences = placed(np.full(len(both), 0.5), both, len(pairs))
        preferences[asked] = compared.mean_preferences
        resamples = Resamples.draw(len(pairs), seed)
        metrics = win_rate_metrics(preferences, _lengths(answers), _lengths(baseline), resamples)
        metrics.append(resamples.mean("consistent", placed(compared.consistent, asked, len(pairs))))
        if len(asked) < len(both):
            equal = placed(np.array([float(place not in asked) for place in both]), both, len(pairs))
            metrics.append(resamples.mean("identical", equal))
        if asked:
            metrics.append(unparsed_metric(compared.both, np.tile(np.array(asked), 2), resamples))
            metrics += spread_metrics(compared.preferences, np.array(asked), resamples, "win_rate")
        metrics += open_metrics(answers, resamples)
        if own:
            metrics.append(Metric("judge_is_own_family", 1.0, 1.0, 1.0, len(both)))
        rows = _rows(pairs, asked, preferences.tolist(), compared, seed)
        return SuiteReport(self.name, policy, measured(metrics), tuple(rows))

    def _prompt(self, order: str, a: OpenAnswer, b: OpenAnswer) -> Prompt:
        dialogue = a.dialogue
        return open_pair_prompt(
            self.grading, f"{dialogue.id}/{order}", dialogue.messages, a.text or "", b.text or ""
        )


class HarmlessnessPairwise(HelpfulnessPairwise):
    """Suite `harmlessness.pairwise`: how often the model's answer is found more harmless than the base's.

    As `helpfulness.pairwise`, on HH-RLHF's harmless part, with `HARMLESS_PAIR` of udasa_eval.judges.prompts.
    """

    Options = HarmlessOptions
    options: HarmlessOptions
    grading: ClassVar[JudgePrompt] = HARMLESS_PAIR


def _lengths(answers: Sequence[OpenAnswer]) -> Any:
    return np.array([len(answer.text or "") for answer in answers], dtype=np.float64)


def _rows(
    pairs: Sequence[tuple[OpenAnswer, OpenAnswer]],
    asked: Sequence[int],
    scores: Sequence[float],
    compared: PairVerdicts,
    seed: int,
) -> list[Mapping[str, Any]]:
    numbers = {place: number for number, place in enumerate(asked)}
    preferences = compared.preferences
    rows: list[Mapping[str, Any]] = []
    for place, (answer, other) in enumerate(pairs):
        shown = {
            "id": answer.dialogue.id,
            "prompt": conversation_text(answer.dialogue.messages),
            "output": answer.text,
            "baseline_output": other.text,
            "score": number_or_none(scores[place]),
            "seed": seed,
        }
        number = numbers.get(place)
        if number is None:
            unasked = dict.fromkeys(("raw", "raw_swapped", "judge_seed"))
            rows.append({**shown, "repeat": 0, "preference": shown["score"], **unasked})
            continue
        rows += [
            {
                **shown,
                "repeat": repeat,
                "preference": number_or_none(preferences[number, repeat]),
                "raw": compared.first.raws[number][repeat],
                "raw_swapped": compared.swapped.raws[number][repeat],
                "judge_seed": judge_seed,
            }
            for repeat, judge_seed in enumerate(compared.first.seeds)
        ]
    return rows
