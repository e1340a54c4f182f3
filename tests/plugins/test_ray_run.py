"""Whole runs by Ray: the local engine's bytes, whatever happens to a worker, and nothing left running."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.canned import Generator, configuration
from tests.test_kill import outputs, real_configuration
from udasa_core import Group, ModelRef, Prompt, SamplingOptions, hookimpl

pytestmark = pytest.mark.slow
HERE = "tests.plugins.test_ray_run"
# Generous: Ray takes seconds to begin, and a busy machine many times as long.
_LONG = 600.0
_RUN = (
    "import json, sys, udasa_core\n"
    "from udasa_core.errors import UdasaError\n"
    "try:\n"
    "    udasa_core.run(json.loads(sys.argv[1]))\n"
    "except UdasaError as error:\n"
    "    sys.exit(f'error: {error}')\n"
    "except KeyboardInterrupt:\n"
    "    sys.exit('interrupted')\n"
)


class Mortal(Generator):
    """At one prompt it notes its process in `folder`, and waits until a file `on` is there."""

    class Options(Generator.Options):
        folder: str
        prompt: str = "p5"
        deadly: bool = False

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        folder = Path(self.options.folder)
        if any(prompt.id == self.options.prompt for prompt in prompts):
            if self.options.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            (folder / f"{os.getpid()}.at").touch()
            while not (folder / "on").exists():
                time.sleep(0.05)
        return super().udasa_generate(prompts, sampling, policy, seed)


class Run:
    """A run in a process of its own, in a session of its own; whoever descends from it is known by a mark."""

    def __init__(self, plain: dict[str, Any]) -> None:
        self.mark = f"UDASA_TEST={secrets.token_hex(8)}"
        name, value = self.mark.split("=")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RUN, json.dumps(plain)],
            env={**os.environ, "OMP_NUM_THREADS": "1", name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def end(self) -> tuple[int, str]:
        """Return its status and all that it said, once it has ended and nothing of it is left."""
        said = "".join(self.process.communicate(timeout=_LONG))
        until(lambda: not self.left(), _LONG / 2)
        return self.process.returncode, said

    def until(self, is_so: Callable[[], Any]) -> None:
        """Wait until something is so, which it is to become while this run lasts."""
        until(lambda: is_so() or self.process.poll() is not None)
        assert is_so(), self.process.communicate()

    def left(self) -> list[str]:
        """The command lines of processes that descend from it, and of itself."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it has ended meanwhile
                continue
        return found


def until(is_so: Callable[[], Any], seconds: float = _LONG) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


@pytest.fixture
def mortal(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    generator = {"use": f"{HERE}:Mortal", "folder": str(tmp_path), "responses": 4}
    plain = configuration(tmp_path, tiny_model_dir, generator=generator, stages={"use": "single"})
    plain["engine"] = {"use": "ray", "workers": 2, "start_seconds": _LONG}
    return plain


def local(plain: dict[str, Any], folder: Path) -> tuple[dict[str, bytes], str]:
    """What the local engine makes of the same configuration, and what it says."""
    alone = {**plain, "engine": {"use": "local"}, "run": {**plain["run"], "folder": str(folder / "local")}}
    status, said = Run(alone).end()
    assert status == 0, said
    return outputs(alone), said


def test_a_real_run_has_the_local_engines_bytes(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = real_configuration(tmp_path, tiny_model_dir)
    plain["stages"], plain["trainer"] = {"use": "single"}, {"use": "dpo", "learning_rate": 1e-3}
    plain["transitions"] = {"measure": True}
    plain["suite"] = [{"use": "tests.core.job.test_asked:Asking", "name": "asking"}]
    plain["judge"] = {"use": "tests.core.job.test_asked:Impatient"}
    expected, words = local(plain, tmp_path)
    run = Run({**plain, "engine": {"use": "ray", "workers": 2, "threads": 1}})
    assert run.end() == (0, words), "Ray says nothing of its own, and leaves nothing running"
    assert outputs(plain) == expected
    steps = {name.split("/")[0] for name in expected}
    assert steps >= {"sample", "score", "fit", "meters", "pair-logprobs", "suite", "answer", "grade"}


def test_a_worker_that_is_killed_mid_shard_costs_that_shard(tmp_path: Path, mortal: dict[str, Any]) -> None:
    run = Run(mortal)
    run.until(lambda: list(tmp_path.glob("*.at")))
    (first,) = tmp_path.glob("*.at")
    # Nobody waits any more: whoever takes the shard over makes it.
    os.kill(int(first.stem), signal.SIGKILL)
    run.until(lambda: len(list(tmp_path.glob("*.at"))) == 2)
    (tmp_path / "on").touch()
    status, said = run.end()
    assert (status, said) == (0, "a worker was lost (ActorDiedError); another one takes its shard\n")
    assert outputs(mortal) == local(mortal, tmp_path)[0]


def test_a_shard_that_kills_its_workers_is_named(mortal: dict[str, Any]) -> None:
    mortal["generator"]["deadly"] = True
    mortal["engine"]["retries"] = 1
    status, said = Run(mortal).end()
    assert status == 1
    assert "error: step sample, shard " in said
    assert "its worker was lost 2 times, which is more often than [engine] retries = 1 allows" in said


def test_ctrl_c_ends_all_and_the_run_goes_on_locally(tmp_path: Path, mortal: dict[str, Any]) -> None:
    run = Run(mortal)
    run.until(lambda: list(tmp_path.glob("*.at")))
    # As a terminal does: to every process of the foreground.
    os.killpg(run.process.pid, signal.SIGINT)
    status, said = run.end()
    assert (status, said) == (1, "interrupted\n")
    (tmp_path / "on").touch()
    assert Run({**mortal, "engine": {"use": "local"}}).end()[0] == 0
    assert outputs(mortal) == local(mortal, tmp_path)[0]


def test_a_gpu_that_is_not_there_is_named_before_sampling(mortal: dict[str, Any]) -> None:
    mortal["engine"]["num_gpus"] = 64
    status, said = Run(mortal).end()
    assert status == 1
    assert (
        "each worker takes CPU 1, GPU 64, and of these the cluster's machines have at most CPU 2, GPU 0"
        in said
    )


def test_a_run_that_is_killed_leaves_nothing_running(tmp_path: Path, mortal: dict[str, Any]) -> None:
    run = Run(mortal)
    run.until(lambda: list(tmp_path.glob("*.at")))
    run.process.kill()
    assert run.end()[0] == -signal.SIGKILL


def test_a_machine_that_is_lost_costs_its_shards(
    tmp_path: Path, mortal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes of Ray on this machine; one goes while its worker is at a shard. The cluster stays."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_worker_niceness", "0")
    memory = 80 * 2**20
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": memory})
    try:
        nodes = [
            cluster.add_node(num_cpus=1, object_store_memory=memory, resources={"here": 1}) for _ in range(2)
        ]
        mortal["engine"] |= {"address": cluster.address, "resources": {"here": 1}}
        run = Run(mortal)
        run.until(lambda: list(tmp_path.glob("*.at")))
        (first,) = tmp_path.glob("*.at")
        raylet = int(Path(f"/proc/{first.stem}/stat").read_text().rpartition(")")[2].split()[1])
        (lost,) = (node for node in nodes if node.all_processes["raylet"][0].process.pid == raylet)
        cluster.remove_node(lost, allow_graceful=False)
        run.until(lambda: len(list(tmp_path.glob("*.at"))) == 2)
        (tmp_path / "on").touch()
        status, said = run.end()
        assert status == 0, said
        assert "a worker was lost" in said
        with socket.create_connection(cluster.address.split(":")):
            pass
    finally:
        cluster.shutdown()
    assert outputs(mortal) == local(mortal, tmp_path)[0]
