"""The client against a server that misbehaves over real connections."""

from __future__ import annotations

import json
import logging
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from email.utils import formatdate
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from tests.misbehaving_server import (
    MisbehavingServer,
    after,
    choice,
    closes_at_once,
    closes_mid_body,
    completes,
    drips,
    drips_raw,
    echoes_the_key,
    garbage,
    hangs,
    says,
    status,
    tokens,
)
from tests.plugins.openai.conftest import SECRET
from udasa_core import Message, UdasaError
from udasa_plugin_openai import client as module
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.completion import Completion
from udasa_plugin_openai.connection import ConnectionOptions
from udasa_plugin_openai.failures import GarbledError, RefusedError, ServerError
from udasa_plugin_openai.key import Key
from udasa_plugin_openai.pace import Pace, backoff, retry_after

ASKED = (Message("system", "Be brief."), Message("user", "Why?"))


def ask(server: MisbehavingServer, url: str = "", **options: Any) -> Completion:
    connection = ConnectionOptions(base_url=url or server.url, model="m", **{"retries": 2, **options})
    return Client(connection, "judge 'test'").complete(ASKED, threading.Event(), temperature=0.5)


def test_what_is_sent_and_what_comes_back(server: MisbehavingServer) -> None:
    server.always(says("Because.", "length"))
    completion = ask(server, extra_body={"repetition_penalty": 1.1})
    (call,) = server.calls
    assert call.path == "/v1/chat/completions"
    assert call.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "temperature": 0.5,
        "repetition_penalty": 1.1,
    }
    assert "Authorization" not in call.headers
    (choice,) = completion.choices
    assert (choice.text, choice.finish_reason, choice.tokens) == ("Because.", "length", None)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "failure",
    [status(code) for code in (408, 409, 425, 429, 500, 502, 503, 504, 529)]
    + [closes_at_once, closes_mid_body, garbage(b"<html>"), garbage(b"{}"), garbage(b'{"choices": []}')]
    + [garbage(b'{"choices": [{"message": {"content": 3}}]}'), garbage(b"\xff\xfe"), garbage(b"[" * 10**5)]
    + [garbage(b'{"choices": [{"message": {"content": "\\ud800"}}]}'), garbage(b'"text"'), garbage(b"")],
)
def test_what_may_pass_is_asked_again(server: MisbehavingServer, failure: Any) -> None:
    server.next(failure, failure, says("At last."))
    assert ask(server).choices[0].text == "At last."
    assert len(server.calls) == 3


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stays_ill_is_given_up(server: MisbehavingServer) -> None:
    server.always(status(503, "upstream\n\x1b[31m gone"))
    with pytest.raises(ServerError) as told:
        ask(server)
    assert len(server.calls) == 3
    message = str(told.value)
    assert message.startswith(f"judge 'test': {server.url}/chat/completions was asked 3 times")
    assert "status 503 (upstream [31m gone)" in message
    assert "Run again" in message
    assert not isinstance(told.value, GarbledError | RefusedError)


@pytest.mark.usefixtures("impatient")
def test_garbage_to_the_last_is_told_apart_and_kept(server: MisbehavingServer) -> None:
    server.next(status(500), garbage(b"{}"))
    server.always(garbage("<html>Grüße".encode()))
    with pytest.raises(GarbledError) as told:
        ask(server)
    assert told.value.raw == "<html>Grüße"
    assert len(server.calls) == 3


@pytest.mark.usefixtures("impatient")
def test_what_a_caller_cannot_use_is_asked_again(server: MisbehavingServer) -> None:
    server.next(says(""), says("x"))
    connection = ConnectionOptions(base_url=server.url, model="m", retries=2)
    completion = Client(connection, "t").complete(
        ASKED, threading.Event(), lambda completion: "" if completion.choices[0].text else "empty"
    )
    assert completion.choices[0].text == "x"
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("code", "advised"),
    [
        (400, "extra_body"),
        (401, "export OPENAI_API_KEY"),
        (403, "no right to model 'm'"),
        (404, "/v1/models` lists the models (model = 'm' is asked for)"),
        (422, "extra_body"),
        (413, "too long"),
    ],
)
def test_what_will_not_pass_is_asked_once_and_explained(
    server: MisbehavingServer, code: int, advised: str
) -> None:
    server.always(status(code, "word " * 100))
    with pytest.raises(RefusedError) as told:
        ask(server)
    assert len(server.calls) == 1
    assert told.value.status == code
    message = str(told.value)
    assert f"{server.url}/chat/completions answered with status {code} (word word" in message
    assert advised in message
    assert len(message) < 600


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("misbehaves", [hangs, drips])
def test_a_server_that_never_ends_is_left(server: MisbehavingServer, misbehaves: Any) -> None:
    server.next(misbehaves(server), says("Here."))
    started = time.monotonic()
    assert ask(server, read_timeout=0.3).choices[0].text == "Here."
    assert 0.3 <= time.monotonic() - started < 3
    assert len(server.calls) == 2


OK = b"HTTP/1.1 200 OK\r\n"
DRIPS = {
    "status line": (b"HTTP/1.1 20", b"0"),
    "headers": (OK, b"X-A: b\r\n"),
    "one header": (OK + b"X-A: ", b"b"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of 100 Continue": (b"HTTP/1.1 100 Continue\r\n", b"X-A: b\r\n"),
    "chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunk extension": (OK + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-A: b\r\n"),
    "a body without length": (OK + b"\r\n", b" "),
    "an error's body": (b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\n", b"x"),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("place", DRIPS)
def test_an_attempt_has_one_deadline_wherever_a_server_drips(server: MisbehavingServer, place: str) -> None:
    server.next(drips_raw(server, *DRIPS[place]), says("Here."))
    started = time.monotonic()
    assert ask(server, read_timeout=0.4).choices[0].text == "Here."
    assert 0.4 <= time.monotonic() - started < 1.5
    assert len(server.calls) == 2


def test_what_comes_in_good_time_is_no_dripping(server: MisbehavingServer) -> None:
    client = Client(ConnectionOptions(base_url=server.url, model="m", read_timeout=1.0), "t")
    for _ in range(3):
        server.next(after(0.4, says("Here.")))
        assert client.complete(ASKED, threading.Event()).choices[0].text == "Here."
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join(0.2)
    assert not [timer for timer in timers if timer.is_alive()]


@pytest.mark.usefixtures("impatient")
def test_nobody_listens(server: MisbehavingServer) -> None:
    with pytest.raises(ServerError, match="nothing listens there"):
        ask(server, "http://127.0.0.1:1/v1")


def test_an_answer_without_end(server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_BODY", 1000)
    server.always(garbage(b" " * 5000))
    with pytest.raises(ServerError, match="no end"):
        ask(server, retries=0)


def test_retry_after_is_honoured(server: MisbehavingServer, impatient: None) -> None:
    server.next(status(429, headers={"Retry-After": "1"}), says("x"))
    ask(server)
    first, second = server.calls
    assert 1.0 <= second.at - first.at < 2.0


def test_without_retry_after_the_wait_is_the_backoff(server: MisbehavingServer, impatient: None) -> None:
    server.next(status(429), says("x"))
    ask(server)
    first, second = server.calls
    assert second.at - first.at < 0.5


def test_who_is_told_to_wait_makes_the_others_wait(server: MisbehavingServer, impatient: None) -> None:
    server.next(status(429, headers={"Retry-After": "1"}))
    client = Client(ConnectionOptions(base_url=server.url, model="m"), "t")
    threads = []
    for _ in range(3):
        threads.append(threading.Thread(target=client.complete, args=(ASKED, threading.Event())))
        threads[-1].start()
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    first, *others = sorted(call.at for call in server.calls)
    assert len(others) == 3
    assert all(at - first >= 1.0 for at in others)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0.0), ("7", 7.0), ("99999", 300.0), ("soon", None), ("-3", None), ("1.5", None), (None, None)],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_as_a_date() -> None:
    assert retry_after(formatdate(time.time() + 20, usegmt=True)) == pytest.approx(20, abs=2)
    assert retry_after(formatdate(time.time() - 20, usegmt=True)) == 0.0
    assert retry_after(formatdate(time.time() + 86400, usegmt=True)) == 300.0


def test_backoff_doubles_to_a_minute_with_jitter() -> None:
    for attempt, longest in enumerate([1, 2, 4, 8, 16, 32, 60, 60, 60]):
        waits = [backoff(attempt) for _ in range(200)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert backoff(10**6) <= 60


def test_the_rate_limit_spaces_requests_of_all_threads() -> None:
    pace, stop, started = Pace(per_minute=600), threading.Event(), []

    def work() -> None:
        for _ in range(3):
            pace.wait(stop)
            started.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started.sort()
    gaps = [later - earlier for earlier, later in pairwise(started)]
    assert len(started) == 9
    assert min(gaps) > 0.09
    assert started[-1] - started[0] < 3


@pytest.mark.usefixtures("impatient")
def test_repeated_requests_count_in_the_rate_limit(server: MisbehavingServer) -> None:
    server.next(status(500), status(500), says("x"))
    ask(server, requests_per_minute=300)
    # Two waits of 0.2 s; the first request may arrive late.
    assert server.calls[-1].at - server.calls[0].at > 0.3


def test_whoever_stops_waiting_stops_asking(server: MisbehavingServer) -> None:
    server.always(status(429, headers={"Retry-After": "60"}))
    client = Client(ConnectionOptions(base_url=server.url, model="m"), "t")
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with pytest.raises(ServerError, match="nobody waits"):
        client.complete(ASKED, stop)
    assert time.monotonic() - started < 5
    assert len(server.calls) == 1


def test_a_connection_is_used_again(server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(ConnectionOptions(base_url=server.url, model="m"), "t")
    opened = []
    accept = server._server.get_request
    monkeypatch.setattr(server._server, "get_request", lambda: opened.append(1) or accept())
    for _ in range(5):
        client.complete(ASKED, threading.Event())
    assert len(opened) == 1


# The key


def test_the_key_is_sent(server: MisbehavingServer, key: str) -> None:
    ask(server, api_key_env="TEST_KEY")
    assert server.calls[0].headers["Authorization"] == f"Bearer {key}"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", [401, 400, 429, 500, 302, 200])
def test_a_key_that_the_server_echoes_is_blotted_out(
    server: MisbehavingServer, key: str, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    caplog.set_level(logging.DEBUG, logger="udasa")
    server.always(echoes_the_key(code))
    with pytest.raises(UdasaError) as told:
        ask(server, api_key_env="TEST_KEY")
    shown = [str(told.value), repr(told.value), caplog.text, getattr(told.value, "raw", "")]
    error: BaseException | None = told.value
    while error is not None:
        shown.append(repr(error))
        error = error.__cause__ or error.__context__
    assert not any(key[:9] in one for one in shown)
    # Cut to its first words a body shows no part of a key either.
    assert code == 302 or any("<key>" in one for one in shown)


def test_a_key_in_an_answer_is_blotted_out(server: MisbehavingServer, key: str) -> None:
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in key)
    server.always(garbage(f'{{"choices": [{{"message": {{"content": "I saw {spelled}"}}}}]}}'.encode()))
    assert ask(server, api_key_env="TEST_KEY").choices[0].text == "I saw <key>"


ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in SECRET)
SPELLINGS = {
    "plain": SECRET,
    "a slash escaped": SECRET.replace("/", "\\/"),
    "a slash by its number": SECRET.replace("/", "\\u002f"),
    "all by their numbers": ESCAPED,
    "twice escaped": json.dumps(ESCAPED)[1:-1],
    "in capitals": SECRET.upper(),
    "percent": quote(SECRET, safe=""),
    "percent everywhere": "".join(f"%{ord(letter):02x}" for letter in SECRET),
    "percent twice": quote(quote(SECRET, safe=""), safe=""),
    "HTML": "".join(f"&#x{ord(letter):x};" for letter in SECRET),
    "HTML, decimal": SECRET.replace("/", "&#47;"),
    "base64": b64encode(SECRET.encode()).decode(),
    "base64 with a scheme": b64encode(f"Bearer {SECRET}".encode()).decode(),
    "base64 with a user": urlsafe_b64encode(f"me:{SECRET}".encode()).decode(),
    "base64, escaped": b64encode(f"x{SECRET}y".encode()).decode().replace("/", "\\/"),
    "hex": SECRET.encode().hex(),
    "wide": "\x00".join(SECRET),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_is_blotted_out_however_it_is_written(key: str, spelling: str) -> None:
    told = Key("TEST_KEY").redact(f"before {SPELLINGS[spelling]} behind")
    assert "<key>" in told
    assert told.startswith("before ")
    assert told.endswith("behind")
    # But for digits of base64 that the text beside it decides, too.
    assert len(told) <= len("before <key> behind") + 16
    assert Key("TEST_KEY").redact("a secret of sk- and 0123456789") == "a secret of sk- and 0123456789"


def test_a_body_of_escapes_is_read_in_good_time(key: str) -> None:
    started = time.monotonic()
    for pieces in ("\\", "%25", "&amp;", "sk-Secret/"):
        Key("TEST_KEY").redact(pieces * 50_000)
    assert time.monotonic() - started < 5


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("code", [200, 400])
def test_no_spelling_of_the_key_gets_out(
    server: MisbehavingServer, key: str, caplog: pytest.LogCaptureFixture, code: int, spelling: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.always(status(code, f'{{"error": "bad key: {SPELLINGS[spelling]}"}}'))
    with pytest.raises(ServerError) as told:
        ask(server, api_key_env="TEST_KEY", retries=0)
    shown = str(told.value) + caplog.text + getattr(told.value, "raw", "") + getattr(told.value, "body", "")
    assert "<key>" in shown
    assert SPELLINGS[spelling] not in shown


def test_every_text_of_an_answer_is_without_the_key(server: MisbehavingServer, key: str) -> None:
    pieces = [key[start : start + 4] for start in range(0, len(key), 4)]
    logprobs = tokens(*((piece, -1.0) for piece in pieces))
    server.always(completes(lambda call: [choice(f"I {key}", f"stop {key}", logprobs)]))
    completion = ask(server, api_key_env="TEST_KEY")
    (only,) = completion.choices
    assert (only.text, only.finish_reason) == ("I <key>", "stop <key>")
    assert not any(f'"{piece}"' in completion.raw for piece in pieces)


@pytest.mark.usefixtures("impatient")
def test_a_key_in_the_pieces_of_a_stream_is_kept_by_nobody(server: MisbehavingServer, key: str) -> None:
    events = [
        {"choices": [{"delta": {"content": key[start : start + 4]}}]} for start in range(0, len(key), 4)
    ]
    server.always(garbage("".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()))
    with pytest.raises(GarbledError) as told:
        ask(server, api_key_env="TEST_KEY", retries=0)
    assert told.value.raw == "<an answer that spells the key in pieces>"
    assert key[4:8] not in str(told.value)


@pytest.mark.usefixtures("impatient")
def test_a_library_does_not_log_the_key(
    server: MisbehavingServer, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    head = b"HTTP/1.1 200 OK\r\nbad header " + key.encode() + b"\r\nContent-Length: 2\r\n\r\n{}"
    server.always(drips_raw(server, head, b"", 0.2))
    with pytest.raises(ServerError):
        ask(server, api_key_env="TEST_KEY", retries=0, read_timeout=1.0)
    assert key not in caplog.text


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("http://models.example.org/v1", True),
        ("http://192.168.1.5:8000/v1", True),
        ("http://[2001:db8::1]/v1", True),
        ("http://localhost.example.org/v1", True),
        ("https://models.example.org/v1", False),
        ("http://localhost:8000/v1", False),
        ("http://127.0.0.2/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://[::ffff:127.0.0.1]/v1", False),
    ],
)
def test_a_key_that_goes_out_unencrypted_is_told(
    key: str, caplog: pytest.LogCaptureFixture, url: str, is_told: bool
) -> None:
    Client(ConnectionOptions(base_url=url, model="m", api_key_env="TEST_KEY"), "judge 'j'")
    assert ("judge 'j': the key in TEST_KEY" in caplog.text) is is_told
    caplog.clear()
    Client(ConnectionOptions(base_url=url, model="m"), "judge 'j'")
    assert caplog.text == ""


def test_a_placeholder_is_no_secret(server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "EMPTY")
    server.always(says("The box is EMPTY."))
    assert ask(server, api_key_env="TEST_KEY").choices[0].text == "The box is EMPTY."


def test_a_key_that_is_not_set_is_named(server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    with pytest.raises(UdasaError, match="export TEST_KEY="):
        ask(server, api_key_env="TEST_KEY")
    assert server.calls == []


@pytest.mark.parametrize("broken", ["sk-secret-1234\nX-Other: 1", "sk-secret-“1234”"])
def test_a_key_that_no_header_can_hold_is_not_repeated(
    server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setenv("TEST_KEY", broken)
    with pytest.raises(UdasaError) as told:
        ask(server, api_key_env="TEST_KEY")
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None
    assert server.calls == []


def test_a_key_with_a_line_end_around_it_is_sent_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-secret-1234\n")
    assert Key("TEST_KEY").headers() == {"Authorization": "Bearer sk-secret-1234"}


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirection_is_followed(server: MisbehavingServer, key: str, code: int) -> None:
    with MisbehavingServer() as other:
        server.always(status(code, headers={"Location": f"{other.url}/chat/completions"}))
        with pytest.raises(RefusedError) as told:
            ask(server, api_key_env="TEST_KEY")
        assert other.calls == []
    assert other.url in str(told.value)
    assert "base_url" in str(told.value)


def test_the_key_is_in_no_representation(key: str) -> None:
    options = ConnectionOptions(base_url="http://h/v1", model="m", api_key_env="TEST_KEY")
    one = Client(options, "t")
    assert (
        key not in repr(options) + repr(vars(one)) + repr(vars(Key("TEST_KEY"))) + options.model_dump_json()
    )


# Options


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"api_key_env": "sk-abcdef0123456789"}, "api_key_env holds no name"),
        ({"base_url": "http://user:sk-abcdef0123456789@host/v1"}, "user or a password"),
        ({"base_url": "http://host/v1?key=sk-abcdef0123456789"}, "leave that out"),
        ({"base_url": "sk-abcdef0123456789"}, "is no address"),
        ({"base_url": "http://host:port/v1"}, "is no address"),
        ({"base_url": "http://host/v1/chat/completions"}, "precedes /chat/completions"),
        ({"extra_body": {"messages": [], "stream": True}}, "messages, stream"),
        ({"extra_body": {"api_key": "sk-abcdef0123456789"}}, "api_key_env"),
        ({"extra_body": {"headers": [{"X-Api-Key": "abcdef"}]}}, "extra_body.headers.0.X-Api-Key"),
        ({"extra_body": {"a": {"Authorization": "Bearer abcdef"}}}, "extra_body.a.Authorization"),
        ({"extra_body": {"access_token": "abcdef"}}, "extra_body.access_token"),
    ],
)
def test_options_that_would_leak_or_mislead(given: dict[str, Any], told: str) -> None:
    from udasa_core.config.key_faults import pydantic_faults

    with pytest.raises(ValidationError) as error:
        ConnectionOptions.model_validate({"base_url": "http://host/v1", "model": "m", **given})
    (fault,) = pydantic_faults(error.value, "judge", ConnectionOptions)
    assert told in str(fault)
    assert "abcdef" not in str(fault)


def test_what_only_sounds_like_a_key_is_sent_along() -> None:
    body = {"stop_token": "</s>", "min_tokens": 3, "token": 7, "api_key": "", "keys": {"eos_token": "</s>"}}
    assert ConnectionOptions(base_url="http://host/v1", model="m", extra_body=body).extra_body == body


def test_a_slash_at_the_end_is_no_other_address() -> None:
    assert (
        ConnectionOptions(base_url="https://host/v1/", model="m").endpoint
        == "https://host/v1/chat/completions"
    )


def test_a_proxy_of_the_environment_serves_but_not_for_this_machine(
    server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    assert ask(server, "http://somewhere.invalid/v1").choices[0].text == "Rating: [[5]]"
    assert server.calls[0].path == "http://somewhere.invalid/v1/chat/completions"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ask(server).choices


def test_a_slow_answer_is_waited_for(server: MisbehavingServer) -> None:
    server.always(after(0.4, says("Done.")))
    assert ask(server, read_timeout=5.0).choices[0].text == "Done."
