from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.eval.suites.answering import AnsweringResources
from udasa_core import Grade, Metric, ModelRef, Prompt, UdasaError, testing
from udasa_eval.suites.truthfulqa_generation import TruthfulQAGeneration
from udasa_eval.suites.truthfulqa_similarity import TruthfulQASimilarity
from udasa_eval.truthfulqa.prompt import SIX_QUESTIONS

ANSWERS = {
    "cats": "A: Cats have one life like us.\n\nQ: What else?",
    "moon": "The moon is made of green cheese.",
    "law": "I have no comment.",
    "long": None,
}


@pytest.fixture
def questions(tmp_path: Path) -> str:
    path = tmp_path / "TruthfulQA.csv"
    path.write_text(
        "Question,Category,Correct Answers,Incorrect Answers\n"
        "What of cats?,Myths,Cats have one life like us,Cats have nine lives to live\n"
        "What of the moon?,Myths,The moon is rock,The moon is made of green cheese\n"
        "What of the law?,Law,It depends on the place,It is the same everywhere in the world\n"
        "What of this long one?,Law,It is so,It is not so\n"
    )
    return f"file:{path}"


def says(content: str, policy: ModelRef, k: int) -> str | None:
    asked = content.rsplit("Q:", 1)[-1]
    return next(answer for word, answer in ANSWERS.items() if word in asked)


def grades(content: str) -> str:
    """Truthful: cats and the law; informative: cats and the moon."""
    truthful = "check whether an answer to a question is truthful" in content
    about = content.split("Question: ", 1)[1].split("\n", 1)[0]
    return "Yes" if "cats" in about or ("law" in about) == truthful else "No, it is not."


def by_name(metrics: tuple[Metric, ...]) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


def generation(questions: str, resources: AnsweringResources, **options: Any) -> TruthfulQAGeneration:
    given = TruthfulQAGeneration.Options.model_validate({"source": questions, **options})
    return TruthfulQAGeneration(given, "truthfulqa.generation", resources)


def similarity(questions: str, resources: AnsweringResources, **options: Any) -> TruthfulQASimilarity:
    given = TruthfulQASimilarity.Options.model_validate({"source": questions, **options})
    return TruthfulQASimilarity(given, "truthfulqa.similarity", resources)


def test_similarities_by_hand(questions: str, tiny_ref: ModelRef) -> None:
    suite = similarity(questions, AnsweringResources(tiny_ref, says))
    report = suite.udasa_evaluate(tiny_ref, 3)
    assert suite.udasa_questions() == [row["question"] for row in report.rows]
    found = by_name(report.metrics)
    # Cats and the law ("I have no comment." is a correct reference) are nearer to the correct ones.
    assert found["bleu_acc"].value == found["rougeL_acc"].value == pytest.approx(2 / 3)
    assert found["bleu_acc"].n == 3
    assert found["not_asked"].value == 0.25
    cats, moon, law, long = report.rows
    assert cats["output"] == "Cats have one life like us."
    assert (cats["rougeL_max"], cats["bleu_max"]) == (pytest.approx(100.0), pytest.approx(100.0))
    # "cats have … " shares 2 of 6 words with the incorrect reference's 6.
    assert cats["rougeL_diff"] == pytest.approx(100 - 100 * 4 / 12)
    # "the moon is" of 7 and 4 words, against all of them.
    assert moon["rougeL_diff"] == pytest.approx(100 * 6 / 11 - 100)
    assert moon["score"] == moon["rougeL_diff"]
    assert law["bleu_acc"] is True
    assert (long["output"], long["score"], long["bleu_acc"]) == (None, None, None)


def test_questions_are_put_in_either_form_and_answered_greedily(questions: str, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says)
    similarity(questions, resources, limit=1).udasa_evaluate(tiny_ref, 3)
    (prompt,) = resources.prompts
    assert prompt.messages[0].content == f"{SIX_QUESTIONS}\n\nQ: What of cats?"
    ((_, sampling, _),) = resources.asked_of
    assert (sampling.top_k, sampling.max_new_tokens, sampling.responses) == (1, 50, 1)
    chat = AnsweringResources(tiny_ref, says)
    report = similarity(questions, chat, limit=2, prompt="chat").udasa_evaluate(tiny_ref, 3)
    assert [one.messages[0].content for one in chat.prompts] == ["What of cats?", "What of the moon?"]
    # Nothing is cut off where no form was given.
    assert report.rows[0]["output"] == ANSWERS["cats"]


def test_a_judge_says_what_is_truthful_and_informative(questions: str, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says, grades)
    report = generation(questions, resources).udasa_evaluate(tiny_ref, 3)
    found = by_name(report.metrics)
    assert found["truthful"].value == pytest.approx(2 / 3)
    assert found["informative"].value == pytest.approx(2 / 3)
    assert found["both"].value == pytest.approx(1 / 3)
    assert (found["unparsed"].value, found["unparsed"].n) == (0.0, 6)
    assert found["bleu_acc"].value == pytest.approx(2 / 3)
    assert len(resources.judged) == 6
    assert "- I have no comment." in resources.judged[0]
    cats, moon, law, long = report.rows
    assert (cats["score"], moon["score"], law["score"], long["score"]) == (1.0, 0.0, 0.0, None)
    assert (moon["truthful"], moon["informative"]) == (0.0, 1.0)
    assert moon["truthful_raw"] == "No, it is not."
    assert long["truthful_raw"] is None


def test_a_grade_that_cannot_be_read_is_counted_and_never_scored(questions: str, tiny_ref: ModelRef) -> None:
    def mumbles(content: str) -> str:
        about_moon = "Question: What of the moon?" in content
        return "Hard to say." if about_moon and "is informative." in content else grades(content)

    resources = AnsweringResources(tiny_ref, says, mumbles)
    report = generation(questions, resources, max_unparsed=0.2).udasa_evaluate(tiny_ref, 3)
    found = by_name(report.metrics)
    assert found["unparsed"].value == pytest.approx(1 / 6)
    assert (found["informative"].value, found["informative"].n) == (pytest.approx(1 / 2), 2)
    assert (found["truthful"].value, found["truthful"].n) == (pytest.approx(2 / 3), 3)
    assert (found["both"].value, found["both"].n) == (pytest.approx(1 / 2), 2)
    moon = report.rows[1]
    assert (moon["truthful"], moon["informative"], moon["score"]) == (0.0, None, None)
    assert moon["informative_raw"] == "Hard to say."
    with pytest.raises(
        UdasaError, match=r"(?s)1 of 6 judgements.*'Hard to say.'.*max_unparsed = 0.1 allows 0"
    ):
        generation(questions, resources).udasa_evaluate(tiny_ref, 3)


def test_a_judge_that_never_says_yes_or_no_leaves_only_the_count(questions: str, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says, lambda content: "Rating: [[7]]")
    report = generation(questions, resources, max_unparsed=1.0).udasa_evaluate(tiny_ref, 3)
    found = by_name(report.metrics)
    assert not {"truthful", "informative", "both"} & set(found)
    assert found["unparsed"].value == 1.0


def test_repeats_have_a_median_a_spread_and_a_row_each(questions: str, tiny_ref: ModelRef) -> None:
    class Wavering(AnsweringResources):
        """Says no to everything at one of three seeds."""

        def _grade(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
            return [Grade(None, "No")] * len(prompts) if seed == 4 else super()._grade(prompts, seed)

    resources = Wavering(tiny_ref, says, grades)
    report = generation(questions, resources, repeats=3).udasa_evaluate(tiny_ref, 3)
    found = by_name(report.metrics)
    assert found["both"].value == pytest.approx(1 / 3)
    assert found["unparsed"].n == 18
    # Over the repeats both is 1/3, 0, 1/3; each item's own deviation is that of 1, 0, 1 once and 0 twice.
    assert found["both_spread"].value == pytest.approx(np.std([1 / 3, 0, 1 / 3], ddof=1))
    assert found["judge_spread"].value == pytest.approx(np.std([1, 0, 1], ddof=1) / 3)
    cats = [row for row in report.rows if row["id"] == "0"]
    assert [(row["repeat"], row["score"]) for row in cats] == [(0, 1.0), (1, 0.0), (2, 1.0)]
    assert len(report.rows) == 12


def test_a_generator_that_takes_nothing_is_told(questions: str, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, lambda *asked: None, grades)
    told = r'none of 4 prompts was answered.*the log says why: prompt = "chat" is shorter'
    with pytest.raises(UdasaError, match=told):
        generation(questions, resources).udasa_evaluate(tiny_ref, 3)


@pytest.mark.parametrize("factory", [TruthfulQASimilarity, TruthfulQAGeneration])
def test_they_keep_the_contract(factory: Any, questions: str, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says, grades)
    options = {"source": questions}
    testing.check_suite(factory, options, policy=tiny_ref, resources=resources)
    testing.check_factory("suite", factory, options)


def test_the_questions_enter_the_fingerprint(questions: str, tmp_path: Path, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says)
    first = similarity(questions, resources).fingerprint
    assert similarity(questions, resources).fingerprint == first
    (tmp_path / "TruthfulQA.csv").write_text(
        "Question,Correct Answers,Incorrect Answers\nWhat of cats?,One,Two\n"
    )
    assert similarity(questions, resources).fingerprint != first
