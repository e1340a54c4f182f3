"""How a server can fail a request."""

from __future__ import annotations

from urllib.parse import urlsplit

from udasa_core import UdasaError

_HERE = ("localhost", "127.0.0.1", "::1")
# How a connection fails, by a part of what urllib3 and the system say of it → in plain words.
_UNREACHED = {
    "getaddrinfo": "no machine of this name is known",
    "Failed to resolve": "no machine of this name is known",
    "refused": "nothing listens there",
    "unreachable": "no network leads there",
    "No route to host": "no network leads there",
    "ConnectTimeout": "no connection came about in time",
    "ReadTimeout": "no answer came in time",
    "did not end in time": "no answer came in time",
    "WRONG_VERSION_NUMBER": "it does not speak https: write http://",
    "RemoteDisconnected": "the connection was closed without an answer",
    "reset by peer": "the connection was closed without an answer",
}


class ServerError(UdasaError):
    """A request that got no answer: the message names the endpoint, what happened and what to type."""


class RefusedError(ServerError):
    """The server will not answer this request, however often it is sent.

    status: the HTTP status. body: what it says, the key blotted out; said: the first words of that.
    """

    def __init__(self, message: str, status: int, said: str, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.said = said
        self.body = body


class GarbledError(ServerError):
    """The server answered every time with something that is no answer; raw: the last of it."""

    def __init__(self, message: str, raw: str) -> None:
        super().__init__(message)
        self.raw = raw


def advice(status: int, has_key: bool, model: str, base_url: str) -> str:
    """Return what to type after a refusal."""
    if status == 401:
        if has_key:
            return "the server does not take the key: set the variable that api_key_env names to a valid one"
        return 'the server wants a key: export OPENAI_API_KEY=… and write api_key_env = "OPENAI_API_KEY"'
    if status == 403:
        return f"the key has no right to model {model!r}: write another model, or export another key"
    if status == 404:
        return (
            f"there is no such address or model there: base_url often ends in /v1, and "
            f"`curl {base_url.rstrip('/')}/models` lists the models (model = {model!r} is asked for)"
        )
    if 300 <= status < 400:
        return "no redirection is followed, lest a key or a prompt go astray: write that address as base_url"
    if status == 413:
        return "the request is too long for the server"
    return "see what it says; extra_body and token_limit say what else is sent along"


def why_unreachable(kind: str, said: str) -> str:
    """Return why no answer came. kind: the exception's name; said: its text, without the key."""
    text = f"{kind.removeprefix('_')}: {said}"
    return next((plain for part, plain in _UNREACHED.items() if part in text), text)


def remedy(base_url: str, model: str) -> str:
    """Return what to do where no server answers: start one on this machine, or look for another."""
    if urlsplit(base_url).hostname not in _HERE:
        return "see whether it runs, whether the network leads there, and whether base_url is right"
    port = base_url.rpartition(":")[2].partition("/")[0]
    listening = f" --port {port}" if port.isdigit() else ""
    return (
        f"start one, by `vllm serve {model or 'MODEL'}{listening}` or `llama-server -m FILE{listening}`, "
        "say; or write as base_url where it is"
    )
