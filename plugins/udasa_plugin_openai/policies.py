"""Which policies a server serves, and under which name: proven by a canary before one is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from udasa_core import Adapter, ModelRef, Resources, UdasaError, amplified, check_adapter_files, parse_json
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.connection import SamplingServer

if TYPE_CHECKING:
    from udasa_core import Canary

# What vLLM answers where it has an adapter of that name already.
_ALREADY = "already been loaded"


class Policies:
    """The policies of one server.

    The base is served under `model`. A policy that is the base with an adapter is loaded there
    (`load_adapters`), under a name that follows from what the adapter holds; any other is served under
    `aligned_model`, if anywhere.
    """

    def __init__(self, client: Client, who: str, options: SamplingServer, resources: Resources) -> None:
        self._client = client
        self._who = who
        self._options = options
        self._resources = resources
        # By the policy's key: its name there, once it is proven.
        self._names: dict[str, str] = {}

    def name_of(self, policy: ModelRef) -> str | None:
        """Return the name that a policy besides the base is served under; None where it is not.

        Raises UdasaError where it should be, and the server does not take the adapter, or says something else
        of a text than the policy.
        """
        is_adapted = len(policy.adapters) == 1 and replace(policy, adapters=()) == self._resources.base
        loads = self._options.load_adapters and is_adapted
        if not loads and not self._options.aligned_model:
            return None
        if policy.key not in self._names:
            name = self._loaded(policy.adapters[0]) if loads else self._options.aligned_model
            if fault := self.fault(policy, name):
                raise UdasaError(
                    f"{self._who}: the server does not serve the policy that is to be sampled as {name!r}: "
                    f"{fault}. {self._advice(policy, loads)}"
                )
            self._names[policy.key] = name
        return self._names[policy.key]

    def fault(self, policy: ModelRef, name: str) -> str:
        """Say how what the server says of a canary's texts differs from what the policy says here; "" where
        it serves it under that name."""
        from udasa_core import make_canaries

        # The policy is read here, by itself.
        self._resources.make_way(lambda: None)
        with self._resources.progress("canary", None):
            canaries = make_canaries(policy, self._options.tolerance)
            for canary in canaries:
                if canary.scale != 1:
                    told = self._louder(policy.adapters[0], canary)
                else:
                    bare = self._options.model if policy.adapters and name != self._options.model else ""
                    told = self._compared(canary, name, bare)
                if told:
                    return told
        return ""

    def _louder(self, adapter: Adapter, canary: Canary) -> str:
        """Try a copy of the adapter that is multiplied, where the server takes adapters at all."""
        if not self._options.load_adapters:
            return ""
        with amplified(adapter, canary.scale) as louder:
            name = self._loaded(louder)
            try:
                told = self._compared(canary, name, "")
            finally:
                self._client.ask("unload_lora_adapter", {"lora_name": name})
        return f"its adapter {canary.scale:g} times as strong: {told}" if told else ""

    def _compared(self, canary: Canary, name: str, bare: str) -> str:
        there = [self._measured(name, text) for text in canary.ids]
        without = [self._measured(bare, text) for text in canary.ids] if bare else None
        if None in there:
            return "it gives no log-probabilities of a text that it is given (prompt_logprobs)"
        whole = [row for row in there if row is not None]
        return canary.fault(whole, [row or [] for row in without] if without else None)

    def _measured(self, name: str, text: Sequence[int]) -> list[float] | None:
        """Return the log-probability of each token of a text but the first; None where it gives none."""
        body = {"model": name, "prompt": list(text), "max_tokens": 1, "temperature": 0, "prompt_logprobs": 1}
        status, said = self._client.ask("completions", body)
        if status != 200:
            return None
        try:
            told = parse_json(said)["choices"][0]["prompt_logprobs"]
            return [float(told[place][str(text[place])]["logprob"]) for place in range(1, len(text))]
        except (json.JSONDecodeError, ValueError, LookupError, TypeError):
            return None

    def _loaded(self, adapter: Adapter) -> str:
        """Have the server load an adapter; return its name there."""
        check_adapter_files(adapter)
        # A name that is known there is served as it was: it follows from what the adapter holds.
        name = f"udasa-{adapter.sha256[:12]}"
        body = {"lora_name": name, "lora_path": adapter.folder}
        status, said = self._client.ask("load_lora_adapter", body)
        if status != 200 and _ALREADY not in said:
            raise UdasaError(
                f"{self._who}: the server does not load the adapter in {adapter.folder} (status {status}: "
                f"{said[:200]!r}). vLLM takes adapters where it was started with --enable-lora, a "
                "--max-lora-rank that is large enough, and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and where "
                "it can read that folder. load_adapters = false samples trained policies on this machine"
            )
        return name

    def _advice(self, policy: ModelRef, loads: bool) -> str:
        if loads:
            return "load_adapters = false samples trained policies on this machine"
        where = policy.adapters[-1].folder if policy.adapters else policy.folder
        return (
            f"Serve what lies in {where} under that name, and run again, or leave aligned_model out: then "
            "trained policies are sampled on this machine"
        )
