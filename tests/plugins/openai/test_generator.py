"""The generator behind a server: the policy's own tokens and figures for texts that others sampled."""

from __future__ import annotations

import json
import logging
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import canned
from tests.fakes import FakeResources
from tests.misbehaving_server import (
    Behaviour,
    Call,
    MisbehavingServer,
    after,
    choice,
    closes_at_once,
    completes,
    echoes_the_key,
    garbage,
    says,
    status,
    tokens,
)
from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import (
    Adapter,
    Group,
    Message,
    ModelRef,
    Prompt,
    SamplingOptions,
    UdasaError,
    adapter_digest,
    run,
    testing,
)
from udasa_plugin_openai.generator import OpenAIGenerator

NEUTRAL = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "repeat_penalty": 1.0,
}
SAMPLING = SamplingOptions(responses=3, temperature=0.7, max_new_tokens=12)
PROMPTS = (
    Prompt("one", (Message("user", "hi"),)),
    Prompt("two", (Message("system", "be kind"), Message("user", "what is the sun?"))),
)
WORDS = ("the sun", "a thing of the sky", "yes", "no and no", "I see")


@pytest.fixture(scope="module")
def resources(tiny_ref: ModelRef) -> FakeResources:
    return FakeResources(tiny_ref)


def generator(server: MisbehavingServer, resources: FakeResources, **options: Any) -> OpenAIGenerator:
    given = {"base_url": server.url, "model": "g", "retries": 1, **options}
    return OpenAIGenerator(OpenAIGenerator.Options(**given), "openai", resources)


def generate(
    server: MisbehavingServer,
    resources: FakeResources,
    prompts: tuple[Prompt, ...] = PROMPTS,
    sampling: SamplingOptions = SAMPLING,
    **options: Any,
) -> list[Group]:
    return generator(server, resources, **options).udasa_generate(prompts, sampling, resources.base, 5)


def word(call: Call, index: int = 0) -> str:
    """A word by prompt, seed and place."""
    return WORDS[(len(call.text) + call.body.get("seed", 0) + index) % len(WORDS)]


def honest(finish_reason: str | None = "stop") -> Behaviour:
    """As many choices as are asked for."""
    return completes(
        lambda call: [
            choice(word(call, index), finish_reason, index=index) for index in range(call.body.get("n", 1))
        ]
    )


ignoring_n = completes(lambda call: [choice(word(call))])


def sampled(server: MisbehavingServer) -> list[Call]:
    """What was asked beside the probes."""
    return [call for call in server.calls if call.text != "Say a word."]


def test_it_keeps_the_contract_but_for_the_server(
    server: MisbehavingServer, resources: FakeResources
) -> None:
    options = {"base_url": server.url, "model": "g"}
    testing.check_factory("generator", OpenAIGenerator, options)
    server.always(honest())  # this one answers the same twice
    testing.check_generator(OpenAIGenerator, options, policy=resources.base, resources=resources)


def test_responses_have_the_policys_tokens_and_figures(
    server: MisbehavingServer, resources: FakeResources
) -> None:
    server.always(honest())
    groups = generate(server, resources)
    lm = resources.causal_lm(resources.base)
    assert [group.prompt for group in groups] == list(PROMPTS)
    for group in groups:
        assert group.policy == resources.base.key
        assert group.prompt_token_ids == tuple(lm.render(group.prompt.messages))
        assert len({response.text for response in group.responses}) == 3
        for response in group.responses:
            assert list(response.token_ids) == [*lm.encode(response.text), lm.end_of_turn()]
            (forced,) = lm.token_statistics(
                [group.prompt_token_ids], [response.token_ids], SAMPLING.temperature
            )
            assert response.logprobs == pytest.approx(forced.logprobs, abs=1e-5)
            assert response.sampling_logprobs == pytest.approx(forced.sampling_logprobs, abs=1e-5)
            assert response.entropies == pytest.approx(forced.entropies, abs=1e-5)
            assert response.finish_reason == "stop"


def test_what_is_asked(server: MisbehavingServer, resources: FakeResources) -> None:
    server.always(honest())
    one = generator(server, resources)
    one.udasa_generate(PROMPTS, SAMPLING, resources.base, 5)
    assert len(server.calls) == 1 + 2  # a probe, and a request a prompt
    body = dict(next(call.body for call in sampled(server) if "sun" in call.text))
    assert 0 <= body.pop("seed") < 2**31
    assert body == {
        "model": "g",
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "what is the sun?"},
        ],
        "max_tokens": 12,
        "temperature": 0.7,
        **NEUTRAL,
        "n": 3,
    }
    one.udasa_generate(PROMPTS[:1], replace(SAMPLING, top_p=0.9, top_k=4), resources.base, 6)
    assert len(server.calls) == 4  # the probe is asked once
    assert (server.calls[3].body["top_p"], server.calls[3].body["top_k"]) == (0.9, 4)
    assert server.calls[3].body["seed"] != server.calls[1].body["seed"]


def test_template_options_go_to_both_sides(server: MisbehavingServer, resources: FakeResources) -> None:
    server.always(honest())
    # A name that the tiny model's own template has: an option that it has not is refused.
    generate(server, resources, template_options={"message": "?"})
    assert sampled(server)[0].body["chat_template_kwargs"] == {"message": "?"}


def test_a_server_that_ignores_n_is_asked_once_a_response(
    server: MisbehavingServer, resources: FakeResources
) -> None:
    server.always(after(0.2, ignoring_n))
    groups = generate(server, resources, concurrency=2)
    assert [len(group.responses) for group in groups] == [3, 3]
    calls = sampled(server)
    assert len(calls) == 6
    assert len({(call.text, call.body["seed"]) for call in calls}) == 6
    assert all("n" not in call.body for call in calls)
    assert server.most_at_once == 2
    # In order, whichever came first: each text is the one that its seed got.
    told = [response.text for group in groups for response in group.responses]
    assert sorted(told) == sorted(word(call) for call in calls)


def test_a_server_that_gives_fewer_is_asked_for_the_rest(
    server: MisbehavingServer, resources: FakeResources
) -> None:
    server.always(
        completes(lambda call: [choice(word(call, k)) for k in range(min(2, call.body.get("n", 1)))])
    )
    groups = generate(server, resources, concurrency=1)
    assert [len(group.responses) for group in groups] == [3, 3]
    assert [call.body.get("n", 1) for call in sampled(server)] == [3, 1, 3, 1]


@pytest.mark.parametrize("refused", [("n",), ("logprobs",), ("n", "logprobs")])
def test_a_server_that_refuses_n_or_logprobs_is_asked_without(
    server: MisbehavingServer, resources: FakeResources, refused: tuple[str, ...]
) -> None:
    def behave(call: Call, handler: Any) -> None:
        bad = [name for name in refused if name in call.body]
        (status(422, f"unexpected {bad}") if bad else honest())(call, handler)

    server.always(behave)
    groups = generate(server, resources)
    assert [len(group.responses) for group in groups] == [3, 3]
    assert len(server.calls) - len(sampled(server)) == 3
    assert len(sampled(server)) == (6 if "n" in refused else 2)


def refusing(*names: str, words: str = "unexpected field {name}") -> Behaviour:
    """Answers 400 to a request with one of these fields, whatever its value, and names it."""

    def behave(call: Call, handler: Any) -> None:
        name = next((name for name in names if name in call.body), None)
        (honest() if name is None else status(400, words.format(name=name)))(call, handler)

    return behave


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (("top_k",), "unexpected field {name}"),
        (("top_k", "min_p", "repetition_penalty"), "Unknown field {name}; known: temperature, top_p, n"),
        (("temperature",), "Unsupported value: '{name}' does not support 0.7 with this model"),
        (("top_p",), '{{"error": {{"message": "temperature and top_p", "param": "{name}"}}}}'),
        (("top_k",), "{{'type': 'extra_forbidden', 'loc': ('body', '{name}'), 'input': 0}}"),
    ],
)
def test_a_setting_that_a_server_refuses_by_name_is_the_servers_own_and_told(
    server: MisbehavingServer,
    resources: FakeResources,
    caplog: pytest.LogCaptureFixture,
    refused: tuple[str, ...],
    words: str,
) -> None:
    server.always(refusing(*refused, words=words))
    one = generator(server, resources, concurrency=1)
    groups = one.udasa_generate(PROMPTS, SAMPLING, resources.base, 5)
    assert [len(group.responses) for group in groups] == [3, 3]
    left = {"temperature", *NEUTRAL} - set(refused)
    assert left <= set(sampled(server)[-1].body)
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "the server refuses" in told
    told_names = [name for name in refused if name != "repetition_penalty"]
    assert all(f"{name} = " in told for name in told_names)
    assert one._requests._settings.refused == set(refused)
    asked = len(server.calls)
    one.udasa_generate(PROMPTS, SAMPLING, resources.base, 6)
    assert len(server.calls) == asked + 2
    # Figures say nothing of a temperature that nobody sampled with.
    for group in groups:
        for response in group.responses:
            is_raw = response.sampling_logprobs == pytest.approx(response.logprobs, abs=1e-4)
            assert is_raw is ("temperature" in refused)


def test_a_server_may_spell_no_top_k_as_minus_one(
    server: MisbehavingServer, resources: FakeResources, caplog: pytest.LogCaptureFixture
) -> None:
    def sglang(call: Call, handler: Any) -> None:
        bad = status(400, "top_k must be -1 (disable), or at least 1, got 0.")
        (bad if call.body.get("top_k") == 0 else honest())(call, handler)

    server.always(sglang)
    generate(server, resources)
    assert sampled(server)[-1].body["top_k"] == -1
    assert "refuses" not in caplog.text


def test_what_the_user_sends_along_goes_before(server: MisbehavingServer, resources: FakeResources) -> None:
    server.always(honest())
    generate(server, resources, extra_body={"repetition_penalty": 1.1, "min_p": 0.2})
    body = sampled(server)[0].body
    assert (body["repetition_penalty"], body["min_p"], body["top_p"]) == (1.1, 0.2, 1.0)
    assert "repeat_penalty" not in body


def test_a_refused_prompt_that_names_a_setting_leaves_the_settings(
    server: MisbehavingServer, resources: FakeResources, caplog: pytest.LogCaptureFixture
) -> None:
    def moody(call: Call, handler: Any) -> None:
        bad = status(400, "prompt: what does top_k mean?")
        (bad if "sun" in call.text else honest())(call, handler)

    server.always(moody)
    one = generator(server, resources)
    with pytest.raises(UdasaError, match="refuses 1 of 2 prompts"):
        one.udasa_generate(PROMPTS, SAMPLING, resources.base, 5)
    assert one._requests._settings.refused == frozenset()
    assert "refuses top_k" not in caplog.text


# Log-probabilities


def with_logprobs(
    resources: FakeResources, shift: float = 0.0, temperature: float = 1.0, **spoil: Any
) -> Behaviour:
    """A server that is the policy: it gives each token's log-probability, `shift` nats off."""
    lm = resources.causal_lm(resources.base)

    def choices(call: Call) -> list[dict[str, Any]]:
        messages = [Message(one["role"], one["content"]) for one in call.body["messages"]]
        made = []
        for index in range(call.body.get("n", 1)):
            text = word(call, index)
            ids = [*lm.encode(text), lm.end_of_turn()]
            (forced,) = lm.token_statistics([lm.render(messages)], [ids], temperature)
            spelled: list[tuple[str, Any]] = [
                (lm.tokenizer.decode([one]), value + shift)
                for one, value in zip(ids, forced.sampling_logprobs, strict=True)
            ]
            if spoil.get("no_end"):
                spelled = spelled[:-1]
            if spoil.get("hole"):
                spelled[0] = (spelled[0][0], None)
            if spoil.get("other"):
                spelled[0] = ("§", spelled[0][1])
            made.append(choice(text, "stop", tokens(*spelled), index))
        return made

    return completes(choices)


def figures(groups: list[Group]) -> list[tuple[float, ...]]:
    return [response.logprobs for group in groups for response in group.responses]


def sampling_figures(groups: list[Group]) -> list[tuple[float, ...]]:
    return [response.sampling_logprobs for group in groups for response in group.responses]


def test_a_servers_raw_logprobs_are_taken(
    server: MisbehavingServer, resources: FakeResources, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="udasa")
    server.always(honest())
    local = generate(server, resources)
    server.always(with_logprobs(resources, shift=-0.125))
    served = generate(server, resources)
    assert sampled(server)[-1].body["logprobs"] is True
    for ours, theirs in zip(figures(local), figures(served), strict=True):
        assert theirs == pytest.approx([value - 0.125 for value in ours], abs=1e-5)
    assert sampling_figures(served) == sampling_figures(local)
    assert "the server's log-probabilities for 2 of 2 prompts" in caplog.text


def test_a_servers_tempered_logprobs_are_no_raw_ones(
    server: MisbehavingServer, resources: FakeResources
) -> None:
    server.always(honest())
    local = generate(server, resources)
    server.always(with_logprobs(resources, shift=-1e-3, temperature=SAMPLING.temperature))
    served = generate(server, resources)
    assert figures(served) == figures(local)
    for ours, theirs in zip(sampling_figures(local), sampling_figures(served), strict=True):
        assert theirs == pytest.approx([value - 1e-3 for value in ours], abs=1e-5)
        assert theirs != ours


def test_another_models_logprobs_are_not_taken_and_told(
    server: MisbehavingServer, resources: FakeResources, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(honest())
    local = generate(server, resources)
    server.always(with_logprobs(resources, shift=-3.0))
    assert generate(server, resources) == local
    assert "another model" in caplog.text
    assert caplog.text.count("nats a token away") == 1  # not once a prompt


@pytest.mark.parametrize("spoil", ["no_end", "hole", "other"])
def test_logprobs_of_other_tokens_are_not_taken(
    server: MisbehavingServer, resources: FakeResources, spoil: str
) -> None:
    server.always(honest())
    local = generate(server, resources)
    server.always(with_logprobs(resources, shift=-0.125, **{spoil: True}))
    assert generate(server, resources) == local


@pytest.mark.parametrize("given", [None, {}, {"content": None}, {"content": []}, {"content": [3]}, "x"])
def test_logprobs_that_are_none(server: MisbehavingServer, resources: FakeResources, given: Any) -> None:
    server.always(honest())
    local = generate(server, resources)
    server.always(
        completes(lambda call: [choice(word(call, k), logprobs=given) for k in range(call.body.get("n", 1))])
    )
    assert generate(server, resources) == local
    assert "logprobs" not in sampled(server)[-1].body


# Ends


@pytest.mark.parametrize(
    ("told", "budget", "finish_reason"),
    [
        ("stop", 12, "stop"),
        ("length", 12, "length"),
        ("eos", 12, "stop"),
        (None, 12, "stop"),
        (None, 1, "length"),
        ("whatever", 1, "length"),
    ],
)
def test_how_a_response_ended(
    server: MisbehavingServer, resources: FakeResources, told: str | None, budget: int, finish_reason: str
) -> None:
    server.always(honest(told))
    (group,) = generate(server, resources, PROMPTS[:1], replace(SAMPLING, max_new_tokens=budget))
    lm = resources.causal_lm(resources.base)
    for response in group.responses:
        assert response.finish_reason == finish_reason
        assert (response.token_ids[-1] == lm.end_of_turn()) == (finish_reason == "stop")


@pytest.mark.parametrize("told", ["stop", "length"])
def test_control_tokens_that_a_server_gives_as_text(
    server: MisbehavingServer, resources: FakeResources, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(completes(lambda call: [choice("a<|im_start|>b<|im_end|>", told)]))
    (group,) = generate(server, resources, PROMPTS[:1])
    lm = resources.causal_lm(resources.base)
    for response in group.responses:
        assert response.text == "a<|im_start|>b"
        assert response.token_ids == (*lm.encode("a<|im_start|>b"), lm.end_of_turn())
        assert response.token_ids.count(lm.end_of_turn()) == 1
        assert response.finish_reason == "stop"
    assert "responses that spell control tokens, which are read as plain text: 3" in caplog.text


def test_a_response_that_ends_at_once_is_one(server: MisbehavingServer, resources: FakeResources) -> None:
    server.always(says(""))
    (group,) = generate(server, resources, PROMPTS[:1])
    lm = resources.causal_lm(resources.base)
    assert [one.token_ids for one in group.responses] == [(lm.end_of_turn(),)] * 3


def test_a_response_beyond_the_context_is_cut_there(
    server: MisbehavingServer, resources: FakeResources
) -> None:
    server.always(says("x" * 600))
    (group,) = generate(server, resources, PROMPTS[:1])
    for response in group.responses:
        assert len(group.prompt_token_ids) + len(response.token_ids) == 512
        assert response.finish_reason == "length"
        assert response.text == "x" * len(response.token_ids)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("text", "reason"), [(None, "length"), ("", "length"), ("half a", "content_filter"), (None, "tool_calls")]
)
def test_what_is_no_response_is_asked_for_again_and_left_out(
    server: MisbehavingServer, resources: FakeResources, text: str | None, reason: str
) -> None:
    bad = says(text, reason)
    server.next(says("probed"), bad, bad, says("yes"), says("no"))
    (group,) = generate(server, resources, PROMPTS[:1], concurrency=1)
    # The first response stayed unusable when it was asked for again; the others serve.
    assert [response.text for response in group.responses] == ["yes", "no"]
    server.next(says("probed"))
    server.always(bad)
    with pytest.raises(UdasaError, match=f"finish reason: {reason}"):
        generate(server, resources, PROMPTS[:1], concurrency=1)


# Bad servers


@pytest.mark.usefixtures("impatient")
def test_it_gets_over_what_passes(server: MisbehavingServer, resources: FakeResources) -> None:
    server.always(honest())
    expected = generate(server, resources)
    server.next(status(429), honest(), closes_at_once, garbage(b"?"))
    assert generate(server, resources) == expected


@pytest.mark.usefixtures("impatient")
def test_a_dead_server_is_an_error_that_shows_no_key(
    server: MisbehavingServer, resources: FakeResources, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="udasa")
    server.always(echoes_the_key(500))
    with pytest.raises(UdasaError, match="asked 2 times") as told:
        generate(server, resources, api_key_env="TEST_KEY")
    assert key not in str(told.value) + caplog.text


def test_refused_prompts_are_named_all_at_once(server: MisbehavingServer, resources: FakeResources) -> None:
    def behave(call: Call, handler: Any) -> None:
        (status(400, "maximum context length") if "sun" in call.text else honest())(call, handler)

    server.always(behave)
    many = tuple(Prompt(f"p{k}", (Message("user", "sun" if k % 2 else "moon"),)) for k in range(6))
    with pytest.raises(UdasaError) as told:
        generate(server, resources, many)
    message = str(told.value)
    assert "refuses 3 of 6 prompts (p1, p3, p5)" in message
    assert "maximum context length" in message
    assert "context_length = …" in message
    assert len(sampled(server)) == 6


def test_long_prompts_are_set_aside_beforehand(server: MisbehavingServer, resources: FakeResources) -> None:
    long = Prompt("long", (Message("user", "x" * 600),))
    taken, refused = generator(server, resources).udasa_admit([PROMPTS[0], long], SAMPLING)
    assert taken == ""
    assert "context of 512" in refused
    small = generator(server, resources, context_length=20)
    assert "context of 20" in small.udasa_admit(PROMPTS[:1], SAMPLING)[0]
    assert server.calls == []


def test_a_base_model_is_told_what_to_do(server: MisbehavingServer, tmp_path: Path) -> None:
    ref = tiny_ref_of(make_tiny_model(tmp_path / "model", chat_template=False))
    with pytest.raises(UdasaError, match="no chat template"):
        generator(server, FakeResources(ref)).udasa_admit(PROMPTS, SAMPLING)


def test_a_prompt_of_another_length_is_told_once(
    server: MisbehavingServer, resources: FakeResources, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(completes(lambda call: [choice("yes"), choice("no"), choice("I see")], prompt_tokens=3))
    generate(server, resources)
    assert caplog.text.count("counts 3 tokens in prompt one") == 1
    assert "prompt two" not in caplog.text


def test_a_server_that_writes_its_own_date_is_told_once(
    server: MisbehavingServer, tiny_model_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(tiny_model_dir, tmp_path / "model")
    template = folder / "chat_template.jinja"
    template.write_text(
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
        "{{ date_string }}" + template.read_text()
    )
    server.always(honest())
    resources = FakeResources(tiny_ref_of(folder))
    (group, _) = generate(server, resources, template_options={"date_string": "1 May 2026"})
    assert "writes today's date" not in caplog.text
    (frozen, _) = generate(server, resources)
    assert caplog.text.count("writes today's date: the server its own, and this machine 26 July 2024") == 1
    lm = resources.causal_lm(resources.base)
    assert lm.decode(frozen.prompt_token_ids).startswith("26 Jul 2024")
    assert lm.decode(group.prompt_token_ids).startswith("1 May 2026")


def test_a_server_that_does_not_sample_is_told(
    server: MisbehavingServer, resources: FakeResources, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(says("the same"))
    generate(server, resources)
    assert "answer greedily" in caplog.text
    caplog.clear()
    server.always(honest())
    generate(server, resources)
    assert "greedily" not in caplog.text


# A policy that no server serves


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_ref: ModelRef) -> ModelRef:
    """The tiny model with an adapter that changes what it says."""
    import torch
    from peft import LoraConfig, get_peft_model

    from udasa_core import load_base

    folder = tmp_path_factory.mktemp("adapter")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = get_peft_model(load_base(tiny_ref), LoraConfig(r=4, target_modules="all-linear"))
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weights, std=0.5)
    model.save_pretrained(folder)
    return tiny_ref.with_adapter(Adapter(adapter_digest(folder), str(folder)))


def test_a_trained_policy_is_sampled_here(
    server: MisbehavingServer, resources: FakeResources, trained: ModelRef
) -> None:
    sampling = SamplingOptions(responses=40, temperature=4.0, max_new_tokens=32, top_p=0.95)
    one = generator(server, resources)
    groups = one.udasa_generate(PROMPTS, sampling, trained, 5)
    assert server.calls == []
    assert groups == one.udasa_generate(PROMPTS, sampling, trained, 5)
    assert groups != one.udasa_generate(PROMPTS, sampling, trained, 6)
    lm = resources.causal_lm(trained)
    for group in groups:
        assert group.policy == trained.key
        assert {response.finish_reason for response in group.responses} == {"stop", "length"}
        for response in group.responses:
            assert response.text == lm.decode(response.token_ids)
            ends = [token in lm.stop_ids for token in response.token_ids]
            assert not any(ends[:-1])
            assert ends[-1] == (response.finish_reason == "stop")
            assert ends[-1] or len(response.token_ids) == 32
            (forced,) = lm.token_statistics([group.prompt_token_ids], [response.token_ids], 4.0, 0.95)
            assert response.logprobs == pytest.approx(forced.logprobs, abs=1e-4)
            assert response.entropies == pytest.approx(forced.entropies, abs=1e-4)
            assert all(map(math.isfinite, response.sampling_logprobs))


def test_another_model_than_the_policy_is_sampled_here(
    server: MisbehavingServer, resources: FakeResources, tmp_path: Path
) -> None:
    """The server has the policy, and none that a dimension compares it with."""
    other = tiny_ref_of(make_tiny_model(tmp_path / "other", seed=1))
    sampling = SamplingOptions(responses=3, temperature=1.0, max_new_tokens=8)
    groups = generator(server, resources).udasa_generate(PROMPTS, sampling, other, 5)
    assert server.calls == []
    lm = resources.causal_lm(other)
    for group in groups:
        assert group.policy == other.key
        for response in group.responses:
            (forced,) = lm.token_statistics([group.prompt_token_ids], [response.token_ids])
            assert response.logprobs == pytest.approx(forced.logprobs, abs=1e-4)


def test_where_prompts_cannot_decode_together_each_is_sampled_by_itself(
    server: MisbehavingServer,
    resources: FakeResources,
    trained: ModelRef,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("udasa_plugin_openai.local.takes_slots", lambda model: False)
    twice = (PROMPTS[0], replace(PROMPTS[0], id="again"))
    sampling = SamplingOptions(responses=3, temperature=1.0, max_new_tokens=8)
    one = generator(server, resources)
    first, again = one.udasa_generate(twice, sampling, trained, 5)
    assert first.responses != again.responses
    assert one.udasa_generate(twice, sampling, trained, 5) == [first, again]
    lm = resources.causal_lm(trained)
    for response in first.responses:
        (forced,) = lm.token_statistics([first.prompt_token_ids], [response.token_ids])
        assert response.logprobs == pytest.approx(forced.logprobs, abs=1e-4)


def test_what_is_sampled_here_follows_the_policys_distribution(
    server: MisbehavingServer, resources: FakeResources, trained: ModelRef
) -> None:
    """Of 4,000 first tokens, each comes as often as the policy says, within five standard errors."""
    import torch

    sampling = SamplingOptions(responses=4000, temperature=1.0, max_new_tokens=1)
    (group,) = generator(server, resources).udasa_generate(PROMPTS[:1], sampling, trained, 5)
    lm = resources.causal_lm(trained)
    with torch.inference_mode():
        logits = lm.model(torch.tensor([group.prompt_token_ids])).logits[0, -1]
    expected = logits.double().softmax(dim=-1)
    drawn = torch.bincount(
        torch.tensor([one.token_ids[0] for one in group.responses]), minlength=len(expected)
    )
    error = (expected * (1 - expected) / 4000).sqrt()
    likely = expected > 0.005
    assert likely.sum() > 5
    assert bool(((drawn / 4000 - expected).abs()[likely] < 5 * error[likely]).all())


# A run


def test_a_run_goes_to_its_end(
    server: MisbehavingServer, tmp_path: Path, tiny_model_dir: Path, key: str
) -> None:
    """Sampled by a server that ignores `n`, trained for real, compared on held-out prompts; run again, it
    asks nothing."""
    server.always(ignoring_n)
    plain = canned.configuration(
        tmp_path,
        tiny_model_dir,
        count=16,
        generator={
            "use": "udasa_plugin_openai.generator:OpenAIGenerator",
            "base_url": server.url,
            "model": "g",
            "api_key_env": "TEST_KEY",
            "responses": 4,
            "max_new_tokens": 8,
        },
        trainer={"use": "dpo", "rank": 4, "learning_rate": 1e-3, "warmup": 0.0},
    )
    finished = run(plain)
    manifest = json.loads((finished.folder / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    asked = len(sampled(server))
    assert asked == 16 * 4
    probes = len(server.calls) - asked
    run(plain)
    assert len(server.calls) == asked + probes
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
