"""The sampling settings that a server is sent: all of them, for it would fill in what is left out."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from udasa_core import Message
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.completion import Completion
from udasa_plugin_openai.failures import RefusedError

log = logging.getLogger("udasa.openai")

# Statuses by which a server refuses a field that it does not know, or a value of it.
_ABOUT_A_FIELD = frozenset({400, 422})
# What changes nothing, for what no configuration sets. Servers fill in a model's own settings instead
# (vLLM and SGLang those of its generation_config.json) or their own (llama.cpp min_p = 0.05).
_NEUTRAL: Mapping[str, float] = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "repeat_penalty": 1.0,
}
# One setting under the name of vLLM and SGLang, and under that of llama.cpp.
_ALIASES = {"repetition_penalty": "repeat_penalty", "repeat_penalty": "repetition_penalty"}
# Which of several names in a refusal is meant: an error about the last may list the first as known ones.
_DROPPED_LAST = ("top_p", "temperature")


class Settings:
    """Sampling settings for one server, sent whole with every request, neutral ones too.

    What a server refuses by its name (status 400 or 422) is sent without from then on: the server's own value
    counts there, which a warning tells.

    who: the plugin that asks, for messages. extra: what the user sends along, which goes before ours.
    """

    def __init__(self, client: Client, who: str, extra: Mapping[str, Any]) -> None:
        self._client = client
        self._who = who
        self._extra = extra
        self._refused: frozenset[str] = frozenset()
        self._remarks: tuple[str, ...] = ()
        # SGLang, and earlier vLLM, call a filter that lets all pass −1, and others 0.
        self._no_top_k = 0
        self._lock = threading.Lock()

    @property
    def refused(self) -> frozenset[str]:
        """The settings that the server took only under its own values."""
        return self._refused

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the server took only under its own values, in a sentence; none where it took all."""
        return self._remarks

    def complete(
        self,
        messages: Sequence[Message],
        stop: threading.Event,
        fault: Callable[[Completion], str],
        settings: Mapping[str, float],
        **parameters: Any,
    ) -> Completion:
        """Return the completion that `Client.complete` returns, asked with `settings` and neutral others.

        Raises what that raises; RefusedError where the server refuses something else than a setting.
        """
        refused, no_top_k = self._refused, self._no_top_k
        while True:
            sent = self._sent(settings, refused, no_top_k)
            try:
                completion = self._client.complete(messages, stop, fault, **sent, **parameters)
            except RefusedError as error:
                name = named(error.body, sent) if error.status in _ABOUT_A_FIELD else None
                if name is None:
                    raise
                if name == "top_k" and sent[name] == 0:
                    no_top_k = -1
                else:
                    refused |= {name}
                continue
            self._keep(refused, no_top_k, settings)
            return completion

    def _sent(self, settings: Mapping[str, float], refused: frozenset[str], no_top_k: int) -> dict[str, Any]:
        sent = {**_NEUTRAL, **settings}
        if not sent["top_k"]:
            sent["top_k"] = no_top_k
        left_out = refused | {_ALIASES[name] for name in _ALIASES if name in self._extra}
        return {
            name: value for name, value in sent.items() if name not in left_out and name not in self._extra
        }

    def _keep(self, refused: frozenset[str], no_top_k: int, settings: Mapping[str, float]) -> None:
        """Remember what worked, and tell of it once."""
        with self._lock:
            new = sorted(refused - self._refused)
            self._refused |= refused
            self._no_top_k = no_top_k
        # The other name of the same setting was taken.
        told = [name for name in new if name not in _ALIASES or _ALIASES[name] in self._refused]
        if told:
            values = {**_NEUTRAL, **settings}
            asked = ", ".join(f"{name} = {values[name]:g}" for name in told if name in values)
            remark = (
                f"the server refuses {asked or ', '.join(told)}, so it is asked without: its own settings "
                "count there, whatever they are"
            )
            self._remarks = (*self._remarks, remark)
            log.warning("%s: %s", self._who, remark)


def named(body: str, sent: Mapping[str, Any]) -> str | None:
    """Return the setting among those sent that a refusal's body names, None where it names none.

    The body's own `param` goes before its words.
    """
    if param := re.search(r"[\"']param[\"']\s*:\s*[\"']([\w.]+)[\"']", body):
        name = param[1].rpartition(".")[2]
        return name if name in sent else None
    found = {name for name in sent if re.search(_spelled(name), body, re.IGNORECASE)}
    ordered = [*(name for name in sent if name not in _DROPPED_LAST), *_DROPPED_LAST]
    return next((name for name in ordered if name in found), None)


def _spelled(name: str) -> str:
    """top_k: "top_k", "top-k", "topK" and "top k"."""
    return rf"(?<![a-z0-9_]){name.replace('_', '[ _-]?')}(?![a-z0-9_])"
