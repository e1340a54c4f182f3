"""The generator `vllm` over a stand-in for vLLM in a process of its own: the worker is the real one."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.models.test_causal_lm import make_adapter
from tests.fakes import FakeResources
from tests.plugins.vllm.conftest import generator_of
from udasa_core import (
    Adapter,
    Group,
    Message,
    ModelRef,
    Prompt,
    SamplingOptions,
    UdasaError,
    load_causal_lm,
    testing,
)
from udasa_plugin_vllm.generator import VLLMGenerator

pytestmark = pytest.mark.usefixtures("brief_canaries")

SAMPLING = SamplingOptions(responses=3, max_new_tokens=8, temperature=0.8)
PROMPTS = (
    Prompt("one", (Message("user", "hi"),)),
    Prompt("two", (Message("system", "be kind"), Message("user", "what is the sun?"))),
    Prompt("three", (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))),
)


@pytest.fixture(scope="module")
def adapters(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> list[Adapter]:
    lm = load_causal_lm(tiny_ref)
    return [make_adapter(lm, tmp_path_factory.mktemp("adapter"), seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def generator(python: str, tiny_ref: ModelRef) -> Iterator[VLLMGenerator]:
    """One whose process serves the base to all tests that leave it so."""
    made = generator_of(python, FakeResources(tiny_ref))
    yield made
    made.release()


@pytest.fixture(scope="module")
def groups(generator: VLLMGenerator, tiny_ref: ModelRef) -> list[Group]:
    return generator.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)


def assert_measured(groups: list[Group], policy: ModelRef) -> None:
    """The figures are the policy's own: one forward pass is the oracle."""
    lm = load_causal_lm(policy)
    for group in groups:
        for response in group.responses:
            (oracle,) = lm.token_statistics([group.prompt_token_ids], [response.token_ids])
            assert response.logprobs == pytest.approx(oracle.logprobs, abs=1e-4)


def test_one_group_a_prompt_with_the_policys_own_figures(groups: list[Group], tiny_ref: ModelRef) -> None:
    lm = load_causal_lm(tiny_ref)
    assert [group.prompt for group in groups] == list(PROMPTS)
    for group in groups:
        assert group.policy == tiny_ref.key
        assert group.prompt_token_ids == tuple(lm.render(group.prompt.messages))
        assert len({response.token_ids for response in group.responses}) == 3
        for response in group.responses:
            assert response.entropies is None
            assert response.text == lm.decode(response.token_ids)
            ends = response.token_ids[-1] in lm.stop_ids
            assert response.finish_reason == ("stop" if ends else "length")
            assert ends or len(response.token_ids) == 8
    assert_measured(groups, tiny_ref)


def test_the_same_shard_gives_the_same_whatever_came_before(
    generator: VLLMGenerator, groups: list[Group], tiny_ref: ModelRef
) -> None:
    other = generator.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 6)
    assert [one.responses for one in other] != [one.responses for one in groups]
    assert generator.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5) == groups


def test_greedy_tokens_are_one_answer_and_certain(generator: VLLMGenerator, tiny_ref: ModelRef) -> None:
    greedy = SamplingOptions(responses=2, temperature=1.0, max_new_tokens=4, top_k=1)
    for group in generator.udasa_generate(PROMPTS, greedy, tiny_ref, 5):
        first, second = group.responses
        assert first == second
        assert first.sampling_logprobs == (0.0,) * len(first.token_ids)


def test_where_nothing_is_tempered_the_raw_figures_are_those_sampled_from(
    generator: VLLMGenerator, tiny_ref: ModelRef
) -> None:
    plain = SamplingOptions(responses=1, temperature=1.0, max_new_tokens=4)
    for group in generator.udasa_generate(PROMPTS[:1], plain, tiny_ref, 5):
        assert group.responses[0].sampling_logprobs == group.responses[0].logprobs


def test_rescored_responses_have_entropies_and_what_they_were_sampled_with(
    generator: VLLMGenerator, groups: list[Group], tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    rescoring = generator.options.model_copy(update={"entropies": "rescore"})
    monkeypatch.setattr(generator, "options", rescoring)
    served = generator.pids
    lm = load_causal_lm(tiny_ref)
    for group, plain in zip(generator.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5), groups, strict=True):
        for response, one in zip(group.responses, plain.responses, strict=True):
            (oracle,) = lm.token_statistics([group.prompt_token_ids], [response.token_ids], 0.8)
            assert response.entropies == pytest.approx(oracle.entropies, abs=1e-4)
            assert response.sampling_logprobs == pytest.approx(oracle.sampling_logprobs, abs=1e-4)
            assert response.logprobs == one.logprobs
    assert generator.pids == served  # the model was loaded beside it


def test_prompts_that_do_not_fit_are_refused(
    generator: VLLMGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = generator.options.model_copy(update={"max_model_len": 40})
    monkeypatch.setattr(generator, "options", short)
    long = Prompt("long", (Message("user", "the sun " * 40),))
    fits, refusal = generator.udasa_admit([PROMPTS[0], long], SAMPLING)
    assert fits == ""
    assert "do not fit in a context of 40" in refusal


def test_its_versions_are_in_the_fingerprint(generator: VLLMGenerator) -> None:
    assert "vllm 0.32.0" in generator.fingerprint
    assert "torch 2" in generator.fingerprint


# adapters


def test_an_adapter_is_sampled_once_its_canary_is_known_and_the_base_is_as_before(
    generator: VLLMGenerator, groups: list[Group], tiny_ref: ModelRef, adapters: list[Adapter]
) -> None:
    policy = tiny_ref.with_adapter(adapters[0])
    before = generator.pids
    adapted = generator.udasa_generate(PROMPTS, SAMPLING, policy, 5)
    assert [one.responses for one in adapted] != [one.responses for one in groups]
    assert {one.policy for one in adapted} == {policy.key}
    assert_measured(adapted, policy)
    assert generator.pids != before
    assert generator.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5) == groups


@pytest.mark.parametrize(
    ("wrong", "told"), [("another", "a text's log-prob"), ("none", "it says the same with the adapter")]
)
def test_an_adapter_that_is_not_served_is_refused_before_a_sample(
    generator: VLLMGenerator,
    tiny_ref: ModelRef,
    adapters: list[Adapter],
    wrong: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if wrong == "another":
        monkeypatch.setenv("UDASA_STAND_IN_ADAPTER", adapters[1].folder)
    else:
        monkeypatch.setenv("UDASA_STAND_IN", "forgets the adapter")
    with pytest.raises(UdasaError, match="does not serve the policy that is to be sampled: " + told):
        generator.udasa_generate(PROMPTS, SAMPLING, tiny_ref.with_adapter(adapters[0]), 5)
    assert generator.pids == []


# what else holds the model's memory


def test_it_gives_way_to_a_model_that_is_loaded_here(generator: VLLMGenerator, tiny_ref: ModelRef) -> None:
    resources: Any = generator.resources
    generator.udasa_generate(PROMPTS[:1], SAMPLING, tiny_ref, 5)
    assert generator.pids
    resources.causal_lm(tiny_ref).tokenizer  # noqa: B018
    assert generator.pids  # a tokenizer takes no room
    resources.causal_lm(tiny_ref).model  # noqa: B018
    assert generator.pids == []


def test_the_kit_finds_nothing(python: str, tiny_ref: ModelRef) -> None:
    options = {"python": python, "max_model_len": 512}
    testing.check_factory("generator", VLLMGenerator, options, resources=FakeResources(tiny_ref))
    testing.check_generator(VLLMGenerator, options, policy=tiny_ref)
    gc.collect()


def test_a_policys_files_that_changed_are_refused(
    generator: VLLMGenerator, tiny_ref: ModelRef, adapters: list[Adapter], tmp_path: Path
) -> None:
    with pytest.raises(UdasaError, match="have changed since they were read"):
        generator.udasa_generate(PROMPTS, SAMPLING, replace(tiny_ref, revision="0" * 64), 5)
    stacked = replace(tiny_ref, adapters=tuple(adapters))
    with pytest.raises(UdasaError, match="2 adapters on top of one another"):
        generator.udasa_generate(PROMPTS, SAMPLING, stacked, 5)
