"""A server is asked once, beforehand, whether it is there; and no more is asked than may be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.misbehaving_server import Behaviour, MisbehavingServer, garbage, hangs, status
from udasa_core import Message, Outlook, Prompt, SamplingOptions
from udasa_plugin_openai import ping as module
from udasa_plugin_openai.bill import BillError
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.connection import ConnectionOptions
from udasa_plugin_openai.generator import OpenAIGenerator
from udasa_plugin_openai.judge import OpenAIJudge

ASKED = (Message("user", "Why?"),)


def lists(*names: str) -> Behaviour:
    return garbage(json.dumps({"data": [{"id": name} for name in names]}).encode())


def found(url: str, *, resumes: bool = False, kind: Any = ConnectionOptions, **options: Any) -> list[str]:
    def nothing() -> Iterator[Prompt]:
        yield from ()

    outlook = Outlook(
        root=Path(),
        policy="",
        runs_code=False,
        sampling=SamplingOptions(),
        voters=0,
        shard_size=8,
        max_set_aside=0.0,
        resumes=resumes,
        prompts=nothing,
    )
    return list(kind(base_url=url, model="m", **options).preflight(outlook))


def test_a_server_that_answers_passes(server: MisbehavingServer, key: str) -> None:
    server.lists = lists("m", "other")
    assert found(server.url, api_key_env="TEST_KEY") == []
    assert server.listed[0]["Authorization"] == f"Bearer {key}"
    # One that has no such list is there all the same.
    server.lists = status(404)
    assert found(server.url) == []
    assert server.calls == []


def test_a_server_that_does_not_answer() -> None:
    (told,) = found("http://127.0.0.1:9/v1")
    assert told.startswith("http://127.0.0.1:9/v1/models does not answer: nothing listens there")
    assert "vllm serve m --port 9" in told
    assert "base_url" in told
    (told,) = found("http://no-such-machine.invalid/v1")
    assert "no machine of this name is known" in told
    assert "whether base_url is right" in told
    assert "vllm" not in told
    assert found("http://127.0.0.1:9/v1", resumes=True) == []


def test_a_server_that_hangs_is_not_waited_for(
    server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    server.lists = hangs(server)
    (told,) = found(server.url)
    assert "does not answer" in told


def test_a_key_that_is_not_set_or_not_taken(server: MisbehavingServer, key: str) -> None:
    (told,) = found(server.url, api_key_env="NO_SUCH_KEY")
    assert "NO_SUCH_KEY, which is not set here" in told
    server.lists = status(401)
    (told,) = found(server.url, api_key_env="TEST_KEY")
    assert "does not take the key" in told
    assert key not in told


def test_a_model_that_a_server_neither_lists_nor_answers_for_is_a_fault(server: MisbehavingServer) -> None:
    server.lists = lists("x/m1", "n", "o", "p", "q", "r")
    server.next(status(404), status(400, '{"error": {"message": "Invalid model: m"}}'))
    (told,) = found(server.url)
    assert "does not list the model 'm'; did you mean 'x/m1'? (asked" in told
    assert server.calls[0].body["max_tokens"] == 1
    server.lists = lists("n", "o", "p", "q", "r", "s")
    (told,) = found(server.url, token_limit="max_completion_tokens")
    assert "does not list the model 'm'; it lists n, o, p, q, r, … (asked" in told
    assert server.calls[1].body["max_completion_tokens"] == 1
    assert len(server.calls) == 2


def test_a_model_that_answers_without_being_listed_is_there(
    server: MisbehavingServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.lists = lists("m:latest")
    assert found(server.url) == []
    assert (len(server.calls), caplog.text) == (1, "")


def test_a_model_that_cannot_be_asked_for_is_a_warning(
    server: MisbehavingServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.lists = lists("n")
    server.next(status(500))
    assert found(server.url) == []
    assert "does not list the model 'm'; it lists n" in caplog.text
    assert len(server.calls) == 1


def client(server: MisbehavingServer, **options: Any) -> Client:
    return Client(ConnectionOptions(base_url=server.url, model="m", retries=2, **options), "judge 'test'")


@pytest.mark.usefixtures("impatient")
def test_requests_end_at_their_limit_repeated_ones_included(server: MisbehavingServer) -> None:
    asking = client(server, max_requests=3)
    server.next(status(500))
    for _ in range(2):
        asking.complete(ASKED, threading.Event())
    with pytest.raises(BillError, match=r"max_requests = 3, after 3 requests.*type the same command"):
        asking.complete(ASKED, threading.Event())
    assert len(server.calls) == 3


def test_tokens_end_at_their_limit(server: MisbehavingServer) -> None:
    asking = client(server, max_total_tokens=40)
    usage = {"prompt_tokens": 20, "completion_tokens": 5}
    message = {"role": "assistant", "content": "Because."}
    answer = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    server.always(garbage(json.dumps(answer).encode()))
    for _ in range(2):
        asking.complete(ASKED, threading.Event())
    with pytest.raises(BillError, match="max_total_tokens = 40, after 2 requests and 50 tokens"):
        asking.complete(ASKED, threading.Event())


def test_a_limit_that_ends_no_shard_is_refused(server: MisbehavingServer) -> None:
    (told,) = found(server.url, kind=OpenAIGenerator.Options, max_requests=8)
    assert "would never end a shard of 8 prompts" in told
    assert found(server.url, kind=OpenAIGenerator.Options, max_requests=11) == []
    assert found(server.url, kind=OpenAIJudge.Options, max_requests=1) == []
    assert {"max_requests", "max_total_tokens"} <= set(OpenAIGenerator.incidental)
