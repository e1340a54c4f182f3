"""A text by which a policy is known again where another program serves it: an adapter that is not applied, or
another one, gives samples that look like samples."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_core.errors import UdasaError
from udasa_core.files.json_text import parse_json
from udasa_core.models.causal_lm import CausalLM, load_causal_lm
from udasa_core.models.loading import empty_cache
from udasa_core.models.token_statistics import forced_statistics
from udasa_core.records import Adapter, Message, ModelRef
from udasa_core.sources.digests import ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapter_digest

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_QUESTIONS = (
    "Tell me about the sea.",
    "Why is the sky blue?",
    "What should I do on a rainy day?",
    "Name three animals and say where they live.",
    "Is it right to lie?",
    "How does bread rise?",
)
# Tokens of an answer.
_LENGTH = 32
# How many times the tolerance an adapter's effect has to be.
_TIMES = 5.0
# What rounding makes of a token in float32, in nats: no tolerance is less.
_ROUNDING = 1e-3
# By what an adapter is multiplied whose effect rounding would hide.
_SCALES = (4.0, 16.0, 64.0)


@dataclass(frozen=True, slots=True)
class Canary:
    """What a policy says here of some answers, which it wrote itself, to fixed questions.

    ids: each question with its answer, in tokens. starts: where the answers begin. logprobs: of the answers'
    tokens under the policy, in nats; bare: the same under the weights without its adapter, None where it
    has none. tolerance: by how many nats the two sides may differ: on any token where is_exact (float32),
    on the mean of all tokens elsewhere, where 16 or 4 bits round. scale: what the adapter was multiplied by;
    1 is the policy itself.
    """

    ids: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]
    logprobs: tuple[tuple[float, ...], ...]
    bare: tuple[tuple[float, ...], ...] | None
    tolerance: float
    is_exact: bool
    scale: float = 1.0

    @property
    def effect(self) -> float:
        """What the adapter changes of these answers, measured as the tolerance is; 0 without one."""
        return 0.0 if self.bare is None else self._distance(_joined(self.logprobs), _joined(self.bare))

    def fault(self, there: Sequence[Sequence[float]], bare: Sequence[Sequence[float]] | None = None) -> str:
        """Say how what another program says of the same texts differs, "" where it serves the policy.

        there: of each text the log-probability of every token but the first, in nats. bare: likewise without
        the adapter, None where that is not known.
        """
        if list(map(len, there)) != [len(text) - 1 for text in self.ids]:
            return "it does not give one log-probability for each token of a text"
        if self.bare is not None and there == bare:
            return "it says the same with the adapter as without"
        found = _joined([row[start - 1 :] for row, start in zip(there, self.starts, strict=True)])
        if not all(map(math.isfinite, found)):
            return "it gives log-probabilities that are not finite"
        distance = self._distance(found, _joined(self.logprobs))
        if distance <= self.tolerance:
            return ""
        what = "on a token" if self.is_exact else "a token, on average"
        changed = "" if self.bare is None else f", where the adapter changes {self.effect:.3g}"
        return (
            f"a text's log-probability differs by {distance:.3g} nats {what} from what it is here{changed}; "
            f"{self.tolerance:.3g} is allowed (see tolerance)"
        )

    def _distance(self, one: Sequence[float], other: Sequence[float]) -> float:
        apart = [abs(a - b) for a, b in zip(one, other, strict=True)]
        return max(apart) if self.is_exact else math.fsum(apart) / len(apart)


def make_canaries(policy: ModelRef, tolerance: float) -> tuple[Canary, ...]:
    """Return what a policy of one adapter at most is known by; its weights are read here, and forgotten.

    tolerance: nats a token, as `Canary.tolerance`. The policy's own canary comes first. Where its adapter
    changes less than five times the tolerance, in float32 less is tolerated: a fifth of what it changes. In
    16 and 4 bits rounding would hide it: a second canary is of the same adapter, multiplied so that it
    changes enough, by which it is seen whether every part of it is applied.

    Raises UdasaError where it changes no more than rounding does, multiplied or not.
    """
    try:
        return _canaries(load_causal_lm(replace(policy, adapters=())), policy, tolerance)
    finally:
        # Whoever is tried by them may need the memory.
        empty_cache()


def _canaries(lm: CausalLM, policy: ModelRef, tolerance: float) -> tuple[Canary, ...]:
    is_exact = policy.dtype == "float32" and policy.quantization == "none"
    own = _canary(lm, policy.adapters, tolerance, is_exact)
    if not policy.adapters or own.effect > _TIMES * tolerance:
        return (own,)
    if is_exact and own.effect > _TIMES * _ROUNDING:
        return (replace(own, tolerance=own.effect / _TIMES),)
    for scale in _SCALES if not is_exact else ():
        with amplified(policy.adapters[0], scale) as adapter:
            louder = _canary(lm, (adapter,), tolerance, is_exact)
        if louder.effect > _TIMES * tolerance:
            return own, replace(louder, scale=scale)
    raise UdasaError(
        f"the adapter of {policy.source} changes no text's log-probability by more than {own.effect:.2g} "
        "nats a token, which rounding may do: whether another program applies it cannot be told. Train on, "
        'or sample by use = "transformers"'
    )


@contextlib.contextmanager
def amplified(adapter: Adapter, scale: float) -> Iterator[Adapter]:
    """Give an adapter whose effect is multiplied, in a folder of its own as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="udasa-canary-") as name:
        folder = Path(name)
        shutil.copyfile(Path(adapter.folder) / ADAPTER_WEIGHTS, folder / ADAPTER_WEIGHTS)
        plain = parse_json((Path(adapter.folder) / ADAPTER_CONFIG).read_bytes())
        plain["lora_alpha"] *= scale
        plain["alpha_pattern"] = {
            name: alpha * scale for name, alpha in (plain.get("alpha_pattern") or {}).items()
        }
        (folder / ADAPTER_CONFIG).write_text(json.dumps(plain))
        yield Adapter(adapter_digest(folder), str(folder))


def _canary(lm: CausalLM, adapters: Sequence[Adapter], tolerance: float, is_exact: bool) -> Canary:
    prompts = [_rendered(lm, question) for question in _QUESTIONS]
    bare = None
    if adapters:
        with lm.adapted(adapters) as adapted:
            model = adapted.get_base_model()
            answers = [_answer(model, prompt, lm.stop_ids) for prompt in prompts]
            logprobs = _figures(model, prompts, answers)
        bare = _figures(lm.model, prompts, answers)
    else:
        answers = [_answer(lm.model, prompt, lm.stop_ids) for prompt in prompts]
        logprobs = _figures(lm.model, prompts, answers)
    texts = tuple((*prompt, *answer) for prompt, answer in zip(prompts, answers, strict=True))
    return Canary(texts, tuple(map(len, prompts)), logprobs, bare, tolerance, is_exact)


def _rendered(lm: CausalLM, question: str) -> list[int]:
    messages = [Message("user", question)]
    if lm.tokenizer.chat_template:
        with contextlib.suppress(ValueError):
            return lm.render(messages)
    return lm.render(messages, "plain")


def _answer(model: PreTrainedModel, prompt: Sequence[int], stops: Collection[int]) -> list[int]:
    """Return what the model answers greedily: tokens that it is sure of, which round least."""
    import torch
    from transformers import GenerationConfig

    stop = sorted(stops)
    ids = torch.tensor([list(prompt)], device=model.device)
    greedily = GenerationConfig(
        do_sample=False,
        max_new_tokens=_LENGTH,
        eos_token_id=stop or None,
        pad_token_id=stop[0] if stop else None,
    )
    with torch.inference_mode():
        whole = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=greedily)
    return [int(token) for token in whole[0, len(prompt) :].tolist()]


def _figures(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
) -> tuple[tuple[float, ...], ...]:
    return tuple(one.logprobs for one in forced_statistics(model, prompts, answers, 1.0, 1.0, 0))


def _joined(rows: Sequence[Sequence[float]]) -> list[float]:
    return [value for row in rows for value in row]
