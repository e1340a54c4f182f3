"""What a machine has of memory, and what a container's limits leave of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from udasa_core.models import hardware, machine_memory

GIB = 2**30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 16 GiB, 12 of them free, with 2 GiB of swap and no limits."""
    monkeypatch.setattr(machine_memory, "_physical", lambda: 16 * GIB)
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 1 kB\nMemAvailable:   {12 * 2**20} kB\nSwapTotal: {2 * 2**20} kB\n")
    monkeypatch.setattr(machine_memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(machine_memory, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine_memory, "_OWN_CGROUPS", tmp_path / "own")
    return tmp_path


def limit(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{value}\n")


def test_a_machine_without_limits(machine: Path) -> None:
    assert machine_memory.total() == 16 * GIB
    assert machine_memory.swap() == 2 * GIB
    assert machine_memory.free() == 12 * GIB


def test_a_containers_limit_counts(machine: Path) -> None:
    (machine / "own").write_text("0::/job/task\n")
    # The task has no limit of its own; the job, above it, has one, of which files take a part.
    limit(machine / "cgroup" / "job" / "task", memory_max="max", memory_current=GIB, memory_stat="")
    stat = f"anon 5\ninactive_file {GIB}"
    limit(machine / "cgroup" / "job", memory_max=4 * GIB, memory_current=3 * GIB, memory_stat=stat)
    assert machine_memory.total() == 4 * GIB
    assert machine_memory.free() == 2 * GIB
    assert hardware.memory_of("cpu") == 4 * GIB
    memory = hardware.memory_on("cpu")
    assert (memory.most, memory.free, memory.is_gpu) == (6 * GIB, 2 * GIB, False)


def test_limits_of_the_first_version_count(machine: Path) -> None:
    (machine / "own").write_text("5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n")
    # Inside a container its own group is mounted as the uppermost one.
    folder = machine / "cgroup" / "memory"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(f"{3 * GIB}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{GIB}\n")
    (folder / "memory.stat").write_text("total_inactive_file 0\n")
    assert machine_memory.total() == 3 * GIB
    assert machine_memory.free() == 2 * GIB


def test_a_system_that_does_not_say(machine: Path) -> None:
    (machine / "meminfo").unlink()
    assert machine_memory.swap() == 16 * GIB
    assert machine_memory.free() == 16 * GIB


def test_of_several_gpus_none_is_taken_for_the_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"device": "cuda", "cuda_bfloat16": True, "gpus": 1, "gpu_memory": 24 * GIB}
    monkeypatch.setattr(hardware, "_accelerator", lambda: found)
    memory = hardware.memory_on("auto")
    assert (memory.most, memory.free, memory.is_gpu) == (24 * GIB, 24 * GIB, True)
    found["gpus"] = 2
    assert hardware.memory_on("cuda:1").most == float("inf")
