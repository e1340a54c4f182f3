"""Asking an OpenAI-compatible server for chat completions, and getting over its failures."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from udasa_core import Message, parse_json
from udasa_plugin_openai.bill import Bill
from udasa_plugin_openai.completion import Completion, read_completion
from udasa_plugin_openai.connection import ConnectionOptions, is_open_to_others
from udasa_plugin_openai.deadline import deadline, watch
from udasa_plugin_openai.failures import (
    GarbledError,
    RefusedError,
    ServerError,
    advice,
    remedy,
    why_unreachable,
)
from udasa_plugin_openai.key import Key, WithoutKey
from udasa_plugin_openai.pace import Pace, backoff, retry_after

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

log = logging.getLogger("udasa.openai")

_RETRIED = frozenset({408, 409, 425, 429})
# Bytes: an answer that is longer is none.
_LONGEST_BODY = 2**25
_CHUNK = 2**16
_IN_PIECES = "<an answer that spells the key in pieces>"
_STRING = re.compile(r'"(?:content|text|delta|reasoning|reasoning_content)"\s*:\s*"((?:[^"\\]|\\.)*)"')
# Characters of a body that an error repeats, and of a garbled one that is kept.
_EXCERPT = 200
_KEPT = 2000
# About as many bytes has a token of English.
_BYTES_A_TOKEN = 4


class _AttemptError(Exception):
    """One attempt failed in a way that may pass. wait: seconds that the server asked for; raw: what it sent
    instead of an answer."""

    def __init__(self, problem: str, wait: float | None = None, raw: str | None = None) -> None:
        super().__init__(problem)
        self.wait = wait
        self.raw = raw


class Client:
    """One server's /chat/completions, for any number of threads.

    who: the plugin that asks, for messages.
    """

    def __init__(self, options: ConnectionOptions, who: str, *, warns: bool = True) -> None:
        """warns: say what the options caution of."""
        self._options = options
        self._who = who
        self._key = Key(options.api_key_env)
        for caution in options.cautions if warns else ():
            log.warning("%s: %s", who, caution)
        self._bill = Bill(self._place, options.max_requests, options.max_total_tokens)
        self._pace = Pace(options.requests_per_minute)

    def complete(
        self,
        messages: Sequence[Message],
        stop: threading.Event,
        fault: Callable[[Completion], str] = lambda completion: "",
        **parameters: Any,
    ) -> Completion:
        """Return the server's completion of a conversation.

        parameters: further fields of the request's body. fault: says what a completion lacks ("" for
        nothing); what lacks something is asked for again like what failed. `stop` ends the waiting.

        Raises RefusedError where the server will not answer (status 3xx, or 4xx but 408, 409, 425 and 429),
        GarbledError where what came at last is no answer, BillError where as much was asked as may be,
        ServerError where nothing could be had, UdasaError where the key cannot be had.
        """
        turns = [{"role": message.role, "content": message.content} for message in messages]
        body = {"model": self._options.model, "messages": turns, **parameters, **self._options.extra_body}
        sent = json.dumps(body).encode()
        for attempt in range(self._options.retries + 1):
            self._pace.wait(stop)
            if stop.is_set():
                break
            self._bill.request()
            try:
                completion = self._attempt(sent)
                self._bill.tokens(_used(completion, sent))
                if lacks := fault(completion):
                    raise _AttemptError(lacks, raw=completion.raw)
                return completion
            except _AttemptError as failed:
                self._wait(failed, attempt, stop)
        raise ServerError(f"{self._place}: nobody waits for the answer any more")

    def ask(self, path: str, body: Mapping[str, Any]) -> tuple[int, str]:
        """Ask once at another address of the server; return the status and the body, the key blotted out.

        path: behind base_url. Raises ServerError where no answer comes, BillError where as much was asked as
        may be, UdasaError where the key cannot be had.
        """
        from urllib3.exceptions import HTTPError

        url = f"{self._options.base_url.rstrip('/')}/{path}"
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._key.headers()}
        patience = (self._options.connect_timeout, self._options.read_timeout)
        self._pace.wait(threading.Event())
        self._bill.request()
        try:
            status, _, text = self._send("POST", url, json.dumps(body).encode(), headers, *patience)
        except (_AttemptError, HTTPError, OSError) as error:
            said = self._said(str(error))
            raise ServerError(f"{self._who}: {url}: {type(error).__name__}: {said}; run again") from None
        return status, text

    def models(self, seconds: float) -> tuple[int, str]:
        """Ask once for the list of models; return the status and the body.

        seconds: for the connection, and for the answer. The key goes along, but not unencrypted to another
        machine: that is left to requests which somebody wants answered. Raises ServerError where no answer
        comes, UdasaError where the key cannot be had.
        """
        from urllib3.exceptions import HTTPError

        url = f"{self._options.base_url.rstrip('/')}/models"
        key = self._key.headers()
        headers = {"Accept": "application/json", **({} if is_open_to_others(url) else key)}
        try:
            status, _, text = self._send("GET", url, None, headers, seconds, seconds)
        except (_AttemptError, HTTPError, OSError) as error:
            said = self._said(str(error))
            why = why_unreachable(type(error).__name__, said)
            todo = remedy(self._options.base_url, self._options.model)
            raise ServerError(f"{url} does not answer: {why}\n    → {todo}") from None
        return status, text

    def _wait(self, failed: _AttemptError, attempt: int, stop: threading.Event) -> None:
        """Wait before the next attempt. Raises what ends the request where there is none."""
        if attempt == self._options.retries:
            tries = "once" if attempt == 0 else f"{attempt + 1} times"
            told = f"{self._place} was asked {tries} and failed, at last with: {failed}"
            if failed.raw is not None:
                raise GarbledError(told, failed.raw[:_KEPT]) from failed
            raise ServerError(
                f"{told}. Run again once the server is well: what was answered and kept is not asked for "
                "again. Raise retries, read_timeout or lower concurrency where it is only slow"
            ) from failed
        seconds = backoff(attempt)
        if failed.wait is not None:
            # All threads wait: the next one would only hear the same.
            self._pace.hold(failed.wait)
            seconds = max(seconds, failed.wait)
        log.info("%s: %s; asked again in %.1f s", self._place, failed, seconds)
        stop.wait(seconds)

    @property
    def _place(self) -> str:
        return f"{self._who}: {self._options.endpoint}"

    def _attempt(self, sent: bytes) -> Completion:
        """Send once. Raises _AttemptError where it may pass, RefusedError where it will not."""
        # urllib3 comes with every installation; it is imported late, as listing plugins needs none of it.
        from urllib3.exceptions import HTTPError, LocationValueError, SSLError

        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._key.headers()}
        try:
            options = self._options
            patience = (options.connect_timeout, options.read_timeout)
            status, answered, text = self._send("POST", options.endpoint, sent, headers, *patience)
        except SSLError as error:
            raise ServerError(
                f"{self._place}: no secure connection ({self._said(str(error))}); check base_url and the "
                "certificates of this machine"
            ) from None
        except LocationValueError as error:
            raise ServerError(f"{self._place} is no address: {self._said(str(error))}") from None
        except (HTTPError, OSError) as error:
            # From None: the library's own words name the host again, and nothing that helps.
            raise _AttemptError(why_unreachable(type(error).__name__, self._said(str(error)))) from None
        if not 200 <= status < 300:
            self._refuse(status, answered, text)
        try:
            return read_completion(parse_json(text), text, self._key.redact)
        except ValueError as error:
            said = "the answer is not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
            raise _AttemptError(f"{said} ({self._said(text)!r})", raw=text) from None

    def _refuse(self, status: int, answered: Mapping[str, str], text: str) -> None:
        said = self._said(text)
        problem = f"status {status} ({said or 'nothing said'})"
        if status in _RETRIED or status >= 500:
            raise _AttemptError(problem, wait=retry_after(answered.get("Retry-After")))
        if 300 <= status < 400:
            problem = f"status {status}, which leads to {self._said(answered.get('Location', 'nowhere'))}"
        options = self._options
        told = advice(status, bool(options.api_key_env), options.model, options.base_url)
        raise RefusedError(f"{self._place} answered with {problem}: {told}", status, said, text[:_KEPT])

    def _send(
        self,
        method: str,
        url: str,
        sent: bytes | None,
        headers: Mapping[str, str],
        connect: float,
        read: float,
    ) -> tuple[int, Mapping[str, str], str]:
        """Return status, headers and text of the answer, the key blotted out of the text.

        connect, read: seconds for the connection, and from there to the answer's last byte.
        """
        from urllib3 import Timeout

        with deadline(connect, read) as watching:
            try:
                response = self._pool.request(
                    method,
                    url,
                    body=sent,
                    headers=headers,
                    timeout=Timeout(connect=connect, read=read),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                try:
                    body = _read(response)
                    watching.end()
                    # Cut off, headers and some bodies look as if they were at their end.
                    if watching.passed:
                        raise _AttemptError("the answer did not end in time")
                    response.release_conn()
                except BaseException:
                    response.close()
                    raise
            except Exception as error:
                if watching.passed:
                    raise _AttemptError("the answer did not end in time") from error
                raise
        return response.status, response.headers, self._without_key(body.decode("utf-8", errors="replace"))

    def _without_key(self, text: str) -> str:
        """Return a body without the key; nothing of one that spells it in pieces, as streams of events do."""
        plain = self._key.redact(text)
        return _IN_PIECES if self._key.redact(_joined(plain)) != _joined(plain) else plain

    @cached_property
    def _pool(self) -> PoolManager:
        from urllib.parse import urlsplit
        from urllib.request import getproxies, proxy_bypass

        # It tells of headers that it cannot read by repeating them.
        for library in ("urllib3.connection", "urllib3.connectionpool"):
            logging.getLogger(library).addFilter(WithoutKey(self._options.api_key_env))

        from urllib3 import PoolManager, ProxyManager, make_headers
        from urllib3.util import parse_url

        parts = urlsplit(self._options.base_url)
        host = parts.hostname or ""
        proxy = getproxies().get(parts.scheme)
        size = self._options.concurrency
        if proxy is None or host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
            return watch(PoolManager(maxsize=size))
        credentials = parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=credentials) if credentials else None
        return watch(ProxyManager(proxy, maxsize=size, proxy_headers=headers))

    def _said(self, text: str) -> str:
        """Return the first words of what a server sent, on one line and without what moves a cursor."""
        plain = "".join(character if character.isprintable() else " " for character in self._key.redact(text))
        words = " ".join(plain.split())
        return words if len(words) <= _EXCERPT else f"{words[:_EXCERPT]}…"


def _used(completion: Completion, sent: bytes) -> int:
    """Return the tokens of prompt and answer; where the server counts none, a quarter of the bytes."""
    if completion.total_tokens is not None:
        return completion.total_tokens
    said = sum(len((choice.text or "") + choice.thought) for choice in completion.choices)
    return (len(sent) + said) // _BYTES_A_TOKEN


def _joined(body: str) -> str:
    """Return the texts of a stream's events, one behind the other; "" for what is no stream."""
    return "".join(_STRING.findall(body)) if "data:" in body else ""


def _read(response: BaseHTTPResponse) -> bytes:
    """Return the whole body. Raises _AttemptError where it has no end."""
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise _AttemptError("the answer has no end")
    return bytes(body)
