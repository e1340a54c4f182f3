"""Scores without a run: by hand, by the same responses in a run, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, response
from tests.core.classifiers import make_classifier, make_tokenizer
from udasa_core import (
    Abstain,
    Group,
    Message,
    ModelRef,
    Prompt,
    UdasaError,
    load_causal_lm,
    measured_group,
    score,
)
from udasa_core.errors import ConfigError, PluginError
from udasa_core.store.output import Output
from udasa_core.store.tables import groups_from

FRANCE = "What is the capital of France?"
TEXTS = ["Paris.", "It is Paris.", "Lyon."]


def test_texts_alone_are_scored() -> None:
    columns = score([(FRANCE, TEXTS), (FRANCE, ["Paris."])], ["semantic.lexical"])
    assert list(columns) == ["semantic.lexical"]
    first, second = columns["semantic.lexical"].scores
    # "paris" and "it is paris" share one word: F1 = 2 · (1 · ⅓) / (1 + ⅓) = ½; "lyon" shares none.
    assert first == pytest.approx((0.75, 0.75, 1.0))
    assert isinstance(second[0], Abstain)


def test_prompts_and_responses_may_be_records() -> None:
    prompt = Prompt("one", (Message("user", FRANCE),))
    records = [response(text, logprob=-0.5) for text in TEXTS]
    asked: list[Any] = [
        (prompt, records),
        (prompt.messages, records),
        Group(prompt, (1,), tuple(records), ""),
    ]
    columns = score(asked, ["factual.nll", "semantic.lexical"])
    assert columns["factual.nll"].scores == ((pytest.approx(1 - math.exp(-0.5)),) * 3,) * 3
    assert len(set(columns["semantic.lexical"].scores)) == 1


def test_tables_name_instances_and_give_options() -> None:
    tables = [
        {"use": "tests.canned:Dimension", "name": "salty", "salt": "salt"},
        {"use": "tests.canned:Dimension", "name": "plain"},
        "tests.canned:Planted",
    ]
    columns = score([(FRANCE, TEXTS)] * 20, tables)
    assert list(columns) == ["salty", "plain", "tests.canned:Planted"]
    assert columns["salty"].scores != columns["plain"].scores
    assert columns["tests.canned:Planted"].scores == ((0.0, 0.1, 0.2),) * 20


def test_the_same_responses_get_the_scores_that_a_run_gave_them(canned_run: udasa_core.Run) -> None:
    keys = canned_run.keys(Output("sample", "training"))
    groups = [group for key in keys for group in groups_from(canned_run.store.read_table("sample", key))]
    by_prompt = {scores.prompt_id: scores.raw for scores in canned_run.scores()}
    assert groups
    tables = canned_run.manifest.plain["config"]["dimension"]
    columns = score(groups, tables)
    for name, column in columns.items():
        assert [by_prompt[group.prompt.id][name] for group in groups] == list(column.scores)


def test_a_model_measures_texts(tiny_model_dir: Path, tiny_ref: ModelRef) -> None:
    table = {"source": f"file:{tiny_model_dir}", "dtype": "float32"}
    nll = score([(FRANCE, TEXTS)], ["factual.nll"], model=table)["factual.nll"]
    lm = load_causal_lm(tiny_ref)
    prompt = Prompt("1", (Message("user", FRANCE),))
    group = measured_group(lm, prompt, lm.render(prompt.messages), TEXTS, lm.end_of_turn())
    means = [sum(one.logprobs) / len(one.logprobs) for one in group.responses]
    assert nll.scores == (pytest.approx(tuple(1 - math.exp(mean) for mean in means)),)
    plain = score([(FRANCE, TEXTS)], "factual.nll", model=table, template="plain")["factual.nll"]
    assert plain.scores != nll.scores


def test_texts_that_spell_control_tokens_are_counted(
    tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = f"file:{tiny_model_dir}"
    texts = ["Paris.<|im_end|>", "Ly<|im_end|>on.", "Rome."]
    spelled = score([(FRANCE, texts)], "factual.nll", model=model)["factual.nll"].scores[0]
    assert "responses that spell control tokens, which are read as plain text: 1" in caplog.text
    plain = score([(FRANCE, ["Paris.", "Rome."])], "factual.nll", model=model)["factual.nll"].scores[0]
    assert (spelled[0], spelled[2]) == pytest.approx(plain)


def test_responses_with_statistics_keep_them_beside_texts(tiny_model_dir: Path) -> None:
    certain = response("Paris.", logprob=0.0)
    asked = [(FRANCE, ["Lyon.", certain, "Rome."])]
    scores = score(asked, ["factual.nll"], model=f"file:{tiny_model_dir}")["factual.nll"].scores[0]
    assert scores[1] == 0.0
    assert scores[0] > 0.0
    assert scores[2] > 0.0


def test_a_text_longer_than_the_context_is_cut_and_such_a_prompt_is_refused(tiny_model_dir: Path) -> None:
    model = f"file:{tiny_model_dir}"
    columns = score([("Why?", ["no " * 600, "yes"])], ["factual.nll"], model=model)
    assert len(columns["factual.nll"].scores[0]) == 2
    with pytest.raises(UdasaError, match=r"prompt 1 has \d+ tokens"):
        score([("Why? " * 600, ["yes"])], ["factual.nll"], model=model)


def test_the_model_reads_where_there_is_no_other_reader(tiny_model_dir: Path) -> None:
    asked = [(FRANCE, TEXTS)]
    by_model = score(asked, ["factual.p-true"], model=f"file:{tiny_model_dir}")
    by_reader = score(asked, ["factual.p-true"], reader=f"file:{tiny_model_dir}")
    plain = {"source": f"file:{tiny_model_dir}", "template": "plain"}
    assert by_model == by_reader
    assert score(asked, ["factual.p-true"], reader=plain) != by_model


def test_an_entailment_model_compares(tmp_path: Path) -> None:
    make_classifier(tmp_path, "bert", positions=64, labels=("contradiction", "neutral", "entailment"))
    make_tokenizer(tmp_path, limit=64)
    asked = [(FRANCE, ["paris", "paris", "lyon"])]
    scores = score(asked, ["semantic.degree"], entailment="file:.", root=tmp_path)["semantic.degree"].scores[
        0
    ]
    # Equal texts are equally far from the third.
    assert scores[0] == scores[1] != scores[2]


@pytest.mark.slow
def test_the_real_embedder_finds_the_odd_one_out() -> None:
    asked = [(FRANCE, ["Paris.", "The capital is Paris.", "It is Paris.", "Bananas are yellow."])]
    scores = score(asked, ["semantic.degree"])["semantic.degree"].scores[0]
    assert max(range(4), key=lambda number: scores[number]) == 3


def test_the_same_call_gives_the_same_scores_and_no_group_depends_on_another() -> None:
    many = [(f"Question {number}?", [f"Answer {k} of {number}" for k in range(3)]) for number in range(30)]
    table = ["semantic.lexical", "factual.selfcheck-ngram"]
    columns = score(many, table)
    assert columns == score(many, table)
    alone = score(many[20:21], table)
    assert {name: column.scores[20:21] for name, column in columns.items()} == {
        name: column.scores for name, column in alone.items()
    }


def test_no_group_gives_no_score() -> None:
    assert score([], ["semantic.lexical"])["semantic.lexical"].scores == ()


def test_nothing_is_asked_before_everything_is_checked() -> None:
    calls.clear()
    with pytest.raises(ConfigError) as told:
        score(
            [(FRANCE, TEXTS)],
            [
                "tests.canned:Dimension",
                "tests.canned:Dimension",
                "no.such",
                {"use": "semantic.lexical", "onn": "answer"},
                "factual.selfcheck",
                "factual.p-true",
            ],
            model=None,
            embedder={"source": "file:nowhere", "dtyp": "float32"},
        )
    text = str(told.value)
    for part in (
        "embedder.dtyp: is not a known key",
        "two tables have this name",
        "no installed distribution offers the dimension 'no.such'",
        'did you mean "on"?',
        "factual.selfcheck: needs an entailment model",
        "factual.p-true: needs a reader",
    ):
        assert part in text
    assert not calls


def test_a_model_that_cannot_be_had_is_a_fault_of_its_table() -> None:
    with pytest.raises(ConfigError, match=r"model\.source"):
        score([(FRANCE, TEXTS)], ["semantic.lexical"], model="file:nowhere")


def test_no_dimension_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="dimension: is missing"):
        score([(FRANCE, TEXTS)], [])


@pytest.mark.parametrize(
    "dimension", ["factual.nll", "factual.max-token", "factual.cocoa", "semantic.agreement"]
)
def test_statistics_that_a_text_has_not_are_refused_by_name(
    dimension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.running import scoring
    from udasa_core.testing import FakeResources

    class Fakes(FakeResources):
        def __init__(self, *args: Any) -> None:
            super().__init__()
            self.refs = {}

    monkeypatch.setattr(scoring, "SharedResources", Fakes)
    monkeypatch.setattr(scoring, "resolve_models", lambda *args: {})
    with pytest.raises(UdasaError, match=rf"(?s){dimension}.*log-probabilities.*model="):
        score([(FRANCE, TEXTS)], [dimension])


@pytest.mark.parametrize(
    "group",
    [
        "Paris",
        (FRANCE, "Paris."),
        (FRANCE, []),
        (FRANCE, [1]),
        (7, TEXTS),
        ([], TEXTS),
        ([Message("assistant", "Hi")], TEXTS),
        {"prompt": FRANCE, "responses": TEXTS},
    ],
)
def test_a_group_that_is_none_is_told_with_its_number(group: Any) -> None:
    with pytest.raises(UdasaError, match=r"group 2: .*\n.*a group is a Group, or \(prompt, \["):
        score([(FRANCE, TEXTS), group], ["semantic.lexical"])


def test_a_dimension_that_raises_is_named_with_its_prompt() -> None:
    with pytest.raises(PluginError, match=r"raised in udasa_score on prompt \w+: ZeroDivisionError"):
        score([(FRANCE, TEXTS)], [{"use": "tests.canned:Misbehaving", "fault": "raises"}])


def test_a_score_out_of_range_is_a_breach() -> None:
    with pytest.raises(PluginError, match=r"a score is a float in \[0, 1\]"):
        score([(FRANCE, TEXTS)], [{"use": "tests.canned:Misbehaving", "fault": "nan"}])


def test_a_response_that_was_cut_off_while_it_thought_is_neither_scored_nor_compared() -> None:
    texts = ["<think>a</think>Paris.", "<think>Lyon, or", "<think>b</think>Paris.", "Lyon."]
    cut = Abstain("the response was cut off while it thought, and answers nothing")
    asked = (FRANCE, texts), (FRANCE, ["<think>", "<think>Rome"])
    first, second = score(asked, ["semantic.lexical"])["semantic.lexical"].scores
    # Of three answers, two agree; the thought is no fourth voice.
    assert first == pytest.approx((0.5, cut, 0.5, 1.0))
    assert second == (cut, cut)
    (alone,) = score([(FRANCE, ["<think>", "<think>Rome"])], ["semantic.lexical"])["semantic.lexical"].scores
    assert alone == (cut, cut)


def test_voters_that_were_cut_off_while_they_thought_are_not_heard() -> None:
    thought = replace(response("x"), text="", thought="<think>x", thought_tokens=1)
    prompt = Prompt("one", (Message("user", FRANCE),))
    group = Group(
        prompt, (1,), (response("Paris."), response("Rome.")), "", voters=(thought, response("Paris."))
    )
    (scores,) = score([group], ["semantic.lexical"])["semantic.lexical"].scores
    assert scores == pytest.approx((0.5, 1.0))
