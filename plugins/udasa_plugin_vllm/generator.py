"""Generator `vllm`: vLLM samples, in a process of its own, under an interpreter of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from udasa_core import (
    Adapter,
    Group,
    ModelRef,
    Plugin,
    Prompt,
    Resources,
    SamplingOptions,
    UdasaError,
    hookimpl,
    load_causal_lm,
)
from udasa_plugin_vllm.interpreter import Interpreter, interpreter
from udasa_plugin_vllm.options import INCIDENTAL, VLLMOptions
from udasa_plugin_vllm.serving import request, settings
from udasa_plugin_vllm.workers import Workers

if TYPE_CHECKING:
    from udasa_core import Canary, CausalLM


class VLLMGenerator(Plugin):
    """K sampled responses a prompt, each token with its log-probability, in nats, by vLLM.

    vLLM lives in an environment of its own (`python`), and runs there in a process that serves one policy:
    it starts with the first shard, and ends where another policy is sampled, where a model is loaded or
    trained here, or with udasa, however that ends. Token ids go in and come out; texts are made here.

    Log-probabilities are those of the raw distribution (temperature 1, nothing filtered). vLLM tells neither
    entropies nor the log-probabilities of the distribution sampled from: without `entropies = "rescore"`
    there are no entropies, and the raw figures stand for the others wherever temperature, top_p or top_k
    change something (greedy tokens are certain, all the same).

    Before anything is sampled a canary is measured there and here (transformers, with PEFT): a text's
    log-probability under the policy. An adapter is tried by a text that it changes by five times the
    tolerance. What is served wrong is refused. So are adapters that vLLM leaves out in part: of the head, of
    embeddings, DoRA.

    A call asks for one shard: its prompts' beginnings are read once, and nothing is kept from the shard
    before, so that a run which goes on makes the same bytes on the same machine. A prompt alone need not get
    what it gets in company. The versions of vLLM and of its torch count in the samples' fingerprint.

    A thought that has used thinking_tokens up is closed as the generator `transformers` closes it.

    Cost: a start of one to several minutes for each policy, then one pass over each token.
    """

    Options = VLLMOptions
    options: VLLMOptions
    incidental = INCIDENTAL
    label_free = True

    def __init__(self, options: VLLMOptions, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        self._workers: Workers | None = None
        self._served = ""
        # The policy beside it, where entropies are asked for: loading it must not end vLLM, as others' do.
        self._reading: CausalLM | None = None
        # By policy: what it says here of the canary's texts.
        self._canaries: dict[str, Sequence[Canary]] = {}

    @cached_property
    def fingerprint(self) -> str:
        """The versions of vLLM and of what it computes with: others draw other samples."""
        return self._interpreter.told

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[str]:
        lm = self.resources.causal_lm(self.resources.base)
        return self.options.refusals(lm, prompts, sampling, self.options.max_model_len)

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        from udasa_plugin_vllm.responses import responses
        from udasa_plugin_vllm.sampling import Sampler

        lm = self.resources.causal_lm(policy)
        rendered = [self.options.render(lm, prompt) for prompt in prompts]
        stops = self.options.stops(lm)
        with self._serving(policy) as workers, self.resources.progress("sample", len(prompts)) as advance:
            adapter = request(policy.adapters[0] if policy.adapters else None)
            sampler = Sampler(workers, lm, sampling, seed, stops, adapter, self.options.timeout)
            groups = sampler.sample(rendered)
            advance(len(prompts))
        rescorer = self._rescorer(policy) if self.options.gives_entropies else None
        return [
            Group(prompt, tuple(ids), responses(lm, ids, samples, sampling, rescorer), policy.key)
            for prompt, ids, samples in zip(prompts, rendered, groups, strict=True)
        ]

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that are running."""
        return self._workers.pids if self._workers else []

    def release(self) -> None:
        """End vLLM's process, if there is one, and forget the model beside it."""
        workers, self._workers, self._reading = self._workers, None, None
        if workers is not None:
            workers.end()

    @contextmanager
    def _serving(self, policy: ModelRef) -> Iterator[Workers]:
        """Give the workers that serve a policy; those that failed serve nothing any more."""
        if self._workers is None or self._served != policy.key:
            self.release()
            self._workers, self._served = self._started(policy), policy.key
        try:
            yield self._workers
        except BaseException:
            self.release()
            raise

    def _started(self, policy: ModelRef) -> Workers:
        found, options = self._interpreter, self.options
        told = settings(policy, options, self._who)
        self.resources.make_way(self.release)
        canaries = self._canaries_of(policy)
        # "cuda:1" is the GPU to begin with.
        first = int(policy.device.partition(":")[2] or 0)
        workers = Workers(found, self._who, options.workers, options.tensor_parallel_size, first)
        try:
            with self.resources.progress("start vLLM", None):
                loaded = workers.every("load", {"settings": told}, "versions", options.start_timeout)
                if any(versions != found.versions for versions in loaded):
                    raise UdasaError(
                        f"{self._who}: {found.path} held {found.told} when this began, and now other "
                        "versions: run again"
                    )
                for canary in canaries:
                    self._try(workers, policy, canary)
        except BaseException:
            workers.end()
            raise
        return workers

    def _try(self, workers: Workers, policy: ModelRef, canary: Canary) -> None:
        """Raise UdasaError where a worker does not say of a canary's texts what is said here."""
        from udasa_core import amplified

        def measured(adapter: Adapter | None) -> list[Any]:
            told = {"texts": canary.ids, "adapter": request(adapter)}
            return workers.every("measure", told, "logprobs", self.options.timeout)

        adapter = policy.adapters[0] if policy.adapters else None
        if adapter is None or canary.scale == 1:
            found = measured(adapter)
        else:
            with amplified(adapter, canary.scale) as louder:
                found = measured(louder)
        bare: list[Any] = [None] * len(found) if adapter is None else measured(None)
        for one, without in zip(found, bare, strict=True):
            if fault := canary.fault(one or (), without):
                how = "" if canary.scale == 1 else f" (its adapter {canary.scale:g} times as strong)"
                raise UdasaError(
                    f"{self._who}: vLLM does not serve the policy that is to be sampled{how}: {fault}"
                )

    def _canaries_of(self, policy: ModelRef) -> Sequence[Canary]:
        from udasa_core import make_canaries

        if policy.key not in self._canaries:
            with self.resources.progress("canary", None):
                self._canaries[policy.key] = make_canaries(policy, self.options.tolerance)
        return self._canaries[policy.key]

    def _rescorer(self, policy: ModelRef) -> CausalLM:
        if self._reading is None:
            self._reading = load_causal_lm(policy, self.resources.progress)
        return self._reading

    @property
    def _who(self) -> str:
        return f"generator {self.name!r}"

    @property
    def _interpreter(self) -> Interpreter:
        return interpreter(self.options.python)
