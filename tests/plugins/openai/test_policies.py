"""What a server serves besides the base, and what it is believed: canaries over HTTP, on real tiny models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.core.models.test_causal_lm import make_adapter
from tests.fakes import FakeResources
from tests.misbehaving_server import Call, MisbehavingServer, reply
from udasa_core import (
    Adapter,
    CausalLM,
    Group,
    Message,
    ModelRef,
    Prompt,
    SamplingOptions,
    UdasaError,
    load_causal_lm,
    sample,
)
from udasa_plugin_openai.generator import OpenAIGenerator

pytestmark = pytest.mark.usefixtures("brief_canaries")

SAMPLING = SamplingOptions(responses=3, temperature=0.8, max_new_tokens=6)
PROMPTS = (Prompt("one", (Message("user", "hi"),)), Prompt("two", (Message("user", "what is the sun?"),)))


@pytest.fixture(scope="module")
def adapters(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> list[Adapter]:
    lm = load_causal_lm(tiny_ref)
    return [make_adapter(lm, tmp_path_factory.mktemp("adapter"), seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def lms(tiny_ref: ModelRef, adapters: list[Adapter]) -> dict[str, CausalLM]:
    """By what the server calls them: the base, and each adapter's model."""
    found = {"g": load_causal_lm(tiny_ref)}
    for adapter in adapters:
        found[name_of(adapter)] = load_causal_lm(tiny_ref.with_adapter(adapter))
    return found


def name_of(adapter: Adapter) -> str:
    return f"udasa-{adapter.sha256[:12]}"


class VLLMServer:
    """Answers as `vllm serve` does: chat, completions with the prompt's log-probabilities, adapters loaded.

    instead: serve another model's answers under a name. mute: what it does not tell.
    """

    def __init__(self, lms: Mapping[str, CausalLM], mute: tuple[str, ...] = (), **instead: str) -> None:
        self._lms = lms
        self._mute = mute
        self.instead = instead
        self.loaded: list[str] = []

    def __call__(self, call: Call, handler: BaseHTTPRequestHandler) -> None:
        last = call.path.rpartition("/v1/")[2]
        code, plain = getattr(self, last.replace("/", "_"))(call.body)
        reply(handler, code, json.dumps(plain).encode(), {})

    def load_lora_adapter(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        if "adapters" in self._mute:
            return 404, {"detail": "Not Found"}
        if body["lora_name"] in self.loaded:
            return 400, {"message": f"The lora adapter '{body['lora_name']}' has already been loaded."}
        self.loaded.append(body["lora_name"])
        return 200, "Success"

    def completions(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        if "prompt_logprobs" in self._mute:
            return 200, {"choices": [{"text": "."}]}
        ids = body["prompt"]
        (told,) = self._lm(body).token_statistics([ids[:1]], [ids[1:]])
        rows = [{str(token): {"logprob": value}} for token, value in zip(ids[1:], told.logprobs, strict=True)]
        return 200, {"choices": [{"text": ".", "prompt_logprobs": [None, *rows]}]}

    def chat_completions(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        lm = self._lm(body)
        prompt = lm.render([Message(**turn) for turn in body["messages"]])
        asked = SamplingOptions(body.get("n", 1), body.get("temperature", 1.0), body["max_tokens"])
        (drawn,) = sample(lm, [prompt], asked, body.get("seed", 0), 1, lambda count: None)
        choices = []
        for index, one in enumerate(drawn):
            content = [
                {"token": lm.tokenizer.decode([token]), "logprob": value}
                for token, value in zip(one.token_ids, one.logprobs, strict=True)
            ]
            plain: dict[str, Any] = {
                "index": index,
                "message": {"role": "assistant", "content": lm.decode(one.token_ids)},
                "finish_reason": "stop" if one.stopped else "length",
                "logprobs": {"content": content},
            }
            if body.get("return_token_ids") and "token_ids" not in self._mute:
                plain["token_ids"] = list(one.token_ids)
            choices.append(plain)
        told = {} if "token_ids" in self._mute else {"prompt_token_ids": prompt}
        return 200, {"choices": choices, "usage": {"prompt_tokens": len(prompt)}, **told}

    def _lm(self, body: Mapping[str, Any]) -> CausalLM:
        return self._lms[self.instead.get(body["model"].replace("-", "_"), body["model"])]


def generator(server: MisbehavingServer, resources: FakeResources, **options: Any) -> OpenAIGenerator:
    given = {"base_url": server.url, "model": "g", "retries": 0, **options}
    return OpenAIGenerator(OpenAIGenerator.Options(**given), "openai", resources)


def assert_measured(groups: list[Group], policy: ModelRef, *, entropies: bool = False) -> None:
    lm = load_causal_lm(policy)
    for group in groups:
        assert group.policy == policy.key
        for response in group.responses:
            (oracle,) = lm.token_statistics([group.prompt_token_ids], [response.token_ids])
            assert response.logprobs == pytest.approx(oracle.logprobs, abs=1e-4)
            assert (response.entropies is not None) == entropies
            assert response.text == lm.decode(response.token_ids)


def reads(resources: FakeResources, policy: ModelRef) -> bool:
    """Whether a policy's weights were read for its responses."""
    return "model" in vars(resources.causal_lm(policy))


def chats(server: MisbehavingServer) -> list[str]:
    """Which model was asked for each chat but the probe."""
    asked = [call for call in server.calls if call.path.endswith("/chat/completions")]
    return [call.body["model"] for call in asked if call.text != "Say a word."]


def test_what_a_proven_server_tells_of_its_tokens_is_not_read_again(
    server: MisbehavingServer, tiny_ref: ModelRef, lms: dict[str, CausalLM]
) -> None:
    server.always(VLLMServer(lms))
    resources = FakeResources(tiny_ref)
    one = generator(server, resources)
    groups = one.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)
    assert_measured(groups, tiny_ref)
    assert not reads(resources, tiny_ref)
    assert one.remarks == ()
    measured = [call for call in server.calls if call.path.endswith("/completions") and "prompt" in call.body]
    one.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 6)
    again = [call for call in server.calls if call.path.endswith("/completions") and "prompt" in call.body]
    assert len(again) == len(measured) > 0  # the canary is asked for once


@pytest.mark.parametrize(
    ("how", "mute"),
    [("rescore", ()), ("none", ("token_ids",)), ("none", ("prompt_logprobs",))],
)
def test_others_are_read_here(
    server: MisbehavingServer, tiny_ref: ModelRef, lms: dict[str, CausalLM], how: str, mute: tuple[str, ...]
) -> None:
    server.always(VLLMServer(lms, mute))
    resources = FakeResources(tiny_ref)
    groups = generator(server, resources, entropies=how).udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)
    assert_measured(groups, tiny_ref, entropies=True)
    assert reads(resources, tiny_ref)


def test_a_server_of_another_base_is_told_and_read_here(
    server: MisbehavingServer, tiny_ref: ModelRef, lms: dict[str, CausalLM], adapters: list[Adapter]
) -> None:
    server.always(VLLMServer(lms, g=name_of(adapters[0])))
    one = generator(server, FakeResources(tiny_ref))
    groups = one.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)
    assert all(response.entropies for group in groups for response in group.responses)
    assert any("responses are read here" in remark and "nats on a token" in remark for remark in one.remarks)


def test_a_trained_policy_is_sampled_where_its_adapter_is_taken(
    server: MisbehavingServer, tiny_ref: ModelRef, lms: dict[str, CausalLM], adapters: list[Adapter]
) -> None:
    behaviour = VLLMServer(lms)
    server.always(behaviour)
    policy, resources = tiny_ref.with_adapter(adapters[0]), FakeResources(tiny_ref)
    one = generator(server, resources, load_adapters=True)
    groups = one.udasa_generate(PROMPTS, SAMPLING, policy, 5)
    assert_measured(groups, policy)
    assert not reads(resources, policy)
    assert set(chats(server)) == {name_of(adapters[0])}
    sent = next(call for call in server.calls if call.path.endswith("/load_lora_adapter"))
    assert sent.body == {"lora_name": name_of(adapters[0]), "lora_path": adapters[0].folder}
    # Another command finds it there.
    again = generator(server, resources, load_adapters=True).udasa_generate(PROMPTS, SAMPLING, policy, 5)
    assert behaviour.loaded == [name_of(adapters[0])]
    assert again == groups


def test_a_second_name_serves_the_trained_policy(
    server: MisbehavingServer, tiny_ref: ModelRef, lms: dict[str, CausalLM], adapters: list[Adapter]
) -> None:
    server.always(VLLMServer(lms, mine=name_of(adapters[0])))
    policy = tiny_ref.with_adapter(adapters[0])
    one = generator(server, FakeResources(tiny_ref), aligned_model="mine")
    assert_measured(one.udasa_generate(PROMPTS, SAMPLING, policy, 5), policy)
    assert set(chats(server)) == {"mine"}
    other = tiny_ref.with_adapter(adapters[1])
    with pytest.raises(
        UdasaError, match=r"as 'mine': a text's log-probability differs .* Serve what lies in"
    ):
        one.udasa_generate(PROMPTS, SAMPLING, other, 5)


@pytest.mark.parametrize(
    ("served", "told"),
    [("g", "it says the same with the adapter as without"), ("other", "a text's log-probability differs by")],
)
def test_a_wrong_adapter_is_refused_before_a_sample(
    server: MisbehavingServer,
    tiny_ref: ModelRef,
    lms: dict[str, CausalLM],
    adapters: list[Adapter],
    served: str,
    told: str,
) -> None:
    instead = "g" if served == "g" else name_of(adapters[1])
    server.always(VLLMServer(lms, **{name_of(adapters[0]).replace("-", "_"): instead}))
    one = generator(server, FakeResources(tiny_ref), load_adapters=True)
    with pytest.raises(UdasaError, match=told):
        one.udasa_generate(PROMPTS, SAMPLING, tiny_ref.with_adapter(adapters[0]), 5)
    assert chats(server) == []


def test_a_server_without_adapters_is_named(
    server: MisbehavingServer, tiny_ref: ModelRef, lms: dict[str, CausalLM], adapters: list[Adapter]
) -> None:
    policy = tiny_ref.with_adapter(adapters[0])
    server.always(VLLMServer(lms, ("adapters",)))
    one = generator(server, FakeResources(tiny_ref), load_adapters=True)
    with pytest.raises(UdasaError, match=r"does not load the adapter .*status 404.*--enable-lora"):
        one.udasa_generate(PROMPTS, SAMPLING, policy, 5)
    server.always(VLLMServer(lms, ("prompt_logprobs",)))
    one = generator(server, FakeResources(tiny_ref), load_adapters=True)
    with pytest.raises(UdasaError, match="gives no log-probabilities of a text that it is given"):
        one.udasa_generate(PROMPTS, SAMPLING, policy, 5)
    assert chats(server) == []
