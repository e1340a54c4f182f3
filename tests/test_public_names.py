"""The public names: what a plugin may import, pinned, so that a change of it is a decision."""

from __future__ import annotations

import inspect

import udasa_core

PUBLIC = {
    # the Python API
    "UdasaError", "Run", "Table", "clean", "load", "run", "work",
    # the contract
    "CONTRACT", "hookimpl",
    # records
    "Abstain", "Adapter", "Column", "Event", "Grade", "Group", "Message", "Metric", "ModelRef", "Pair",
    "PairTable", "Pairing", "Prompt", "Unpaired", "Report", "Response", "SamplingOptions", "Score", "Scores",
    "Stage", "StagePlan", "SuiteReport", "content_key", "read_pairs",
    # resources
    "CausalLM", "Classifier", "Embedder", "Entailment", "Generator", "Judge", "Reader", "Resources",
    "Similarity",
    "TokenStatistics", "load_base", "load_causal_lm",
    # parts of a response
    "final_answer", "sentences", "words",
    # a judge's text
    "rating",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert set(udasa_core.__all__) == PUBLIC


def test_each_public_name_is_there_and_documented() -> None:
    for name in udasa_core.__all__:
        value = getattr(udasa_core, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def test_type_checkers_see_the_same_names() -> None:
    source = inspect.getsource(udasa_core)
    for name in udasa_core.__all__:
        assert f"import {name} as {name}\n" in source
