"""Ranks without a launcher: forks of the test's own process, which has imported torch already."""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_ranks(count: int, work: Callable[[], Any]) -> list[Any]:
    """Call `work` on so many ranks, and return what each gave, in order; AssertionError where one raised."""
    context = multiprocessing.get_context("fork")
    port = free_port()
    started = []
    for rank in range(count):
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(work, theirs, rank, count, port))
        process.start()
        theirs.close()
        started.append((process, ours))
    told = []
    for process, ours in started:
        try:
            told.append(ours.recv())
        except EOFError:
            told.append((False, f"it ended with {process.exitcode}"))
        process.join()
    failed = [f"rank {rank}: {answer}" for rank, (is_well, answer) in enumerate(told) if not is_well]
    assert not failed, "\n".join(failed)
    return [answer for _, answer in told]


def _work(work: Callable[[], Any], pipe: Connection, rank: int, count: int, port: int) -> None:
    from accelerate.state import AcceleratorState

    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    os.environ |= {name: str(value) for name, value in told.items()}
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        pipe.send((True, work()))
    except BaseException:
        pipe.send((False, traceback.format_exc()))
    finally:
        pipe.close()
        os._exit(0)
