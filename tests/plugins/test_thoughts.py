"""Models that think first: answers alone are compared, and likelihoods are of what is named, by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import udasa_core
from tests.canned import configuration
from tests.plugins.groups import RESOURCES, group, response
from udasa_core import (
    Abstain,
    Group,
    Message,
    ModelRef,
    Prompt,
    Response,
    load_causal_lm,
    measured_group,
    read_pairs,
)
from udasa_core.report.figures import figures
from udasa_core.report.show import tables
from udasa_plugin_factual.cocoa import CoCoA
from udasa_plugin_factual.max_token import MaxToken
from udasa_plugin_factual.nll import NegativeLogLikelihood
from udasa_plugin_factual.selfcheck import SelfCheck
from udasa_plugin_factual.selfcheck_embedder import SelfCheckEmbedder
from udasa_plugin_semantic.agreement import Agreement
from udasa_plugin_semantic.cluster import Cluster
from udasa_plugin_semantic.degree import Degree
from udasa_plugin_semantic.eccentricity import Eccentricity
from udasa_plugin_semantic.lexical import Lexical


def thinking(text: str, thought: tuple[float, ...], answer: tuple[float, ...], *forced: int) -> Response:
    """Return a response whose thought and answer have tokens of these log-probabilities."""
    whole = response(text, (*thought, *answer))
    return replace(whole, thought="<think>…</think>", thought_tokens=len(thought), forced=forced)


# The third token closes the thought, and the generator wrote it.
ONE = thinking("Paris.", (-0.1, -0.2, -9.0), (-1.0, -2.0), 2)
OTHER = thinking("Lyon.", (-3.0,), (-0.5,))
PARTS = [
    (None, (-1.5, -0.5)),
    ("answer", (-1.5, -0.5)),
    ("reasoning", (-0.15, -3.0)),
    ("all", (-0.825, -1.75)),
]


def scores(plugin: Any, some: Group, tokens: str | None = None) -> tuple[Any, ...]:
    options = plugin.Options(**({"tokens": tokens} if tokens else {}))
    found: tuple[Any, ...] = plugin(options, "d", RESOURCES).udasa_score(groups=(some,), seed=0).scores[0]
    return found


@pytest.mark.parametrize(("tokens", "means"), PARTS)
def test_the_likelihood_is_of_the_tokens_that_are_named(tokens: str | None, means: tuple[float, ...]) -> None:
    found = scores(NegativeLogLikelihood, group(ONE, OTHER), tokens)
    assert found == pytest.approx([1 - math.exp(one) for one in means])


@pytest.mark.parametrize(
    ("tokens", "least"), [(None, (-2.0, -0.5)), ("reasoning", (-0.2, -3.0)), ("all", (-2.0, -3.0))]
)
def test_the_least_likely_token_is_one_that_the_model_drew(
    tokens: str | None, least: tuple[float, ...]
) -> None:
    found = scores(MaxToken, group(ONE, OTHER), tokens)
    assert found == pytest.approx([1 - math.exp(one) for one in least])


@pytest.mark.parametrize(("tokens", "means"), PARTS)
def test_surprise_and_votes_are_of_the_tokens_that_are_named(
    tokens: str | None, means: tuple[float, ...]
) -> None:
    rows = RESOURCES.embedder().embed(["Paris.", "Lyon."])
    apart = 1.0 - float(rows[0] @ rows[1])
    assert apart == 1.0
    assert scores(CoCoA, group(ONE, OTHER), tokens) == pytest.approx([1 - math.exp(one) for one in means])
    one, other = map(math.exp, means)
    expected = [other / (one + other), one / (one + other)]
    assert scores(Agreement, group(ONE, OTHER), tokens) == pytest.approx(expected)


def test_without_reasoning_there_is_no_likelihood_of_it() -> None:
    some = group(response("Paris.", (-0.25, -0.75)), OTHER)
    for plugin in (NegativeLogLikelihood, MaxToken, CoCoA):
        silent, told = scores(plugin, some, "reasoning")
        assert silent == Abstain("the response has no reasoning: there is no likelihood of it")
        assert isinstance(told, float)
        # It is all answer.
        assert scores(plugin, some)[0] == scores(plugin, some, "all")[0]
    # Its vote is weighed by what there is of it.
    weights = math.exp(-0.5), math.exp(-3.0)
    expected = [weights[1] / sum(weights), weights[0] / sum(weights)]
    assert scores(Agreement, some, "reasoning") == pytest.approx(expected)


@pytest.mark.parametrize("opens", [False, True])
@pytest.mark.parametrize(
    "dimension",
    [Agreement, Cluster, Degree, Eccentricity, Lexical, CoCoA, SelfCheck, SelfCheckEmbedder],
)
def test_equal_answers_agree_whatever_was_thought(
    dimension: Any, opens: bool, thinking_ref: ModelRef
) -> None:
    lm = load_causal_lm(thinking_ref)
    asked = Prompt("p", (Message("user", "Where?"),))
    prompt = lm.render(asked.messages, template_options={"opens": opens})
    begin = "" if opens else "<think>\n"
    thoughts = ("It is in the south, I am told.", "Rome? No! Never there.")
    texts = [f"{begin}{thought}\n</think>\n\nIn Paris" for thought in thoughts]
    some = measured_group(lm, asked, prompt, texts, lm.end_of_turn())
    alike = 0.1 / (0.1 + 0.8) if dimension is SelfCheck else 0.0
    assert scores(dimension, some) == pytest.approx([alike, alike], abs=1e-6)
    plain = measured_group(lm, asked, prompt, [f"{begin}a</think>In Paris", f"{begin}a</think>Lyon"], 2)
    if dimension not in (SelfCheck, Eccentricity):  # two that differ lie equally far from their middle
        assert min(scores(dimension, plain)) > 0.1
    np.testing.assert_array_equal([one.text for one in some.responses], ["In Paris", "In Paris"])


def test_a_run_pairs_answers_and_counts_what_was_cut_off_while_it_thought(
    tmp_path: Path, thinking_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Recorded responses: a prompt with two answers gives a pair of these, one with a single answer none."""
    texts = {
        "two": ["<think>a</think>Paris", "<think>Paris, or", "<think>b</think>Rome", "<think>c</think>Rome"],
        "one": ["<think>a</think>Paris", "<think>Lyon, or", "<think>"],
        "none": ["<think>Paris", "<think>Lyon, or", "<think>"],
    }
    file = tmp_path / "responses.jsonl"
    rows = [
        {"prompt": f"question {number}", "responses": texts[("two", "two", "one", "none")[number % 4]]}
        for number in range(24)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plain = configuration(tmp_path, thinking_model_dir)
    plain["run"]["held_out"] = 0.0
    plain["generator"] = {"use": "recorded", "source": f"file:{file}", "responses": 4}
    plain["dimension"] = [{"use": "semantic.lexical"}]
    run = udasa_core.run(plain)
    pairs = [pair for stage in run.stages() for pair in read_pairs(stage.pairs)]
    assert {(pair.chosen.text, pair.rejected.text) for pair in pairs} == {("Rome", "Paris")}
    assert {pair.chosen.thought for pair in pairs} == {"<think>b</think>"}
    found = figures(run)
    assert found["pairs"]["refused"] == {"cut off while thinking": 12}
    assert (found["responses"]["thinking"], found["responses"]["unanswered"]) == (84, 42)
    assert "84 of them think first, 42 were cut off while they thought" in str(next(iter(tables(found))))
    assert "of 14 recorded responses are thoughts that do not end" in caplog.text
    assert "template_options = { enable_thinking = false }, say" in caplog.text
