"""From a configuration and prompts to scored responses: the pipeline's own steps, as experiments call
them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from udasa_core import Abstain, Score, UdasaError, final_answer
from udasa_core.api import quickstart
from udasa_core.config.overrides import override, read_toml
from udasa_core.running.job import Job
from udasa_core.steps.aggregate import aggregate, fit
from udasa_core.steps.score import score
from udasa_core.store.store import Shards
from udasa_core.store.tables import groups_from, scores_from
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.sets import Question
from udasa_eval.refusals.detector import is_refusal

# Says whether the k-th response to a prompt (by its id), a text, is right.
Grader = Callable[[str, int, str], bool]
# The name of the aggregate among the columns.
AGGREGATE = "U"


def plain_configuration(
    configuration: Path | None, overrides: Sequence[str], default: Path | None = None
) -> dict[str, Any]:
    """Return a TOML's plain data with overrides, its relative sources made absolute.

    None: `default` (the quickstart), which is bundled: sources in overrides are then looked for in the
    working folder.
    """
    raw = read_toml(configuration or default or quickstart())
    if overrides:
        raw = override(raw, overrides)
    return _absolute(raw, configuration.parent.resolve() if configuration else Path().resolve())


def with_prompts(
    raw: Mapping[str, Any], name: str, folder: Path, prompts: Path, generator: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a configuration of other prompts: all of them sampled, none held out, no controls, no suites.

    name: the run's, in `folder`, beside whose runs the store lies. generator: keys that replace those of
    [generator].
    """
    changed = {key: value for key, value in raw.items() if key not in ("suite", "judge")}
    if "generator" not in changed:
        raise UdasaError('the configuration has no [generator]: add one with use = "transformers"')
    return {
        **changed,
        "run": {**raw.get("run", {}), "name": name, "held_out": 0.0, "folder": str(folder)},
        "prompts": {"source": f"file:{prompts.resolve()}"},
        "controls": {"source": ""},
        "generator": {**changed["generator"], **generator},
    }


def recorded(raw: Mapping[str, Any], prompts: Path, responses: int) -> dict[str, Any]:
    """Return [generator] for responses that lie in a prompts file, rendered as the configuration says."""
    asked = raw.get("generator", {})
    rendering = {key: asked[key] for key in ("template", "template_options") if key in asked}
    return {"use": "recorded", "source": f"file:{prompts.resolve()}", "responses": responses, **rendering}


def scored(job: Job, groups: Shards, grader: Grader, questions: Mapping[str, str]) -> LabelledScores:
    """Score groups in every dimension, aggregate, and return all responses with their labels.

    Columns: each dimension's raw scores, and "U". questions: prompt id → the question, for the majority's
    answers; a prompt without one has whole texts compared.
    """
    columns = score(job, groups)
    return read_scored(job, groups, aggregate(job, groups, columns, fit(job, columns)), grader, questions)


def scored_questions(job: Job, groups: Shards, questions: Sequence[Question]) -> LabelledScores:
    """Score groups that answer factual questions, each response graded by its question's answers."""
    by_id = {question.id: question for question in questions}
    asked = {question.id: question.question for question in questions}
    return scored(job, groups, lambda prompt, _, text: by_id[prompt].is_right(text), asked)


def read_scored(
    job: Job, groups: Shards, scores: Shards, grader: Grader, questions: Mapping[str, str]
) -> LabelledScores:
    """Return what lies in the store as one table of responses."""
    rows: list[tuple[int, bool, int, bool, bool, str, str]] = []
    values: dict[str, list[float]] = {}
    number = 0
    for group_key, score_key in zip(groups.fingerprints, scores.fingerprints, strict=True):
        for group, one in zip(
            groups_from(job.store.read_table("sample", group_key)),
            scores_from(job.store.read_table("aggregate", score_key)),
            strict=True,
        ):
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
            for name, column in {**one.raw, AGGREGATE: one.U}.items():
                values.setdefault(name, []).extend(map(_value, column))
            number += 1
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


def _value(score: Score) -> float:
    return float("nan") if isinstance(score, Abstain) else score


def _absolute(raw: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return plain data whose `file:` sources do not depend on where the configuration lies."""

    def absolute(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("file:") and not value.startswith("file:/"):
            return f"file:{root / value.removeprefix('file:')}"
        if isinstance(value, dict):
            return {key: absolute(one) for key, one in value.items()}
        return [absolute(one) for one in value] if isinstance(value, list) else value

    changed: dict[str, Any] = absolute(dict(raw))
    return changed
