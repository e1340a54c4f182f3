"""Answers of a causal language model to rendered prompts, several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from transformers import GenerationConfig

from udasa_core import CausalLM, UdasaError, cache_use, refuse_longer


@contextmanager
def _without_own_settings(lm: CausalLM) -> Iterator[None]:
    """Let a model answer as it is asked to: `generate` fills whatever is left out from the model's own
    generation_config, where there may be suppressed tokens, penalties or another search."""
    own = lm.model.generation_config
    lm.model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        lm.model.generation_config = own


@dataclass(frozen=True, slots=True)
class Answering:
    """How long and at which temperature a model answers; temperature 0 is greedy."""

    temperature: float
    max_new_tokens: int

    def answers(self, lm: CausalLM, prompts: Sequence[Sequence[int]], seed: int) -> list[str]:
        """Return the answer to each prompt (token ids), special tokens left out; `seed` fixes the draws.

        Prompts are padded, or read one by one where the model does not bear it. Raises UdasaError where it
        does not count positions from 0, as `generate` has it do, or they do not reach over prompt and answer.
        """
        if not prompts:
            return []
        use = cache_use(lm.model)
        if not use.placed:
            raise UdasaError(
                f"{lm.ref.source} cannot answer: a {lm.model.config.model_type} model counts positions "
                "otherwise than from 0, and transformers generates wrongly with it. Choose another judge"
            )
        refuse_longer(lm.model, max(map(len, prompts)) + self.max_new_tokens)
        if len(prompts) > 1 and not use.padded:
            return [answer for prompt in prompts for answer in self.answers(lm, [prompt], seed)]
        longest = max(map(len, prompts))
        padding = min(lm.stop_ids, default=0)
        # Padded on the left, so that all answers begin in one column.
        ids = torch.tensor([[padding] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            with _without_own_settings(lm):
                found = lm.model.generate(
                    input_ids=ids.to(lm.device),
                    attention_mask=mask.to(lm.device),
                    generation_config=self._settings(sorted(lm.stop_ids), padding),
                )
        return [lm.decode(row[longest:].tolist()) for row in found]

    def _settings(self, stops: list[int], padding: int) -> GenerationConfig:
        drawing = {"temperature": self.temperature} if self.temperature else {}
        return GenerationConfig(
            do_sample=bool(self.temperature),
            num_beams=1,
            top_p=1.0,
            top_k=0,
            repetition_penalty=1.0,
            max_new_tokens=self.max_new_tokens,
            eos_token_id=stops or None,
            pad_token_id=padding,
            **drawing,
        )
