"""What a served model thought before it answers, within the text or apart from it, split off by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes import FakeResources
from tests.misbehaving_server import MisbehavingServer, completes
from udasa_core import Message, ModelRef, Prompt, Response, SamplingOptions
from udasa_plugin_openai.generator import OpenAIGenerator

ASKED = (Prompt("one", (Message("user", "Where?"),)),)


def respond(
    server: MisbehavingServer, ref: ModelRef, reason: str, *, opens: bool = False, **message: Any
) -> Response:
    """Return the response to a server's message."""
    served = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    server.always(completes(lambda call: [served]))
    options = {"base_url": server.url, "model": "g", "retries": 0, "template_options": {"opens": opens}}
    plugin = OpenAIGenerator(OpenAIGenerator.Options(**options), "openai", FakeResources(ref))
    sampling = SamplingOptions(responses=1, max_new_tokens=30, thinking_tokens=20)
    (group,) = plugin.udasa_generate(ASKED, sampling, ref, 5)
    assert server.calls[-1].body["max_tokens"] == 50
    (response,) = group.responses
    return response


@pytest.mark.parametrize("name", ["", "reasoning_content", "reasoning"])
@pytest.mark.parametrize("opens", [False, True])
def test_a_thought_within_or_apart_is_the_same_response(
    server: MisbehavingServer, thinking_ref: ModelRef, opens: bool, name: str
) -> None:
    begin = "" if opens else "<think>\n"
    message = {"content": f"{begin}Lyon?\n</think>\n\nIn Paris."}
    if name:
        message = {"content": "\n\nIn Paris.", name: "\nLyon?\n"}
    response = respond(server, thinking_ref, "stop", opens=opens, **message)
    lm = FakeResources(thinking_ref).causal_lm(thinking_ref)
    assert (response.text, response.thought) == ("In Paris.", f"{begin}Lyon?\n</think>")
    thought, answer = lm.encode(f"{begin}Lyon?\n</think>\n\n"), lm.encode("In Paris.")
    assert response.token_ids == (*thought, *answer, lm.end_of_turn())
    assert response.thought_tokens == len(thought)


def test_a_server_that_thinks_otherwise_each_time_samples(
    server: MisbehavingServer, thinking_ref: ModelRef, caplog: pytest.LogCaptureFixture
) -> None:
    thoughts = iter(range(1000))

    def served(call: Any) -> list[dict[str, Any]]:
        message = {"role": "assistant", "content": "In Paris.", "reasoning": f"{next(thoughts)}?"}
        return [{"index": 0, "message": message, "finish_reason": "stop"}]

    server.always(completes(served))
    plugin = OpenAIGenerator(
        OpenAIGenerator.Options(base_url=server.url, model="g", retries=0),
        "openai",
        FakeResources(thinking_ref),
    )
    asked = (*ASKED, Prompt("two", (Message("user", "And?"),)))
    groups = plugin.udasa_generate(asked, SamplingOptions(responses=2, max_new_tokens=30), thinking_ref, 5)
    assert {one.text for group in groups for one in group.responses} == {"In Paris."}
    assert "greedily" not in caplog.text


@pytest.mark.parametrize(
    "message",
    [
        {"content": "<think>\nLyon, or"},
        {"content": None, "reasoning_content": "Lyon, or"},
        {"content": "", "reasoning": "Lyon, or"},
    ],
)
def test_a_thought_that_was_cut_off_is_a_response_without_an_answer(
    server: MisbehavingServer, thinking_ref: ModelRef, message: dict[str, Any]
) -> None:
    response = respond(server, thinking_ref, "length", **message)
    assert (response.text, response.thought, response.has_answer) == ("", "<think>\nLyon, or", False)


def test_a_turn_that_ends_with_its_thought_answers_nothing(
    server: MisbehavingServer, thinking_ref: ModelRef
) -> None:
    response = respond(server, thinking_ref, "stop", content=None, reasoning_content="Lyon, or")
    assert (response.text, response.thought) == ("", "<think>\nLyon, or\n</think>")
    assert len(response.logprobs_of("answer")) == 1
