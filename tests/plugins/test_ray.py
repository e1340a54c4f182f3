"""The engine `ray` without Ray: what is asked before a run, and who gets which shard as workers are lost."""

from __future__ import annotations

import importlib.util
import logging
import socket
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core import ConfigError, UdasaError
from udasa_core.testing import check_factory
from udasa_plugin_ray.actor import Done, Worker
from udasa_plugin_ray.cluster import Cluster
from udasa_plugin_ray.engine import RayEngine
from udasa_plugin_ray.options import RayOptions, address_fault
from udasa_plugin_ray.pool import Pool


def test_the_engine_keeps_the_contract() -> None:
    check_factory("engine", RayEngine)


def test_without_ray_the_command_is_told_before_sampling(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, package=None: None if name == "ray" else real(name, package),
    )
    calls.clear()
    plain = configuration(tmp_path, tiny_model_dir, engine={"use": "ray"})
    with pytest.raises(ConfigError, match="engine: Ray is not installed: pip install ray"):
        udasa_core.run(plain)
    assert not calls
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UdasaError, match="pip install ray"):
        Cluster(RayOptions())


def test_an_address_that_does_not_answer_is_told_soon(tmp_path: Path, tiny_model_dir: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plain = configuration(tmp_path, tiny_model_dir, engine={"use": "ray", "address": f"127.0.0.1:{port}"})
    began = time.monotonic()
    with pytest.raises(
        ConfigError, match=rf"no Ray cluster answers at 127\.0\.0\.1:{port} \(.*ray start --head"
    ):
        udasa_core.run(plain)
    assert time.monotonic() - began < 60
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        there.listen()
        assert address_fault(f"ray://127.0.0.1:{there.getsockname()[1]}") == ""
    assert 'write "HOST:6379"' in address_fault("head-node")


class _RayError(Exception):
    pass


class _ActorDiedError(_RayError):
    pass


class _RayTaskError(_RayError):
    cause: Exception | None = None


class _Actor:
    """Dies at the shards that its cluster says, and makes every other."""

    def __init__(self, cluster: _Cluster, *, is_there: bool) -> None:
        self.cluster = cluster
        self.is_there = is_there
        self.killed = False
        for name in ("fault", "make", "end"):
            setattr(self, name, SimpleNamespace(remote=getattr(self, f"_{name}")))

    def _ref(self, answer: Any) -> object:
        ref = object()
        if self.is_there:
            self.cluster.answers[ref] = answer
        return ref

    def _fault(self, store: str, mark: str, folders: list[str]) -> object:
        assert (Path(store) / mark).exists()
        return self._ref(self.cluster.faults.pop() if self.cluster.faults else "")

    def _make(self, payload: Mapping[str, Any]) -> object:
        name = payload["output"]
        self.cluster.begun[name] += 1
        if self.cluster.deadly.get(name, 0) >= self.cluster.begun[name]:
            return self._ref(_ActorDiedError())
        return self._ref(self.cluster.done.get(name, Done(None, ())))

    def _end(self) -> object:
        return self._ref(None)


class _Cluster:
    """As much of Ray as a pool needs: what was asked last is there first."""

    def __init__(self) -> None:
        self.answers: dict[object, Any] = {}
        self.begun: Counter[str] = Counter()
        # How often each shard takes its worker with it.
        self.deadly: dict[str, int] = {}
        self.done: dict[str, Done] = {}
        self.faults: list[Any] = []
        self.actors: list[_Actor] = []
        # How many of them ever are there.
        self.room = 99
        errors = SimpleNamespace(RayError=_RayError, RayTaskError=_RayTaskError)
        self.ray = SimpleNamespace(wait=self._wait, get=self._get, kill=self._kill, exceptions=errors)
        self.ray.available_resources = lambda: {"CPU": 0.0}

    def worker(self) -> _Actor:
        self.actors.append(_Actor(self, is_there=len(self.actors) < self.room))
        return self.actors[-1]

    def lacking(self) -> str:
        return ""

    def _wait(self, refs: Sequence[object], num_returns: int, timeout: float) -> tuple[list[object], None]:
        return [ref for ref in refs if ref in self.answers][-num_returns:], None

    def _get(self, ref: object) -> Any:
        if isinstance(answer := self.answers[ref], Exception):
            raise answer
        return answer

    def _kill(self, actor: _Actor) -> None:
        actor.killed = True


def pool_of(cluster: _Cluster, **options: Any) -> Pool:
    return Pool(cluster, RayOptions(**options))  # type: ignore[arg-type]  # as much of one as is needed


def shards(folder: Path, count: int) -> list[dict[str, Any]]:
    job = {"store": str(folder), "refs": {"base": {"folder": str(folder)}}}
    return [{"job": job, "step": "sample", "output": f"s{number}"} for number in range(count)]


def test_a_lost_worker_costs_its_shard_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cluster = _Cluster()
    cluster.deadly = {"s2": 2}
    pool = pool_of(cluster, workers=2, retries=2)
    assert sorted(pool.map("sample", shards(tmp_path, 6))) == [0, 1, 2, 3, 4, 5]
    assert cluster.begun == {"s0": 1, "s1": 1, "s2": 3, "s3": 1, "s4": 1, "s5": 1}
    assert "a worker was lost (_ActorDiedError)" in caplog.text
    pool.close()
    assert sum(not actor.killed for actor in cluster.actors) == 2, "but for those that died all are ended"
    assert not list(tmp_path.iterdir()), "the mark is taken away"


def test_a_shard_that_loses_every_worker_is_named(tmp_path: Path) -> None:
    cluster = _Cluster()
    cluster.deadly = {"s1": 9}
    with pytest.raises(UdasaError, match=r"step sample, shard s1: its worker was lost 3 times.*retries = 2"):
        list(pool_of(cluster, retries=2).map("sample", shards(tmp_path, 3)))


def test_what_a_shard_raises_ends_the_map_and_its_warnings_are_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = _Cluster()
    cluster.done = {
        "s1": Done(UdasaError("no tokens left"), (("udasa", "prompt p1 is not asked: too long"),))
    }
    with pytest.raises(UdasaError, match="no tokens left"), caplog.at_level(logging.WARNING):
        list(pool_of(cluster).map("sample", shards(tmp_path, 3)))
    assert "prompt p1 is not asked: too long" in caplog.messages


def test_a_worker_that_sees_another_store_ends_the_run_before_sampling(tmp_path: Path) -> None:
    cluster = _Cluster()
    # What the worker itself says of a folder that is not the store.
    worker = Worker(1)
    (tmp_path / "other").mkdir()
    told = worker.fault(str(tmp_path / "other"), ".disk-1", [])
    assert told.endswith(", or none. Mount one file system at one path on all machines")
    cluster.faults = [told]
    with pytest.raises(UdasaError, match=r"there is another store at .*other, or none\. Mount one file"):
        list(pool_of(cluster).map("sample", shards(tmp_path, 3)))
    assert not cluster.begun


def test_a_worker_without_the_model_says_where_it_is_missing(tmp_path: Path) -> None:
    from udasa_core import marked

    with marked(tmp_path) as mark:
        told = Worker(1).fault(str(tmp_path), mark, [str(tmp_path), str(tmp_path / "model")])
    assert f"the model in {tmp_path / 'model'} is not there" in told


def test_work_begins_with_the_workers_that_are_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = _Cluster()
    cluster.room = 1
    pool = pool_of(cluster, workers=3, start_seconds=0.01)
    assert sorted(pool.map("sample", shards(tmp_path, 4))) == [0, 1, 2, 3]
    assert "1 of 3 workers are there" in caplog.text
    caplog.clear()
    assert sorted(pool.map("score", shards(tmp_path, 2))) == [0, 1]
    assert not caplog.text, "the others are waited for once"
    cluster.room = 0
    with pytest.raises(UdasaError, match=r"no worker was there within 0 s: none has room: .* is free"):
        list(pool_of(cluster, start_seconds=0.01).map("sample", shards(tmp_path, 4)))


def test_workers_that_end_as_they_begin_are_not_begun_for_ever(tmp_path: Path) -> None:
    cluster = _Cluster()
    cluster.faults = [_ActorDiedError()] * 99
    with pytest.raises(UdasaError, match=r"5 workers ended as they began\. Ray keeps"):
        list(pool_of(cluster, workers=2, retries=2).map("sample", shards(tmp_path, 3)))


def test_an_error_comes_back_as_itself_or_as_its_words() -> None:
    payload = {"job": {}, "step": "sample"}
    done = Worker(1).make(payload)
    assert isinstance(done.error, RuntimeError)
    assert str(done.error) == "KeyError: 'raw'"
