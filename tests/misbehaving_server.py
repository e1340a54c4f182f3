"""A real HTTP server on loopback that answers chat completions, counts what it is asked, and misbehaves on
command: tests of whatever asks a server lean on it.

    with MisbehavingServer() as server:
        server.next(status(500), status(429, headers={"Retry-After": "1"}), says("Rating: [[7]]"))
        server.always(says("Rating: [[8]]"))
        ...  # ask server.url
        assert len(server.calls) == 3
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def text(self) -> str:
        """The last message's content."""
        return str(self.body["messages"][-1]["content"])


# Answers a call over the handler, well or badly.
Behaviour = Callable[["Call", BaseHTTPRequestHandler], None]


class MisbehavingServer:
    """Behaviours given to `next` serve one request each, in order; then the one given to `always`.

    calls: what was asked. most_at_once: the most requests that were in work at the same time; one is in work
    until its answer begins, or its connection is closed.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        # The headers of those that asked for the list of models, and how it is answered.
        self.listed: list[Mapping[str, str]] = []
        self.lists: Behaviour = status(404)
        self.most_at_once = 0
        self._at_once = 0
        self._next: deque[Behaviour] = deque()
        self._always: Behaviour = says("Rating: [[5]]")
        self._lock = threading.Lock()
        self.over = threading.Event()

        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            is_in_work = False

            def do_POST(self) -> None:
                outer._serve(self)

            def do_GET(self) -> None:
                if self.path.endswith("/models"):
                    outer._list(self)
                else:
                    outer._serve(self)  # after a redirection

            def send_response(self, code: int, message: str | None = None) -> None:
                # Before the first byte is out: whoever gets it may ask the next thing at once.
                outer._leave(self)
                super().send_response(code, message)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def next(self, *behaviours: Behaviour) -> None:
        """Serve the coming requests so, one each."""
        with self._lock:
            self._next.extend(behaviours)

    def always(self, behaviour: Behaviour) -> None:
        """Serve all other requests so."""
        self._always = behaviour

    @property
    def url(self) -> str:
        """What precedes /chat/completions."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def _list(self, handler: BaseHTTPRequestHandler) -> None:
        """Tell the models; costs nothing, and is no call."""
        self.listed.append(dict(handler.headers.items()))
        self.lists(Call(handler.path, self.listed[-1], {}), handler)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        call = Call(handler.path, dict(handler.headers.items()), json.loads(body or b"{}"))
        with self._lock:
            self.calls.append(call)
            handler.is_in_work = True  # type: ignore[attr-defined]
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            behaviour = self._next.popleft() if self._next else self._always
        try:
            behaviour(call, handler)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True  # whoever asked has given up
        finally:
            self._leave(handler)

    def _leave(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self._at_once -= handler.is_in_work  # type: ignore[attr-defined]
            handler.is_in_work = False  # type: ignore[attr-defined]


class _Quiet(ThreadingHTTPServer):
    # Twenty threads may knock at the same time.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that were reset."""


def reply(handler: BaseHTTPRequestHandler, code: int, body: bytes, headers: Mapping[str, str]) -> None:
    handler.send_response(code)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def choice(
    text: str | None, finish_reason: str | None = "stop", logprobs: Any = None, index: int = 0
) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"index": index, "message": message, "finish_reason": finish_reason, "logprobs": logprobs}


def tokens(*spelled: tuple[str, float | None]) -> dict[str, Any]:
    """The `logprobs` of a choice."""
    return {"content": [{"token": text, "logprob": logprob, "top_logprobs": []} for text, logprob in spelled]}


def completes(
    choices: Callable[[Call], Sequence[Mapping[str, Any]]], prompt_tokens: int | None = None
) -> Behaviour:
    """A well-formed completion of the choices that a call gets."""

    def behave(call: Call, handler: BaseHTTPRequestHandler) -> None:
        plain: dict[str, Any] = {"object": "chat.completion", "choices": list(choices(call))}
        if prompt_tokens is not None:
            plain["usage"] = {"prompt_tokens": prompt_tokens}
        reply(handler, 200, json.dumps(plain).encode(), {})

    return behave


def says(text: str | None, finish_reason: str | None = "stop") -> Behaviour:
    """One choice with this text, whatever `n` is asked for."""
    return completes(lambda call: [choice(text, finish_reason)])


def after(seconds: float, behaviour: Behaviour) -> Behaviour:
    """The same, later."""

    def behave(call: Call, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        behaviour(call, handler)

    return behave


def status(
    code: int, body: str = '{"error": {"message": "no"}}', headers: Mapping[str, str] | None = None
) -> Behaviour:
    """An answer with a status."""
    return lambda call, handler: reply(handler, code, body.encode(), headers or {})


def garbage(body: bytes) -> Behaviour:
    """Status 200, and this for a body."""
    return lambda call, handler: reply(handler, 200, body, {})


def hangs(server: MisbehavingServer) -> Behaviour:
    """No answer until the test is over."""

    def behave(call: Call, handler: BaseHTTPRequestHandler) -> None:
        server.over.wait(60)
        handler.close_connection = True

    return behave


def drips(server: MisbehavingServer, every: float = 0.05) -> Behaviour:
    """A body that comes byte by byte and does not end."""

    def behave(call: Call, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not server.over.wait(every):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    return behave


def drips_raw(server: MisbehavingServer, head: bytes, drop: bytes, every: float = 0.05) -> Behaviour:
    """These bytes, and then these without an end."""

    def behave(call: Call, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        while not server.over.wait(every):
            handler.wfile.write(drop)
            handler.wfile.flush()

    return behave


def closes_at_once(call: Call, handler: BaseHTTPRequestHandler) -> None:
    """No word, and the connection closed."""
    handler.close_connection = True
    handler.connection.close()


def closes_mid_body(call: Call, handler: BaseHTTPRequestHandler) -> None:
    """Half of what was announced, and the connection closed."""
    body = json.dumps({"choices": [choice("Rating: [[9]]")]}).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.close_connection = True


def echoes_the_key(code: int) -> Behaviour:
    """A status whose body repeats the request's headers, the key among them, in several spellings."""

    def behave(call: Call, handler: BaseHTTPRequestHandler) -> None:
        sent = call.headers.get("Authorization", "")
        padding = "x" * 150
        reply(handler, code, f'{{"error": "{padding} bad key {sent}, again: {sent}"}}'.encode(), {})

    return behave
