"""Suite `mt-bench`: 80 questions of two turns, each answer graded from 1 to 10 by a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from udasa_core import Metric, ModelRef, Prompt, Resamples, SuiteReport, hookimpl
from udasa_eval.judges.model_family import is_own_judge
from udasa_eval.judges.prompts import SINGLE, grading_key, single_prompt
from udasa_eval.judges.repeats import (
    Judgements,
    check_unparsed,
    judged,
    own_grade,
    spread_metrics,
    unparsed_metric,
)
from udasa_eval.mt_bench.answers import TURNS, BenchAnswers, sample_answers
from udasa_eval.mt_bench.bench import BenchOptions, BenchSuite
from udasa_eval.mt_bench.metrics import answer_metrics, turn_mean, turn_table
from udasa_eval.statistics.columns import measured, number_or_none
from udasa_eval.suites.unasked import refuse_silence


class MTBench(BenchSuite):
    """Suite `mt-bench`: a judge grades each turn's answer from 1 to 10, 10 is best.

    Answers are sampled by the model's own chat template, at FastChat's temperature for the category. Grading
    prompts are FastChat's, byte for byte: single-v1, and single-math-v1 with a reference answer for math,
    reasoning and coding, each also in its multi-turn form for the second turn. Metrics:

    - score: the mean over both turns of all questions; score_turn_1, score_turn_2; score_{category}. Of
      several repeats a turn's grade is the median.
    - unparsed: the share of judgements without a grade. They are in no mean, and never count as 0; a suite
      with more than `max_unparsed` of them fails.
    - judge_spread, score_spread: with `repeats` of 2 or more, how far the same judge's grades differ; see
      udasa_eval.judges.repeats.
    - truncated: the share of answers that the token budget cut off; not_asked: the share of turns that the
      generator did not take, where there are any.
    - judge_is_own_family: 1 where the judge is known to be of the judged model's family; otherwise absent.

    Rows: one a question, turn and repeat; `grade` is this repeat's, `score` the turn's median.

    Source: Zheng et al. (2023, arXiv 2306.05685); FastChat, llm_judge. 13 of the 30 reference answers are
    reported wrong (FastChat #3158): name corrected ones in `references`.
    """

    Options = BenchOptions
    options: BenchOptions

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the questions, the references and the judge prompts: a source is only a name."""
        return self._bench.digest

    @property
    def judgements_each(self) -> int:
        """One a turn and repeat: its questions are turns."""
        return self.options.repeats

    @property
    def grading_key(self) -> str:
        """Of the file's prompts for one answer."""
        return grading_key(*(self._bench.judge_prompts[name] for name in SINGLE.values()))

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a question, turn and repeat."""
        options, questions = self.options, self._bench.questions
        judge = self.resources.judge()
        own = is_own_judge(self.name, judge, policy)
        generator = self.resources.generator()
        answers = sample_answers(questions, generator, policy, seed, options.max_new_tokens)
        items = [
            (place, turn) for place, answered in enumerate(answers) for turn in TURNS if answered.has(turn)
        ]
        refuse_silence(self.name, [one.texts or None for one in answers])
        prompts = [self._prompt(answers[place], turn) for place, turn in items]
        judgements = judged(judge, prompts, seed, options.repeats, own_grade)
        check_unparsed(self.name, judgements, options.max_unparsed, 'rating from 1 to 10 such as "[[5]]"')
        metrics = self._metrics(answers, items, judgements, seed)
        if own:
            metrics.append(Metric("judge_is_own_family", 1.0, 1.0, 1.0, len(items)))
        return SuiteReport(
            self.name, policy, tuple(metrics), tuple(_rows(answers, items, prompts, judgements, seed))
        )

    def _prompt(self, answered: BenchAnswers, turn: int) -> Prompt:
        question = answered.question
        return single_prompt(
            self._bench.judge_prompts,
            f"{question.id}/{turn}",
            turn,
            question.turns,
            answered.texts,
            question.references,
        )

    def _metrics(
        self,
        answers: Sequence[BenchAnswers],
        items: Sequence[tuple[int, int]],
        judgements: Judgements,
        seed: int,
    ) -> list[Metric]:
        # The two turns of a question belong together: questions are what is drawn again.
        resamples = Resamples.draw(len(answers), seed)
        grades = turn_table(items, judgements.medians, len(answers))
        categories = np.array([answered.question.category for answered in answers])
        metrics = [turn_mean(resamples, "score", grades)]
        metrics += [turn_mean(resamples, f"score_turn_{turn}", grades[:, [turn - 1]]) for turn in TURNS]
        for category in dict.fromkeys(categories.tolist()):
            inside = np.where((categories == category)[:, None], grades, np.nan)
            metrics.append(turn_mean(resamples, f"score_{category}", inside))
        clusters = np.array([place for place, _ in items])
        metrics.append(unparsed_metric(judgements, clusters, resamples))
        metrics += spread_metrics(judgements.values, clusters, resamples, "score")
        metrics += answer_metrics(answers, resamples)
        return list(measured(metrics))


def _rows(
    answers: Sequence[BenchAnswers],
    items: Sequence[tuple[int, int]],
    prompts: Sequence[Prompt],
    judgements: Judgements,
    seed: int,
) -> list[Mapping[str, Any]]:
    graded = {item: number for number, item in enumerate(items)}
    medians = judgements.medians
    rows: list[Mapping[str, Any]] = []
    for place, answered in enumerate(answers):
        for turn in TURNS:
            number = graded.get((place, turn))
            shown = {
                "id": answered.question.id,
                "turn": turn,
                "category": answered.question.category,
                "prompt": answered.question.turns[turn - 1],
                "seed": seed,
            }
            if number is None:
                unasked = dict.fromkeys(
                    ("output", "truncated", "score", "grade", "raw", "asked", "judge_seed")
                )
                rows.append({**shown, "repeat": 0, **unasked})
                continue
            rows += [
                {
                    **shown,
                    "repeat": repeat,
                    "output": answered.texts[turn - 1],
                    "truncated": answered.truncated[turn - 1],
                    "score": number_or_none(medians[number]),
                    "grade": number_or_none(judgements.values[number, repeat]),
                    "raw": judgements.raws[number][repeat],
                    "asked": prompts[number].messages[-1].content,
                    "judge_seed": judge_seed,
                }
                for repeat, judge_seed in enumerate(judgements.seeds)
            ]
    return rows
