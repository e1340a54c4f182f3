"""Stands in for vLLM where that is not installed: as much of its interface as the worker asks for, over a
Llama of its own in numpy, which starts in half a second. UDASA_STAND_IN names what goes wrong; with "light"
nothing is loaded, and token 5 is drawn again and again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def _goes_wrong(how: str) -> bool:
    return how in os.environ.get("UDASA_STAND_IN", "").split(",")


@dataclass
class SamplingParams:
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    max_tokens: int = 16
    ignore_eos: bool = False
    stop_token_ids: list[int] = field(default_factory=list)
    allowed_token_ids: list[int] | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    flat_logprobs: bool = False
    detokenize: bool = True

    def __post_init__(self) -> None:
        if self.temperature == 0 and self.n > 1:
            raise ValueError("n must be 1 when using greedy sampling")


@dataclass
class _Logprob:
    logprob: float


@dataclass
class _Output:
    token_ids: list[int]
    logprobs: list[dict[int, _Logprob]]
    finish_reason: str = "stop"


@dataclass
class _Answer:
    outputs: list[_Output]
    prompt_logprobs: list[dict[int, _Logprob] | None] | None = None


class LLM:
    def __init__(self, model: str, *, dtype: str, enable_lora: bool = False, **settings: Any) -> None:
        # Both are what vLLM does, and no answer to whoever asks the worker.
        print("INFO: loading the model")
        os.write(1, b"INFO: from below Python\n")
        assert settings["skip_tokenizer_init"]
        assert settings["logprobs_mode"] == "raw_logprobs"
        self._enable_lora, self._loaded = enable_lora, {}
        self._cached = ["something"]
        if _goes_wrong("has a child"):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            Path(os.environ["UDASA_STAND_IN_CHILD"]).write_text(str(child.pid))
        if _goes_wrong("dies at load"):
            print("CUDA out of memory, say", file=sys.stderr, flush=True)
            os._exit(3)
        if _goes_wrong("light"):
            return
        from vllm.llama import Llama

        assert dtype == "float32"
        self._base = Llama(Path(model))

    def reset_prefix_cache(self) -> None:
        self._cached = []

    def generate(
        self,
        prompts: list[dict[str, Any]],
        parameters: list[SamplingParams],
        use_tqdm: bool,
        lora_request: Any,
    ) -> list[_Answer]:
        if _goes_wrong("hangs"):
            time.sleep(60)
        if _goes_wrong("dies"):
            os._exit(4)
        if _goes_wrong("raises"):
            raise RuntimeError("no kernel for this")
        if _goes_wrong("garbage"):
            # The worker's own channel, not stdout: nothing else reaches it.
            os.write(next(fd for fd in range(3, 64) if _is_answers(fd)), b"%garbage%\n")
        answers = [
            self._answer(prompt["prompt_token_ids"], one, lora_request)
            for prompt, one in zip(prompts, parameters, strict=True)
        ]
        return answers[:-1] if _goes_wrong("few") else answers

    def _answer(self, prompt: list[int], asked: SamplingParams, lora: Any) -> _Answer:
        if _goes_wrong("light"):
            ids = [5] * asked.max_tokens
            answer = _Answer([_Output(ids, [{5: _Logprob(-1.0)} for _ in ids]) for _ in range(asked.n)])
            if asked.prompt_logprobs is not None:
                answer.prompt_logprobs = [None, *({token: _Logprob(-1.0)} for token in prompt[1:])]
            return answer
        model = self._under(lora)
        answer = _Answer([self._drawn(model, prompt, asked, number) for number in range(asked.n)])
        if asked.prompt_logprobs is not None:
            logprobs = model.logprobs(prompt)
            told = [_told(logprobs[place - 1], prompt[place]) for place in range(1, len(prompt))]
            answer.prompt_logprobs = [None, *told]
        return answer

    def _drawn(self, model: Any, prompt: list[int], asked: SamplingParams, number: int) -> _Output:
        import numpy as np

        generator = np.random.default_rng((asked.seed or 0) + number)
        ids: list[int] = []
        told = []
        while len(ids) < asked.max_tokens:
            raw = model.logprobs([*prompt, *ids])[-1]
            if asked.allowed_token_ids:
                token = asked.allowed_token_ids[0]
            elif asked.temperature == 0:
                token = int(raw.argmax())
            else:
                weights = np.exp((raw - raw.max()).astype(np.float64) / asked.temperature)
                token = int(generator.choice(len(raw), p=weights / weights.sum()))
            ids.append(token)
            told.append(_told(raw, token))
            if token in asked.stop_token_ids:
                return _Output(ids, told)
        return _Output(ids, told, "length")

    def _under(self, lora: Any) -> Any:
        """The model under an adapter, which is known by its number, as vLLM does: whatever lies there now."""
        if lora is None or _goes_wrong("forgets the adapter"):
            return self._base
        assert self._enable_lora
        if lora.lora_int_id not in self._loaded:
            folder = os.environ.get("UDASA_STAND_IN_ADAPTER", "") or lora.lora_path
            self._loaded[lora.lora_int_id] = self._base.under(Path(folder))
        return self._loaded[lora.lora_int_id]


def _told(logprobs: Any, token: int) -> dict[int, _Logprob]:
    return {token: _Logprob(float(logprobs[token]))}


def _is_answers(descriptor: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}").startswith("pipe:") and descriptor != 0
    except OSError:
        return False
