"""Where the server is, which model it is asked for, and how patiently."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from udasa_core import Options

if TYPE_CHECKING:
    from udasa_core import Outlook

# Options that say how a server is asked and not what: they are no part of an answer's identity.
INCIDENTAL = (
    "api_key_env",
    "connect_timeout",
    "read_timeout",
    "retries",
    "concurrency",
    "requests_per_minute",
    "max_requests",
    "max_total_tokens",
)
_SERVED = 'with base_url = "http://localhost:{}/v1" and model = "…": the server is started by itself'
# Servers that speak the protocol, at their usual ports.
SERVERS = {
    name: _SERVED.format(port)
    for name, port in {
        "vllm": 8000,
        "sglang": 30000,
        "llama.cpp": 8080,
        "llama-server": 8080,
        "ollama": 11434,
        "lmstudio": 1234,
        "tgi": 8080,
        "litellm": 4000,
    }.items()
}
# What the request itself decides.
_DECIDED = frozenset(
    {
        "chat_template_kwargs",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "seed",
        "stream",
        "temperature",
        "top_k",
        "top_p",
    }
)
# Capitals alone: what is no name but a key itself nearly always has small letters.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
# Names of what holds a key. "stop_token" and its like hold none.
_SECRET = re.compile(
    r"(?:.*_)?(?:api_?key|authorization|secret|secret_key|password|passwd)|(?:(?:.*_)?(?:access|api|auth|bearer)_)?token"
)


class ConnectionOptions(Options):
    """An OpenAI-compatible endpoint, and how it is asked."""

    base_url: str = Field(
        description='What precedes /chat/completions: "http://localhost:8000/v1" for vLLM, SGLang, llama.cpp '
        "or a hosted service's address.",
    )
    model: str = Field(min_length=1, description="The model's name as the server knows it.")
    api_key_env: str = Field(
        default="",
        description="Name of the environment variable that holds the key (OPENAI_API_KEY, say); the key "
        'itself is never written anywhere. "": no key is sent.',
    )
    connect_timeout: float = Field(default=10.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(
        default=120.0,
        gt=0,
        description="Seconds from a request's sending to its answer's last byte, however it comes.",
    )
    retries: int = Field(
        default=5,
        ge=0,
        description="How often a request is sent again after a timeout, a closed connection, an answer that "
        "cannot be read, or status 408, 409, 425, 429 or 5xx.",
    )
    concurrency: int = Field(default=4, ge=1, description="Requests in flight at the same time.")
    requests_per_minute: float = Field(
        default=0.0, ge=0, description="Requests sent a minute at most, repeated ones included; 0: no limit."
    )
    max_requests: int = Field(
        default=0,
        ge=0,
        description="Requests that one command sends at most, repeated ones included; then it stops, and "
        "typed again goes on from what was kept. 0: no limit.",
    )
    max_total_tokens: int = Field(
        default=0,
        ge=0,
        description="Tokens, of prompts and answers together, as the server counts them, after which one "
        "command sends no further request; as many as `concurrency` are still in flight then. 0: no limit.",
    )
    token_limit: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens",
        description='What the server calls the token budget: "max_tokens", or "max_completion_tokens".',
    )
    extra_body: dict[str, Any] = Field(
        default_factory=dict,
        description="Sent along with every request: { repetition_penalty = 1.0 }, say. No place for a key: "
        "a text named api_key, authorization, token, secret or password, at any depth, is refused; "
        "api_key_env names the variable that holds the key.",
    )

    # On the model as a whole: a fault of a single field is told with what stands there, which may be a key.
    @model_validator(mode="after")
    def _safe_and_sound(self) -> Self:
        if self.api_key_env and not _VARIABLE.fullmatch(self.api_key_env):
            raise ValueError(
                "api_key_env holds no name of an environment variable (capitals, digits and _; what it holds "
                'is not repeated, lest it be the key): export OPENAI_API_KEY=… and write "OPENAI_API_KEY"'
            )
        fault = _url_fault(self.base_url)
        if fault:
            raise ValueError(f"base_url {fault}")
        taken = sorted(_DECIDED & set(self.extra_body))
        if taken:
            raise ValueError(f"extra_body cannot set {', '.join(taken)}: the request itself decides that")
        secret = next(_secrets(self.extra_body, "extra_body"), "")
        if secret:
            raise ValueError(
                f"{secret} may be a key (what it holds is not repeated), and a configuration is kept with "
                'the run: export OPENAI_API_KEY=… and write api_key_env = "OPENAI_API_KEY" instead'
            )
        return self

    @property
    def cautions(self) -> tuple[str, ...]:
        """That a key would go unencrypted to another machine."""
        if not (self.api_key_env and is_open_to_others(self.base_url)):
            return ()
        return (
            f"the key in {self.api_key_env} and every prompt go to {self.base_url} unencrypted, for all in "
            "between to read: write https://… as base_url where the server has it, or reach it by an SSH "
            "tunnel to localhost",
        )

    def preflight(self, outlook: Outlook) -> Iterator[str]:
        """Look whether the key is set, and the server answers and has the model."""
        from udasa_plugin_openai.ping import ping

        if not outlook.resumes:
            yield from ping(self)

    @property
    def endpoint(self) -> str:
        """The address that requests go to."""
        return f"{self.base_url.rstrip('/')}/chat/completions"


class SamplingServer(ConnectionOptions):
    """A server that samples: what it serves besides the base policy, and how far it is believed."""

    load_adapters: bool = Field(
        default=False,
        description="Whether the server takes adapters while it runs (vLLM's /v1/load_lora_adapter), and can "
        "read this machine's files: policies that a run has trained are sampled there then.",
    )
    aligned_model: str = Field(
        default="",
        description="The name under which the server serves the policy that the run trains, where somebody "
        'sees to that. "", without load_adapters: trained policies are sampled on this machine.',
    )
    entropies: Literal["none", "rescore"] = Field(
        default="none",
        description="Servers tell no entropies. Where one tells its tokens by their ids with their "
        'log-probabilities (return_token_ids), and a canary shows that they are the policy\'s, "none" leaves '
        'responses as they come; "rescore" has the policy read them here, as those of any other server.',
    )
    tolerance: float = Field(
        default=0.05,
        gt=0,
        description="Nats a token by which a text's log-probability may differ between the server and "
        "transformers before it is believed.",
    )

    @property
    def gives_entropies(self) -> bool:
        """Whether all responses come with entropies, whatever the server tells."""
        return self.entropies == "rescore"


def _url_fault(url: str) -> str:
    """Say what is wrong with an address, "" where nothing is; never repeats it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is no address; write http://host:port/v1"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is no address; write http://host:port/v1 or https://host/v1"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password: name the key's environment variable under api_key_env instead"
    if parts.query or parts.fragment:
        return "ends in ?… or #…: leave that out (and name a key's environment variable under api_key_env)"
    if parts.path.rstrip("/").endswith("/chat/completions"):
        return "is what precedes /chat/completions: leave that out"
    return ""


def is_open_to_others(url: str) -> bool:
    """Say whether requests to an address leave this machine unencrypted."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback


def _secrets(value: object, path: str) -> Iterator[str]:
    """Yield the path of each text whose name says that it is a key, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            place = f"{path}.{name}"
            if isinstance(inner, str) and inner and _SECRET.fullmatch(str(name).lower().replace("-", "_")):
                yield place
            yield from _secrets(inner, place)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _secrets(inner, f"{path}.{number}")
