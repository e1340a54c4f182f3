from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.core.models.test_causal_lm import make_adapter
from tests.eval.suites.answering import AnsweringResources
from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import Metric, ModelRef, UdasaError, load_causal_lm, testing
from udasa_eval.measures.perplexity import perplexity, text_surprise
from udasa_eval.measures.policy_divergence import policy_pair
from udasa_eval.measures.sentence_forms import FORMS
from udasa_eval.suites.retention import Retention

TEXTS = ("the user is in the yes", "no", "and the other one is in there too", "x")


@pytest.fixture(scope="module")
def adapted(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    adapter = make_adapter(load_causal_lm(tiny_ref), tmp_path_factory.mktemp("adapter"), 1)
    return replace(tiny_ref, adapters=(adapter,))


@pytest.fixture
def texts(tmp_path: Path) -> str:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return f"file:{path}"


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    path = tmp_path / "prompts.jsonl"
    rows = [{"id": name, "prompt": f"ask {name}"} for name in ("one", "two", "too long")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"file:{path}"


def says(content: str, policy: ModelRef, k: int) -> str | None:
    if "too long" in content:
        return None
    who = "we" if policy.adapters else "they said"
    return f"{who} {content[4:]} so so" if k == 0 else f"{who} no"


def retention(resources: AnsweringResources, **options: Any) -> Retention:
    return Retention(Retention.Options.model_validate(options), "retention", resources)


def by_name(metrics: tuple[Metric, ...]) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


def test_perplexity_is_that_of_all_tokens(texts: str, tiny_ref: ModelRef, adapted: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says)
    report = retention(resources, texts=texts).udasa_evaluate(adapted, 3)
    model = load_causal_lm(adapted)
    surprises = [text_surprise(model, text, 512) for text in TEXTS]
    (metric,) = report.metrics
    assert (metric.name, metric.value) == ("perplexity", pytest.approx(perplexity(surprises)))
    # "no" and "x" are one token: nothing to score; they are in the rows all the same.
    assert metric.n == sum(one.tokens > 0 for one in surprises) == 2
    assert metric.low <= metric.value <= metric.high
    assert [row["id"] for row in report.rows] == ["text/1", "text/2", "text/3", "text/4"]
    assert report.rows[0]["score"] == pytest.approx(-np.log(surprises[0].perplexity))
    assert report.rows[3]["score"] is None
    assert not resources.asked_of


def test_the_base_is_less_surprised_by_what_it_says(tiny_ref: ModelRef, adapted: ModelRef) -> None:
    """A planted truth: the greedy text of a model is more fluent to it than to a model beside it."""
    import torch

    base, ids = load_causal_lm(tiny_ref), [5, 6, 7]
    for _ in range(30):
        with torch.no_grad():
            ids.append(int(base.model(torch.tensor([ids])).logits[0, -1].argmax()))
    statistics = {}
    for name, ref in (("base", tiny_ref), ("policy", adapted)):
        (found,) = load_causal_lm(ref).token_statistics([ids[:3]], [ids[3:]])
        statistics[name] = sum(found.logprobs)
    assert statistics["base"] > statistics["policy"] + 1


def test_kl_distinct_and_length_by_hand(prompts: str, tiny_ref: ModelRef, adapted: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says)
    report = retention(resources, prompts=prompts, responses=2).udasa_evaluate(adapted, 3)
    found = by_name(report.metrics)
    with policy_pair(resources, tiny_ref, adapted) as pair:
        forward, backward = [], []
        for name in ("one", "two"):
            asked = tuple(f"ask {name}".encode())
            for k in (0, 1):
                theirs = tuple((says(f"ask {name}", tiny_ref, k) or "").encode())
                ours = tuple((says(f"ask {name}", adapted, k) or "").encode())
                forward += pair.divergence(asked, theirs).base_policy.tolist()
                backward += pair.divergence(asked, ours).policy_base.tolist()
    assert found["kl_base_policy"].value == pytest.approx(np.mean(forward))
    assert found["kl_policy_base"].value == pytest.approx(np.mean(backward))
    assert found["kl_base_policy"].value > 0.01
    assert found["kl_base_policy"].n == 2
    # we one so so, we no, we two so so, we no: {we, one, so, no, two} of 12 words
    assert found["distinct_1"].value == pytest.approx(5 / 12)
    assert found["length"].value == pytest.approx((12 + 5 + 12 + 5) / 4)
    assert (found["length"].n, found["truncated"].value) == (4, 0.0)
    assert found["not_asked"].value == pytest.approx(1 / 3)
    # Four responses of one sentence each; none of them asks.
    assert (found["questions"].value, found["questions"].n, found["sentence_words"].value) == (0.0, 4, 3.0)
    assert [row["sentences"] for row in report.rows] == [2, 2, 0]
    assert [row["id"] for row in report.rows] == ["prompt/one", "prompt/two", "prompt/too long"]
    # Without texts a row's score is minus what the policy left of the base.
    assert report.rows[0]["score"] == -report.rows[0]["kl_base_policy"] < 0
    assert report.rows[2]["score"] is None
    assert [key for key, _, _ in resources.asked_of] == [adapted.key, tiny_ref.key]
    assert {(one.temperature, one.top_p, one.top_k) for _, one, _ in resources.asked_of} == {(1.0, 1.0, 0)}


def test_the_base_has_lost_nothing_and_is_asked_once(prompts: str, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says)
    found = by_name(retention(resources, prompts=prompts).udasa_evaluate(tiny_ref, 3).metrics)
    assert found["kl_base_policy"].value == found["kl_policy_base"].value == 0.0
    assert len(resources.asked_of) == 1


def test_texts_and_prompts_stand_in_one_report(
    texts: str, prompts: str, tiny_ref: ModelRef, adapted: ModelRef
) -> None:
    resources = AnsweringResources(tiny_ref, says)
    report = retention(resources, texts=texts, prompts=prompts).udasa_evaluate(adapted, 3)
    found = by_name(report.metrics)
    assert {"perplexity", "kl_base_policy", "distinct_1", "distinct_2", "distinct_3", "length"} <= set(found)
    told = {row["id"]: row["score"] for row in report.rows}
    assert len(told) == len(report.rows) == 7
    assert {score for name, score in told.items() if name.startswith("prompt/")} == {None}
    assert told["text/1"] < 0


def test_a_model_of_another_tokenizer_has_all_but_the_divergence(
    prompts: str, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    folder = make_tiny_model(tmp_path / "other", seed=5)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["newword"])
    tokenizer.save_pretrained(folder)
    other = tiny_ref_of(folder)
    resources = AnsweringResources(tiny_ref, says)
    with pytest.raises(UdasaError, match="divergence = false"):
        retention(resources, prompts=prompts).udasa_evaluate(other, 3)
    report = retention(resources, prompts=prompts, divergence=False).udasa_evaluate(other, 3)
    assert {metric.name for metric in report.metrics} == {
        *("distinct_1", "distinct_2", "distinct_3", *FORMS, "sentence_words"),
        *("length", "truncated", "not_asked"),
    }


def test_nothing_to_read_is_told(tmp_path: Path, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says)
    with pytest.raises(ValidationError, match="name texts"):
        Retention.Options()
    path = tmp_path / "bad.jsonl"
    path.write_text('{"other": "x"}\n')
    with pytest.raises(UdasaError, match=r"has no prompt \(has no 'prompt' or 'messages'"):
        retention(resources, prompts=f"file:{path}").udasa_evaluate(tiny_ref, 3)
    path.write_text('{"text": "x"}\n')
    with pytest.raises(UdasaError, match="has two tokens"):
        retention(resources, texts=f"file:{path}").udasa_evaluate(tiny_ref, 3)
    path.write_text('{"prompt": "too long"}\n')
    with pytest.raises(UdasaError, match=r"none of 1 prompts was answered.*: shorten them"):
        retention(resources, prompts=f"file:{path}").udasa_evaluate(tiny_ref, 3)


def test_it_names_its_prompts_and_no_texts(texts: str, prompts: str, tiny_ref: ModelRef) -> None:
    resources = AnsweringResources(tiny_ref, says)
    named = retention(resources, texts=texts, prompts=prompts).udasa_questions()
    assert named == ["ask one", "ask two", "ask too long"]
    assert retention(resources, texts=texts).udasa_questions() == []
    assert not resources.asked_of


def test_it_keeps_the_contract(texts: str, prompts: str, tiny_ref: ModelRef, adapted: ModelRef) -> None:
    options = {"texts": texts, "prompts": prompts}
    resources = AnsweringResources(tiny_ref, says)
    testing.check_suite(Retention, options, policy=adapted, resources=resources)
    testing.check_factory("suite", Retention, options)


def test_texts_prompts_and_base_enter_the_fingerprint(
    texts: str, prompts: str, tiny_ref: ModelRef, adapted: ModelRef
) -> None:
    def fingerprint(base: ModelRef = tiny_ref, **options: Any) -> str:
        return retention(AnsweringResources(base, says), **options).fingerprint

    found = {
        fingerprint(texts=texts),
        fingerprint(texts=texts, prompts=prompts),
        fingerprint(prompts=prompts),
        fingerprint(adapted, prompts=prompts),
    }
    assert len(found) == 4
    assert fingerprint(adapted, texts=texts) == fingerprint(texts=texts)
