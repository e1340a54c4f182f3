"""What a server answered: the choices of a chat completion, read with suspicion."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Where servers put what a model thought before it answers, if not within the text.
_THOUGHTS = ("reasoning_content", "reasoning")


@dataclass(frozen=True, slots=True)
class ServerToken:
    """One token of a choice as the server spells it, and its log-probability in nats."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer.

    text: None where the server gave none (a model that thinks may spend all its tokens on that).
    finish_reason: as the server calls it, "" where it says nothing.
    tokens: the sampled tokens, None where the server does not give them whole.
    thought: what the server gives apart from the text as the model's thought before it, "" for none.
    token_ids: the sampled tokens as the server knows them, None where it does not tell.
    """

    text: str | None
    finish_reason: str
    tokens: tuple[ServerToken, ...] | None
    thought: str = ""
    token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A chat completion: its choices in order, the lengths in tokens that it tells (of the prompt, and of all
    together), the prompt's tokens where it tells them, and the body itself."""

    choices: tuple[Choice, ...]
    prompt_tokens: int | None
    raw: str
    total_tokens: int | None = None
    prompt_token_ids: tuple[int, ...] | None = None


def read_completion(plain: Any, raw: str, clean: Callable[[str], str]) -> Completion:
    """Return the completion in a body's JSON, its texts cleaned. Raises ValueError saying what is missing."""
    if not isinstance(plain, Mapping):
        raise ValueError("the answer is no JSON object")
    choices = plain.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ValueError("the answer has no choices")
    usage = plain.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    prompt, total = _count(usage, "prompt_tokens"), _count(usage, "total_tokens")
    if total is None and prompt is not None and (said := _count(usage, "completion_tokens")) is not None:
        total = prompt + said
    return Completion(
        tuple(_choice(choice, clean) for choice in choices),
        prompt,
        clean(_without_logprobs(plain, raw)),
        total,
        _ids(plain.get("prompt_token_ids")),
    )


def _ids(plain: Any) -> tuple[int, ...] | None:
    """Return token ids, None for what is no list of them."""
    if not isinstance(plain, list) or not plain or not all(type(one) is int and one >= 0 for one in plain):
        return None
    return tuple(plain)


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    counted = usage.get(name)
    return counted if isinstance(counted, int) and not isinstance(counted, bool) and counted >= 0 else None


def _without_logprobs(plain: Mapping[str, Any], raw: str) -> str:
    """Return the body without its tokens: in pieces, and as bytes, they spell whatever the text says."""
    choices = plain["choices"]
    if not any(isinstance(choice, Mapping) and choice.get("logprobs") for choice in choices):
        return raw
    kept = [
        {name: value for name, value in choice.items() if name != "logprobs"}
        if isinstance(choice, Mapping)
        else choice
        for choice in choices
    ]
    return json.dumps({**plain, "choices": kept}, ensure_ascii=False)


def _choice(plain: Any, clean: Callable[[str], str]) -> Choice:
    if not isinstance(plain, Mapping) or not isinstance(plain.get("message"), Mapping):
        raise ValueError("a choice has no message")
    message, reason = plain["message"], plain.get("finish_reason")
    text = message.get("content")
    thought = next((message[name] for name in _THOUGHTS if message.get(name)), "")
    for name, given in (("content", text), ("reasoning", thought)):
        if given is not None and not isinstance(given, str):
            raise ValueError(f"a message's {name} is no text")
        if given is not None and not _is_encodable(given):
            raise ValueError(f"a message's {name} holds half a surrogate pair, which is no text")
    return Choice(
        None if text is None else clean(text),
        clean(reason) if isinstance(reason, str) else "",
        _tokens(plain.get("logprobs")),
        clean(thought),
        _ids(plain.get("token_ids")),
    )


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tokens(plain: Any) -> tuple[ServerToken, ...] | None:
    """Return the tokens under `logprobs.content`, None where one of them is missing or makes no sense."""
    content = plain.get("content") if isinstance(plain, Mapping) else None
    if not isinstance(content, list) or not content:
        return None
    tokens = []
    for entry in content:
        text = entry.get("token") if isinstance(entry, Mapping) else None
        logprob = entry.get("logprob") if isinstance(entry, Mapping) else None
        if not isinstance(text, str) or isinstance(logprob, bool) or not isinstance(logprob, int | float):
            return None
        if not math.isfinite(logprob):
            return None
        # Rounding may put a sure token a hair above 0.
        tokens.append(ServerToken(text, min(0.0, float(logprob))))
    return tuple(tokens)
