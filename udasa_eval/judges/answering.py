"""Answers of a causal language model to rendered prompts, several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import GenerationConfig

from udasa_core import CausalLM


@dataclass(frozen=True, slots=True)
class Answering:
    """How long and at which temperature a model answers; temperature 0 is greedy."""

    temperature: float
    max_new_tokens: int

    def answers(self, lm: CausalLM, prompts: Sequence[Sequence[int]], seed: int) -> list[str]:
        """Return the answer to each prompt (token ids), special tokens left out; `seed` fixes the draws."""
        if not prompts:
            return []
        longest = max(map(len, prompts))
        padding = min(lm.stop_ids, default=0)
        # Padded on the left, so that all answers begin in one column.
        ids = torch.tensor([[padding] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            found = lm.model.generate(
                input_ids=ids.to(lm.device),
                attention_mask=mask.to(lm.device),
                generation_config=self._settings(sorted(lm.stop_ids), padding),
            )
        return [lm.decode(row[longest:].tolist()) for row in found]

    def _settings(self, stops: list[int], padding: int) -> GenerationConfig:
        # What is left out here a model's own settings would fill in.
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
