"""Suite `mt-bench.pairwise`: MT-Bench answers against a baseline's, judged in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import Field

from udasa_core import (
    Metric,
    ModelRef,
    Prompt,
    Resamples,
    SuiteReport,
    UdasaError,
    content_key,
    file_digest,
    hookimpl,
)
from udasa_eval.judges.model_family import is_own_judge
from udasa_eval.judges.pairwise import PairVerdicts, judge_pairs
from udasa_eval.judges.prompts import PAIR, grading_key, pair_prompt
from udasa_eval.judges.repeats import spread_metrics, unparsed_metric
from udasa_eval.mt_bench.answers import TURNS, BenchAnswers, given_answers, sample_answers
from udasa_eval.mt_bench.bench import BenchOptions, BenchSuite
from udasa_eval.mt_bench.data import read_answers
from udasa_eval.mt_bench.metrics import answer_metrics, turn_mean, turn_table
from udasa_eval.statistics.columns import measured, number_or_none


class MTBenchPairwise(BenchSuite):
    """Suite `mt-bench.pairwise`: how often a judge prefers the model's answers to a baseline's.

    Prompts are FastChat's, byte for byte: pair-v2 and pair-math-v1, each also in its multi-turn form. Each
    pair is judged in both orders: a win or a loss is one where both agree, anything else a tie (FastChat).
    Equal answers are a tie without a question: the base policy against itself has a win rate of 0.5. Metrics:

    - win_rate: wins plus half the ties over both turns, in [0, 1], 0.5 is on a par; win_rate_turn_1,
      win_rate_turn_2, win_rate_{category}; wins, ties, losses: shares.
    - consistent: the share of judged pairs of which both orders say the same; identical: the share of equal
      pairs, where there are any.
    - unparsed, judge_spread, win_rate_spread, truncated, not_asked, judge_is_own_family: as in `mt-bench`.

    Rows: one a question, turn and repeat; `preference` is this repeat's, `score` the mean over repeats.

    Source: Zheng et al. (2023, arXiv 2306.05685, sections 3.1 and 3.4); FastChat, llm_judge.
    """

    class Options(BenchOptions):
        """Which questions and which baseline, how they are answered, and how they are judged."""

        baseline: str = Field(
            default="",
            description="The baseline's answers: a JSONL of FastChat's model_answer layout "
            '("file:gpt-3.5-turbo.jsonl"). Empty: the run\'s base policy answers.',
        )

    options: Options

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the files, and the baseline's identity: a source is only a name."""
        given = self.options.baseline
        baseline = file_digest(self.resources.data(given)) if given else self.resources.base.key
        return content_key(self._bench.digest, baseline)

    @property
    def judgements_each(self) -> int:
        """Both orders of each turn, each repeat."""
        return 2 * self.options.repeats

    @property
    def grading_key(self) -> str:
        """Of the file's prompts for two answers."""
        return grading_key(*(self._bench.judge_prompts[name] for name in PAIR.values()))

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a question, turn and repeat."""
        options, questions = self.options, self._bench.questions
        judge = self.resources.judge()
        own = is_own_judge(self.name, judge, policy)
        baseline = self._baseline(seed)
        answers = sample_answers(questions, self.resources.generator(), policy, seed, options.max_new_tokens)
        items = [
            (place, turn)
            for place, (answered, other) in enumerate(zip(answers, baseline, strict=True))
            for turn in TURNS
            if answered.has(turn) and other.has(turn)
        ]
        if not items:
            raise UdasaError(
                f"suite {self.name!r}: no question is answered by both models; lower max_new_tokens, or look "
                "at the baseline's question_id"
            )
        asked = [item for item in items if _shown(answers, item) != _shown(baseline, item)]
        compared = judge_pairs(
            self.name,
            judge,
            [self._prompt("model-first", item, answers, baseline) for item in asked],
            [self._prompt("baseline-first", item, baseline, answers) for item in asked],
            seed,
            options.repeats,
            options.max_unparsed,
        )
        metrics = self._metrics(answers, items, asked, compared, seed)
        if own:
            metrics.append(Metric("judge_is_own_family", 1.0, 1.0, 1.0, len(items)))
        rows = _rows(answers, baseline, asked, compared, seed)
        return SuiteReport(self.name, policy, tuple(metrics), tuple(rows))

    def _baseline(self, seed: int) -> list[BenchAnswers]:
        questions, given = self._bench.questions, self.options.baseline
        if given:
            found = given_answers(questions, read_answers(self.resources.data(given), given))
            missing = [answered.question.id for answered in found if not answered.texts]
            if missing:
                raise UdasaError(
                    f"suite {self.name!r}: {given} lacks {len(missing)} of {len(found)} questions, first "
                    f"question {missing[0]}\n    → give a file with every question_id"
                )
            return found
        generator, base = self.resources.generator(), self.resources.base
        return sample_answers(questions, generator, base, seed, self.options.max_new_tokens)

    def _prompt(
        self, order: str, item: tuple[int, int], a: Sequence[BenchAnswers], b: Sequence[BenchAnswers]
    ) -> Prompt:
        place, turn = item
        question = a[place].question
        return pair_prompt(
            self._bench.judge_prompts,
            f"{question.id}/{turn}/{order}",
            turn,
            question.turns,
            a[place].texts,
            b[place].texts,
            question.references,
        )

    def _metrics(
        self,
        answers: Sequence[BenchAnswers],
        items: Sequence[tuple[int, int]],
        asked: Sequence[tuple[int, int]],
        compared: PairVerdicts,
        seed: int,
    ) -> list[Metric]:
        # The two turns of a question belong together: questions are what is drawn again.
        resamples = Resamples.draw(len(answers), seed)
        table = turn_table(items, np.full(len(items), 0.5), len(answers))
        judged = turn_table(asked, compared.mean_preferences, len(answers))
        was_asked = np.isfinite(turn_table(asked, np.zeros(len(asked)), len(answers)))
        preferences = np.where(was_asked, judged, table)
        known = np.isfinite(preferences)
        categories = np.array([answered.question.category for answered in answers])
        metrics = [turn_mean(resamples, "win_rate", preferences)]
        metrics += [
            turn_mean(resamples, f"win_rate_turn_{turn}", preferences[:, [turn - 1]]) for turn in TURNS
        ]
        for category in dict.fromkeys(categories.tolist()):
            inside = np.where((categories == category)[:, None], preferences, np.nan)
            metrics.append(turn_mean(resamples, f"win_rate_{category}", inside))
        outcomes = {"wins": preferences > 0.5, "ties": preferences == 0.5, "losses": preferences < 0.5}
        for name, are in outcomes.items():
            metrics.append(turn_mean(resamples, name, np.where(known, are.astype(float), np.nan)))
        consistent = turn_table(asked, compared.consistent, len(answers))
        metrics.append(turn_mean(resamples, "consistent", consistent))
        if len(asked) < len(items):
            same = np.where(np.isfinite(table), (~was_asked).astype(float), np.nan)
            metrics.append(turn_mean(resamples, "identical", same))
        if asked:
            clusters = np.array([place for place, _ in asked])
            metrics.append(unparsed_metric(compared.both, np.tile(clusters, 2), resamples))
            metrics += spread_metrics(compared.preferences, clusters, resamples, "win_rate")
        metrics += answer_metrics(answers, resamples)
        return list(measured(metrics))


def _shown(answers: Sequence[BenchAnswers], item: tuple[int, int]) -> tuple[str, ...]:
    """Return what a judge is shown of a model's answers for one turn: the turns up to it."""
    place, turn = item
    return answers[place].texts[:turn]


def _rows(
    answers: Sequence[BenchAnswers],
    baseline: Sequence[BenchAnswers],
    asked: Sequence[tuple[int, int]],
    compared: PairVerdicts,
    seed: int,
) -> list[Mapping[str, Any]]:
    numbers = {item: number for number, item in enumerate(asked)}
    means, preferences = compared.mean_preferences, compared.preferences
    rows: list[Mapping[str, Any]] = []
    for place, (answered, other) in enumerate(zip(answers, baseline, strict=True)):
        for turn in TURNS:
            both = answered.has(turn) and other.has(turn)
            number = numbers.get((place, turn))
            shown = {
                "id": answered.question.id,
                "turn": turn,
                "category": answered.question.category,
                "prompt": answered.question.turns[turn - 1],
                "output": answered.texts[turn - 1] if answered.has(turn) else None,
                "baseline_output": other.texts[turn - 1] if other.has(turn) else None,
                "seed": seed,
            }
            if number is None:
                tie = 0.5 if both else None
                unasked = {"score": tie, "preference": tie, "raw": None, "raw_swapped": None}
                rows.append({**shown, "repeat": 0, **unasked, "judge_seed": None})
                continue
            rows += [
                {
                    **shown,
                    "repeat": repeat,
                    "score": number_or_none(means[number]),
                    "preference": number_or_none(preferences[number, repeat]),
                    "raw": compared.first.raws[number][repeat],
                    "raw_swapped": compared.swapped.raws[number][repeat],
                    "judge_seed": judge_seed,
                }
                for repeat, judge_seed in enumerate(compared.first.seeds)
            ]
    return rows
