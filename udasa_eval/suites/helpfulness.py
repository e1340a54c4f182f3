"""Suite `helpfulness`: answers to open prompts, graded from 1 to 10 by a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, ModelRef, Prompt, Resamples, SuiteReport, hookimpl
from udasa_eval.judges.model_family import is_own_judge
from udasa_eval.judges.prompts import HELPFUL, JudgePrompt, conversation_text, grading_key, open_prompt
from udasa_eval.judges.repeats import (
    Judgements,
    check_unparsed,
    judged,
    own_grade,
    spread_metrics,
    unparsed_metric,
)
from udasa_eval.refusals.detector import is_refusal
from udasa_eval.statistics.columns import measured, number_or_none, placed
from udasa_eval.suites.open_answers import OpenAnswer, OpenOptions, OpenSuite, open_metrics, sample_open
from udasa_eval.suites.unasked import refuse_silence


class Helpfulness(OpenSuite):
    """Suite `helpfulness`: a judge grades each answer from 1 to 10, 10 is best.

    Prompts: HH-RLHF's helpful part by default (Bai et al. 2022, arXiv 2204.05862), conversations of one or
    more turns of which the last answer is the model's. The grading prompt is `HELPFUL` of
    udasa_eval.judges.prompts, in FastChat's form. Metrics:

    - score: the mean grade; of several repeats an answer's grade is the median.
    - refusals: the share of answers that refuse, by the phrases of udasa_eval.refusals.detector.
    - unparsed: the share of judgements without a grade. They are in no mean, and never count as 0; a suite
      with more than `max_unparsed` of them fails.
    - judge_spread, score_spread: with `repeats` of 2 or more, how far the same judge's grades differ; see
      udasa_eval.judges.repeats.
    - length: mean characters; truncated: the share cut at `max_new_tokens`; not_asked: the share of prompts
      that the generator did not take, where there are any.
    - judge_is_own_family: 1 where the judge is known to be of the judged model's family; otherwise absent.

    Rows: one a prompt and repeat; `grade` is this repeat's, `score` the median.
    """

    Options = OpenOptions
    options: OpenOptions
    grading: ClassVar[JudgePrompt] = HELPFUL

    @property
    def judgements_each(self) -> int:
        """One a repeat."""
        return self.options.repeats

    @property
    def grading_key(self) -> str:
        """Of the one prompt by which answers are graded."""
        return grading_key(self.grading)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a prompt and repeat."""
        options = self.options
        judge = self.resources.judge()
        own = is_own_judge(self.name, judge, policy)
        generator = self.resources.generator()
        answers = sample_open(self.dialogues(), generator, options.sampling(), policy, seed)
        refuse_silence(self.name, [answer.text for answer in answers])
        places = [place for place, answer in enumerate(answers) if answer.text is not None]
        prompts = [self._prompt(answers[place]) for place in places]
        judgements = judged(judge, prompts, seed, options.repeats, own_grade)
        check_unparsed(self.name, judgements, options.max_unparsed, 'rating from 1 to 10 such as "[[5]]"')
        grades = placed(judgements.medians, places, len(answers))
        resamples = Resamples.draw(len(answers), seed)
        metrics = [resamples.mean("score", grades)]
        metrics += self.further(answers, grades, resamples)
        metrics.append(unparsed_metric(judgements, np.array(places), resamples))
        metrics += spread_metrics(judgements.values, np.array(places), resamples, "score")
        metrics += open_metrics(answers, resamples)
        if own:
            metrics.append(Metric("judge_is_own_family", 1.0, 1.0, 1.0, len(places)))
        rows = _rows(answers, places, judgements, seed)
        return SuiteReport(self.name, policy, measured(metrics), tuple(rows))

    def further(
        self, answers: Sequence[OpenAnswer], grades: NDArray[float64], resamples: Resamples
    ) -> list[Metric]:
        """Return the figures that only this suite has. grades: (len(answers),), NaN where there is none."""
        return [resamples.mean("refusals", refused(answers))]

    def _prompt(self, answer: OpenAnswer) -> Prompt:
        return open_prompt(self.grading, answer.dialogue.id, answer.dialogue.messages, answer.text or "")


def refused(answers: Sequence[OpenAnswer]) -> NDArray[float64]:
    """Return 1 where an answer refuses, 0 where not, (n,); NaN where there is no answer."""
    return np.array([np.nan if answer.text is None else float(is_refusal(answer.text)) for answer in answers])


def _rows(
    answers: Sequence[OpenAnswer], places: Sequence[int], judgements: Judgements, seed: int
) -> list[Mapping[str, Any]]:
    numbers = {place: number for number, place in enumerate(places)}
    medians = judgements.medians
    rows: list[Mapping[str, Any]] = []
    for place, answer in enumerate(answers):
        shown = {
            "id": answer.dialogue.id,
            "prompt": conversation_text(answer.dialogue.messages),
            "harmful": answer.dialogue.harmful,
            "output": answer.text,
            "truncated": answer.truncated,
            "refusal": None if answer.text is None else is_refusal(answer.text),
            "seed": seed,
        }
        number = numbers.get(place)
        if number is None:
            rows.append({**shown, "repeat": 0, **dict.fromkeys(("score", "grade", "raw", "judge_seed"))})
            continue
        rows += [
            {
                **shown,
                "repeat": repeat,
                "score": number_or_none(medians[number]),
                "grade": number_or_none(judgements.values[number, repeat]),
                "raw": judgements.raws[number][repeat],
                "judge_seed": judge_seed,
            }
            for repeat, judge_seed in enumerate(judgements.seeds)
        ]
    return rows
