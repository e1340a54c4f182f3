"""From a configuration and prompts to scored, labelled responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from udasa_core import Abstain, OpenRun, Sampled, Score, Scored, UdasaError, final_answer
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.labelled.sets import Question
from udasa_eval.refusals.detector import is_refusal

Item = TypeVar("Item")
# Says whether the k-th response to a prompt (by its id), a text, is right.
Grader = Callable[[str, int, str], bool]
# The name of the aggregate among the columns.
AGGREGATE = "U"


def with_prompts(config: Mapping[str, Any], prompts: Path, generator: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration of other prompts: all of them sampled, none held out, no controls, no suites.

    generator: keys that replace those of [generator].
    """
    changed = {key: value for key, value in config.items() if key not in ("suite", "judge")}
    if "generator" not in changed:
        raise UdasaError('the configuration has no [generator]: add one with use = "transformers"')
    return {
        **changed,
        "run": {**config.get("run", {}), "held_out": 0.0},
        "prompts": {"source": f"file:{prompts.resolve()}"},
        "controls": {"source": ""},
        "generator": {**changed["generator"], **generator},
    }


def recorded(config: Mapping[str, Any], prompts: Path, responses: int) -> dict[str, Any]:
    """Return [generator] for responses that lie in a prompts file, rendered as the configuration says."""
    asked = config.get("generator", {})
    rendering = {key: asked[key] for key in ("template", "template_options") if key in asked}
    return {"use": "recorded", "source": f"file:{prompts.resolve()}", "responses": responses, **rendering}


def evenly(items: Sequence[Item], count: int | None) -> list[Item]:
    """Return so many of the items, taken evenly: of a set that goes by domain, a few of all of them. All of
    them where `count` is None or more."""
    count = min(count or len(items), len(items))
    return [items[number * len(items) // count] for number in range(count)]


def seed_of(config: Mapping[str, Any]) -> int:
    """Return the configuration's seed."""
    return int(config.get("run", {}).get("seed", 7))


def scored_questions(
    run: OpenRun, sampled: Sampled, questions: Sequence[Question], *, repeat: int = 0
) -> LabelledScores:
    """Score responses to factual questions, each graded by its question's answers.

    repeat: the number of the scoring, where the same responses are scored several times.
    """
    by_id = {question.id: question for question in questions}
    asked = {question.id: question.question for question in questions}
    scored = run.score(sampled, repeat=repeat)
    return labelled_scores(scored, lambda prompt, _, text: by_id[prompt].is_right(text), asked)


def labelled_scores(scored: Scored, grader: Grader, questions: Mapping[str, str]) -> LabelledScores:
    """Return scored responses with their labels, as one table.

    Columns: each dimension's raw scores, and "U". questions: prompt id → the question, for the majority's
    answers; a prompt without one has whole texts compared.
    """
    rows: list[tuple[int, bool, int, bool, bool, str, str]] = []
    values: dict[str, list[float]] = {}
    for number, (group, scores) in enumerate(scored):
        question = questions.get(group.prompt.id, "")
        for index, response in enumerate(group.responses):
            answer = final_answer(response.text, question) if question else response.text
            rows.append(
                (
                    number,
                    grader(group.prompt.id, index, response.text),
                    len(response.token_ids),
                    response.finish_reason == "length",
                    is_refusal(response.text),
                    answer,
                    response.text,
                )
            )
        for name, column in {**scores.raw, AGGREGATE: scores.U}.items():
            values.setdefault(name, []).extend(map(number_of, column))
    questions_, right, tokens, truncated, refusal, answers, texts = zip(*rows, strict=True)
    return LabelledScores(
        questions=np.array(questions_, dtype=np.int64),
        right=np.array(right, dtype=bool),
        columns={name: np.array(column) for name, column in values.items()},
        tokens=np.array(tokens, dtype=np.int64),
        truncated=np.array(truncated, dtype=bool),
        refusal=np.array(refusal, dtype=bool),
        answers=answers,
        texts=texts,
    )


def number_of(score: Score) -> float:
    """Return a score as a number, NaN for an abstention."""
    return float("nan") if isinstance(score, Abstain) else score
