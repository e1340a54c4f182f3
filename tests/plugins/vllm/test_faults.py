"""What goes wrong in another process, or in a table: each a named error, and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.fakes import FakeResources
from tests.plugins.vllm.conftest import generator_of
from tests.plugins.vllm.stand_in_python import STAND_IN
from udasa_core import (
    Adapter,
    Message,
    ModelRef,
    Outlook,
    Prompt,
    SamplingOptions,
    UdasaError,
    load_causal_lm,
)
from udasa_plugin_vllm.generator import VLLMGenerator
from udasa_plugin_vllm.interpreter import interpreter
from udasa_plugin_vllm.options import VLLMOptions
from udasa_plugin_vllm.process import Process
from udasa_plugin_vllm.sampling import Sampler
from udasa_plugin_vllm.serving import request, settings
from udasa_plugin_vllm.workers import Workers

SAMPLING = SamplingOptions(responses=2, max_new_tokens=4)
PROMPTS = tuple(Prompt(str(number), (Message("user", "hi"),)) for number in range(3))


@pytest.fixture
def light(python: str, tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch) -> VLLMGenerator:
    """A generator whose vLLM loads nothing, and is believed."""
    monkeypatch.setattr("udasa_core.make_canaries", lambda policy, tolerance: ())
    monkeypatch.setenv("UDASA_STAND_IN", "light")
    return generator_of(python, FakeResources(tiny_ref))


def go_wrong(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("UDASA_STAND_IN", f"light,{how}")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_gone(*pids: int) -> None:
    deadline = time.monotonic() + 10
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_running, pids))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("dies", "vLLM's process ended with exit code 4"),
        ("raises", "vLLM failed: RuntimeError: no kernel for this"),
        ("garbage", "vLLM's process gave no answer, but b'%garbage%"),
        ("few", "vLLM's process gave 2 answers to 3 prompts"),
        ("dies at load", r"(?s)ended with exit code 3\. What it said last:.*CUDA out of memory, say"),
    ],
)
def test_what_fails_there_is_named_with_what_it_said_last(
    light: VLLMGenerator, tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    go_wrong(monkeypatch, how)
    with pytest.raises(UdasaError, match=told) as caught:
        light.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 1)
    assert "generator 'vllm'" in str(caught.value)
    assert light.pids == []


def test_one_that_hangs_is_ended_when_its_time_is_over(
    python: str, light: VLLMGenerator, tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_wrong(monkeypatch, "hangs")
    slow = generator_of(python, FakeResources(tiny_ref), timeout=0.3)
    with pytest.raises(UdasaError, match=r"no answer within 0\.3 s \(see timeout and start_timeout\)"):
        slow.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 1)
    assert slow.pids == []
    monkeypatch.setenv("UDASA_STAND_IN", "light")
    assert len(slow.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 1)) == 3  # by a new process
    (served,) = slow.pids
    slow.release()
    assert_gone(served)


class _Answering:
    """Stands in for workers: every prompt gets these samples."""

    def __init__(self, samples: list[dict[str, Any]]) -> None:
        self.samples = samples
        self.is_ended = False

    def dealt(self, do: str, lists: dict[str, list[Any]], *told: Any) -> list[Any]:
        return [self.samples] * len(lists["prompts"])

    def end(self) -> None:
        self.is_ended = True


@pytest.mark.parametrize(
    ("drawn", "told"),
    [
        ([], "not 2 responses to a prompt"),
        ([([5, 5, 5, 5], 1)], "4 tokens with 1 log-probabilities, of 4 at most"),
        ([([5] * 8, 8)], "8 tokens with 8"),
        ([([5], 1)], "1 tokens with 1"),
        ([([5, 5, 5, 10**6], 4)], "a token that is none of the model's"),
        ([([5, 2, 5, 5], 4)], "a response that goes on behind its end"),
    ],
)
def test_other_tokens_than_were_asked_for_are_refused(
    tiny_ref: ModelRef, drawn: list[tuple[list[int], int]], told: str
) -> None:
    lm = load_causal_lm(tiny_ref)
    whole = {"ids": [5, 5, 5, 5], "logprobs": [-1.0] * 4}
    workers = _Answering([whole, *({"ids": ids, "logprobs": [-1.0] * count} for ids, count in drawn)])
    sampler = Sampler(cast("Workers", workers), lm, SAMPLING, 1, lm.stop_ids, None, 1.0)
    with pytest.raises(UdasaError, match=told):
        sampler.sample([[4, 5]])
    assert workers.is_ended


def test_prompts_are_dealt_out_to_workers_and_put_in_order(
    python: str, light: VLLMGenerator, tiny_ref: ModelRef
) -> None:
    two = generator_of(python, FakeResources(tiny_ref), workers=2)
    groups = two.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 1)
    assert [group.prompt for group in groups] == list(PROMPTS)
    first, second = two.pids
    os.kill(second, signal.SIGKILL)
    with pytest.raises(UdasaError, match="ended by signal 9"):
        two.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 1)
    assert_gone(first, second)


def test_each_worker_has_gpus_of_its_own(
    python: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[dict[str, str]] = []

    class Noted(Process):
        def __init__(self, python: str, who: str, **variables: str) -> None:
            seen.append(variables)

        def end(self) -> None:  # type: ignore[override]
            pass

    monkeypatch.setattr("udasa_plugin_vllm.workers.Process", Noted)
    on_gpus = replace(interpreter(python), gpus=8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    Workers(on_gpus, "g", 2, 2)
    Workers(on_gpus, "g", 1, 1, first_gpu=3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    Workers(on_gpus, "g", 2, 2)
    Workers(interpreter(python), "g", 1, 1)
    assert [one.get("CUDA_VISIBLE_DEVICES") for one in seen] == ["0,1", "2,3", "3", "4,5", "6,7", None]


def test_it_dies_with_whoever_started_it_and_so_do_its_children(
    python: str, tmp_path: Path, tiny_ref: ModelRef
) -> None:
    """Killed, nobody ends anything: the worker sees it for itself."""
    noted = tmp_path / "child"
    script = (
        "import time\n"
        "from udasa_plugin_vllm.process import Process\n"
        f"process = Process({python!r}, 'test')\n"
        "process.send({'do': 'load', 'settings': {'model': '', 'dtype': 'float32', "
        "'skip_tokenizer_init': True, 'logprobs_mode': 'raw_logprobs'}})\n"
        "process.receive(60)\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    variables = {"UDASA_STAND_IN": "light,has a child", "UDASA_STAND_IN_CHILD": str(noted)}
    with subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    ) as udasa:
        assert udasa.stdout is not None
        worker = int(udasa.stdout.readline())
        child = int(noted.read_text())
        assert is_running(worker)
        assert is_running(child)
        udasa.kill()
    assert_gone(worker, child)


def test_its_log_is_read_where_it_is_and_written_on(python: str) -> None:
    process = Process(python, "test")
    process.send({"do": "nothing of the kind"})
    with pytest.raises(UdasaError, match="AttributeError"):
        process.receive(60)


# before anything is sampled


def outlook(tiny: Path, **changes: Any) -> Outlook:
    return Outlook(
        root=tiny.parent,
        policy=f"file:{tiny}",
        runs_code=False,
        sampling=SAMPLING,
        voters=0,
        shard_size=8,
        max_set_aside=0.0,
        resumes=False,
        prompts=tuple,
        **changes,
    )


def interpreter_with(folder: Path, **versions: str) -> str:
    """An interpreter that holds distributions of these versions, a torch that sees no GPU, and a vllm."""
    for name, version in versions.items():
        info = folder / "site" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "site" / "vllm.py").write_text("")
    cuda = [
        "class cuda:",
        "is_available = staticmethod(lambda: True)",
        "device_count = staticmethod(lambda: 1)",
    ]
    (folder / "site" / "torch.py").write_text("\n    ".join(cuda) + "\n")
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={folder / "site"} exec {sys.executable} -S "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_a_table_that_cannot_work_is_told_before_a_sample(tiny_model_dir: Path, tmp_path: Path) -> None:
    look = outlook(tiny_model_dir)

    def told(**options: Any) -> list[str]:
        return list(VLLMOptions(**options).preflight(look))

    (missing,) = told(python="/nowhere/python")
    assert "/nowhere/python is no interpreter that can be run" in missing
    for line in ("python3 -m venv ~/vllm-env", "~/vllm-env/bin/pip install vllm==", 'python = "~/vllm-env'):
        assert line in missing
    (none,) = told(python=sys.executable)
    assert "there is no vLLM in" in none
    assert "pip install vllm==" in none
    (old,) = told(python=interpreter_with(tmp_path / "old", vllm="0.11.0", torch="2.9.0"))
    assert "holds vLLM 0.11.0, and 0.32.0 or newer is asked for" in old
    here = interpreter_with(tmp_path / "gpu", vllm="0.33.0", torch="2.14.0")
    assert told(python=here) == []
    (gpus,) = told(python=here, workers=2, tensor_parallel_size=2)
    assert "it can use 1 here, and tensor_parallel_size × workers asks for 4" in gpus
    bits, long = told(python=here, quantization="bitsandbytes", max_model_len=4096)
    assert "has no bitsandbytes" in bits
    assert "max_model_len = 4096 is more than the 512 tokens" in long


def test_versions_that_change_under_way_are_not_mixed(
    light: VLLMGenerator, tiny_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = interpreter(light.options.python)
    newer = replace(found, versions={**found.versions, "vllm": "0.34.0"})
    monkeypatch.setattr("udasa_plugin_vllm.generator.interpreter", lambda python: newer)
    assert "vllm 0.34.0" in light.fingerprint
    with pytest.raises(UdasaError, match=r"held .*vllm 0\.34\.0 when this began, and now other versions"):
        light.udasa_generate(PROMPTS, SAMPLING, tiny_ref, 1)


# what vLLM is told of a policy


def adapter_of(folder: Path, names: tuple[str, ...] = ("q_proj",), **config: Any) -> Adapter:
    import numpy as np
    from safetensors.numpy import save_file

    from udasa_core import adapter_digest

    folder.mkdir()
    tensors = {f"base_model.model.{name}.lora_A.weight": np.zeros((2, 4), np.float32) for name in names}
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 4, **config}))
    return Adapter(adapter_digest(folder), str(folder))


def test_settings_say_what_a_policy_is(tiny_ref: ModelRef, tmp_path: Path) -> None:
    plain = settings(tiny_ref, VLLMOptions(), "g")
    assert plain["model"] == tiny_ref.folder
    assert plain["dtype"] == "float32"
    assert "quantization" not in plain
    assert "enable_lora" not in plain
    policy = tiny_ref.with_adapter(adapter_of(tmp_path / "a", r=20))
    options = VLLMOptions(dtype="bfloat16", quantization="fp8", max_model_len=100, tensor_parallel_size=2)
    told = settings(policy, options, "g")
    assert (told["enable_lora"], told["max_lora_rank"]) == (True, 32)
    assert (told["dtype"], told["quantization"], told["max_model_len"]) == ("bfloat16", "fp8", 100)
    assert told["tensor_parallel_size"] == 2
    assert (
        settings(replace(tiny_ref, quantization="4bit"), VLLMOptions(), "g")["quantization"] == "bitsandbytes"
    )


def test_an_adapters_number_follows_from_what_it_holds(tmp_path: Path) -> None:
    one, other = adapter_of(tmp_path / "one"), adapter_of(tmp_path / "other", lora_alpha=8)
    assert request(None) is None
    numbers = {(request(adapter) or {})["id"] for adapter in (one, other)}
    assert len(numbers) == 2
    assert all(0 < number < 2**31 for number in numbers)
    assert request(replace(one, folder="elsewhere")) == {**(request(one) or {}), "folder": "elsewhere"}


@pytest.mark.parametrize(
    ("names", "config", "told"),
    [
        (("lm_head",), {}, "it trains lm_head"),
        (("model.embed_tokens",), {}, "it trains embed_tokens"),
        (("q_proj",), {"use_dora": True}, "it trains use_dora"),
        (("q_proj",), {"modules_to_save": ["lm_head"]}, "it trains modules_to_save"),
        (("q_proj",), {"bias": "all"}, "it trains bias"),
        (("q_proj",), {"r": 1024}, "takes adapters of rank 512 at most, not 1024"),
    ],
)
def test_an_adapter_that_vllm_applies_in_part_is_refused(
    tiny_ref: ModelRef, tmp_path: Path, names: tuple[str, ...], config: dict[str, Any], told: str
) -> None:
    policy = tiny_ref.with_adapter(adapter_of(tmp_path / "a", names, **config))
    with pytest.raises(UdasaError, match=told):
        settings(policy, VLLMOptions(), "g")


def test_the_worker_needs_nothing_of_udasa() -> None:
    import udasa_plugin_vllm.worker as worker

    source = Path(worker.__file__).read_text()
    assert "udasa_core" not in source
    assert "import udasa" not in source
    assert STAND_IN.is_dir()
