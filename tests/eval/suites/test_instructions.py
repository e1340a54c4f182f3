"""Suite `instructions` with planned responses: figures by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.canned import response
from tests.eval.suites.judging import JudgingResources
from udasa_core import Group, ModelRef, Prompt, SamplingOptions, UdasaError
from udasa_core.testing.suites import check_suite
from udasa_eval.instructions import language
from udasa_eval.suites.instructions import Instructions

ROWS: list[dict[str, Any]] = [
    {
        "key": 1,
        "prompt": "a",
        "level": "easy",
        "instruction_id_list": ["punctuation:no_comma", "startend:end_checker", "keywords:existence"],
        "kwargs": [{}, {"end_phrase": "Bye."}, {"keywords": ["owl"]}],
    },
    {
        "key": 2,
        "prompt": "b",
        "level": "hard",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
    },
    {
        "key": 3,
        "prompt": "c",
        "level": "hard",
        "instruction_id_list": ["startend:end_checker"],
        "kwargs": [{"end_phrase": "Bye."}],
    },
]
SAID = {"a": "An elm. Bye.", "b": "Sure, gladly:\nno comma", "c": "Bye."}


def says(prompt: Prompt, policy: ModelRef) -> str | None:
    return SAID.get(prompt.messages[-1].content, "…")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ifeval_input_data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def suite(shared: JudgingResources, **options: Any) -> Instructions:
    return Instructions(Instructions.Options(**options), "instructions", shared)


def figures(report: Any) -> dict[str, float]:
    return {one.name: one.value for one in report.metrics}


def test_figures_by_hand(file: Path, tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, says, lambda prompt, seed: "")
    report = suite(shared, source=f"file:{file}").udasa_evaluate(tiny_ref, 1)
    assert figures(report) == pytest.approx(
        {
            "prompt_strict": 1 / 3,
            "prompt_loose": 2 / 3,
            "instruction_strict": 3 / 5,
            "instruction_loose": 4 / 5,
            "strict_keywords": 0.0,
            "strict_punctuation": 1 / 2,
            "strict_startend": 1.0,
            "prompt_strict_easy": 0.0,
            "prompt_strict_hard": 1 / 2,
            "truncated": 0.0,
        }
    )
    assert [row["failed"] for row in report.rows] == [
        [["keywords:existence"]], [["punctuation:no_comma"]], [[]],
    ]  # fmt: skip
    assert [row["failed_loose"] for row in report.rows] == [[["keywords:existence"]], [[]], [[]]]
    assert [row["score"] for row in report.rows] == [0.0, 0.0, 1.0]


def test_several_responses_a_prompt_are_averaged(file: Path, tiny_ref: ModelRef) -> None:
    class Several(JudgingResources):
        def _generate(
            self, prompts: Any, sampling: SamplingOptions, policy: ModelRef, seed: int
        ) -> list[Group | None]:
            assert sampling.responses == 4
            texts = ("Owl. Bye.", "An owl, an elm. Bye.", "", "No owl, and")
            return [Group(one, (1,), tuple(map(response, texts)), policy.key) for one in prompts]

    shared = Several(tiny_ref, says, lambda prompt, seed: "")
    report = suite(shared, source=f"file:{file}", responses=4).udasa_evaluate(tiny_ref, 1)
    found = figures(report)
    assert report.rows[0]["prompt_strict"] == 1 / 4
    assert report.rows[0]["instruction_strict"] == pytest.approx((3 + 2 + 0 + 1) / 12)
    # No comma: 1 of 4 in both prompts; the end: 2 of 4 in both; the owl: 3 of 4.
    assert found["strict_punctuation"] == 1 / 4
    assert found["strict_startend"] == 2 / 4
    assert found["strict_keywords"] == 3 / 4
    assert found["instruction_strict"] == pytest.approx((1 + 1 + 2 + 2 + 3) / 20)


def test_prompts_that_are_not_taken(file: Path, tiny_ref: ModelRef) -> None:
    shared = JudgingResources(
        tiny_ref, lambda prompt, policy: None if prompt.id == "1" else says(prompt, policy), lambda *_: ""
    )
    report = suite(shared, source=f"file:{file}").udasa_evaluate(tiny_ref, 1)
    found = figures(report)
    assert (found["prompt_strict"], found["instruction_strict"]) == (0.5, 0.5)
    assert found["not_asked"] == pytest.approx(1 / 3)
    assert "strict_keywords" not in found
    assert report.rows[0]["failed"] is None
    nobody = JudgingResources(tiny_ref, lambda prompt, policy: None, lambda *_: "")
    with pytest.raises(UdasaError, match="none of 3 prompts was answered"):
        suite(nobody, source=f"file:{file}").udasa_evaluate(tiny_ref, 1)


def test_a_folder_as_the_hub_has_it_and_its_fingerprint(file: Path, tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, says, lambda prompt, seed: "")
    by_folder = suite(shared, source=f"file:{file.parent}")
    assert by_folder.udasa_questions() == ["a", "b", "c"]
    assert by_folder.fingerprint == suite(shared, source=f"file:{file}").fingerprint
    text = file.read_text().replace("Bye.", "Adieu.")
    file.write_text(text)
    assert by_folder.fingerprint != suite(shared, source=f"file:{file}").fingerprint


def test_an_unknown_instruction_stops_before_a_model_is_asked(file: Path, tiny_ref: ModelRef) -> None:
    file.write_text(json.dumps({**ROWS[1], "instruction_id_list": ["keywords:rhyme"]}) + "\n")
    shared = JudgingResources(tiny_ref, says, lambda prompt, seed: "")
    with pytest.raises(UdasaError, match="keywords:rhyme"):
        suite(shared, source=f"file:{file}").udasa_evaluate(tiny_ref, 1)
    assert not shared.sampled


def test_without_langdetect_it_stops_before_a_model_is_asked(
    tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "langdetect", None)
    language.detection.cache_clear()
    shared = JudgingResources(tiny_ref, says, lambda prompt, seed: "")
    with pytest.raises(UdasaError, match="pip install langdetect"):
        suite(shared).udasa_evaluate(tiny_ref, 1)
    assert not shared.sampled


def test_it_keeps_the_contract(file: Path, tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, says, lambda prompt, seed: "")
    check_suite(Instructions, {"source": f"file:{file}"}, policy=tiny_ref, resources=shared)


def test_our_own_are_asked_where_no_source_is_named(tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, lambda prompt, policy: ",", lambda prompt, seed: "")
    report = suite(shared).udasa_evaluate(tiny_ref, 1)
    assert len(report.rows) == len(suite(shared).udasa_questions()) == 50
    assert figures(report)["strict_punctuation"] == 0.0
