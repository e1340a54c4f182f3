"""A stage that is trained by ranks: started, listened to, ended with this process, their errors told."""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from udasa_core import waiting
from udasa_core.errors import LaunchError, UdasaError
from udasa_core.files.lock import locked
from udasa_core.files.whole import write_whole
from udasa_core.job.job import Job
from udasa_core.launching.launch import Launch
from udasa_core.launching.rank import ALIVE, EVENTS, REPORT, report_from_json
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.records import Event, Report
from udasa_core.text.printable import printable

log = logging.getLogger("udasa")

# In a stage's working folder: where ranks and whoever waits for them meet.
FOLDER = "launch"
# Seconds between two looks; and that a launcher has to end its ranks in.
_LOOK, _GRACE = 0.1, 10.0
# Lines of a log that an error repeats.
_TAIL = 20
# What a launcher's own environment must not hand on: they would say otherwise than [train] does.
_FOREIGN = re.compile(
    r"(ACCELERATE|FSDP|TORCHELASTIC)_.*|RANK|LOCAL_RANK|GROUP_RANK|ROLE_.*|(LOCAL_|GROUP_)?WORLD_SIZE|MASTER_(ADDR|PORT)"
)
# torch's summary of who failed first.
_FIRST = re.compile(r"Root Cause.*?rank\s*:\s*(\d+).*?exitcode\s*:\s*(-?\d+)", re.DOTALL)


def train_by_ranks(job: Job, launch: Launch, plugin: BuiltPlugin, asked: Mapping[str, Any]) -> Report:
    """Have a trainer called by every rank, and return what rank 0 returned.

    asked: the arguments of `udasa_train`. Observers are told what rank 0 tells. Raises what a rank said,
    or LaunchError with the end of a rank's log; the ranks have ended then, as they have after Ctrl-C.
    """
    out_dir: Path = asked["out_dir"]
    folder = out_dir / FOLDER
    _empty(folder)
    request = folder / "request.json"
    plain = {
        "job": job.plain(),
        "trainer": plugin.table.path,
        "world": launch.world,
        "launcher": launch.table.launcher,
        "asked": {
            **asked,
            "stage": asdict(asked["stage"]),
            "policy": asked["policy"].to_json(),
            "reference": asked["reference"].to_json(),
        },
    }
    write_whole(request, json.dumps(plain, default=str))
    _free_gpus()
    policy = asked["policy"]
    who = f"{plugin} under {launch.table.launcher}"
    try:
        with (
            locked(folder / ALIVE, f"{out_dir} is already being trained in"),
            waiting.watch.over(who, "udasa_train"),
            _started(launch.command(request, policy.dtype), folder, launch) as process,
        ):
            for node in range(1, launch.table.nodes):
                joins = launch.command(request, policy.dtype, node)
                log.warning("node %d joins by: %s", node, shlex.join(joins))
            for told in _told(folder / EVENTS, lambda: process.poll() is None):
                waiting.watch.sign()
                if "event" in told:
                    job.observe(Event(**told["event"]))
                else:
                    logging.getLogger(told["logger"]).log(told["level"], "%s", told["text"])
    finally:
        _await_ranks(folder)
    if process.returncode or not (folder / REPORT).is_file():
        raise _error(folder, launch, asked["stage"].name, process.returncode)
    return report_from_json(json.loads((folder / REPORT).read_text()))


def _free_gpus() -> None:
    """Leave the ranks what memory of the GPUs this process has set by for models that it has forgotten."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def _empty(folder: Path) -> None:
    """Begin anew, once the ranks of an earlier launch have ended."""
    _await_ranks(folder)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def _await_ranks(folder: Path) -> None:
    """Wait until all ranks have ended, which they do by themselves when nobody holds `alive.lock`."""
    for lock in sorted(folder.glob("rank-*.lock")):
        with locked(lock, "a rank is at work", wait=True):
            pass


@contextmanager
def _started(command: list[str], folder: Path, launch: Launch) -> Iterator[subprocess.Popen[bytes]]:
    """Give the launcher's process; it and its ranks have ended afterwards."""
    environment = {name: value for name, value in os.environ.items() if not _FOREIGN.fullmatch(name)}
    environment |= {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONSAFEPATH": "1",  # `-m` would import from the working folder first
    }
    if launch.table.processes > 1:  # torchrun would give each one thread, however many cores there are
        threads = max(1, (os.cpu_count() or 1) // launch.table.processes)
        environment.setdefault("OMP_NUM_THREADS", str(threads))
    if launch.table.nodes == 1 and sys.platform == "linux":
        # gloo would go by the host's name, which may lead nowhere, or out of the machine.
        environment.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with (folder / "launcher.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is for this process, which ends that one
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a launcher, which ends its ranks."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _told(file: Path, lasts: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Yield what rank 0 tells, line by line, until nobody tells any more."""
    read = 0
    while True:
        is_last = not lasts()
        with suppress(FileNotFoundError), file.open("rb") as events:
            events.seek(read)
            for line in events:
                if line.endswith(b"\n"):
                    read += len(line)
                    yield json.loads(line)
        if is_last:
            return
        time.sleep(_LOOK)


def _error(folder: Path, launch: Launch, stage: str, code: int | None) -> UdasaError:
    """Return what ended the ranks: what one of them said, or whose end was the first, with its last lines."""
    launcher = launch.table.launcher
    errors = {
        int(file.stem.partition("-")[2]): json.loads(file.read_text())
        for file in sorted(folder.glob("error-*.json"))
    }
    said = {rank: error for rank, error in errors.items() if error["is_said"]}
    if said:
        return UdasaError(min(said.values(), key=lambda error: error["at"])["told"])
    first = _FIRST.search(_read(folder / "launcher.log"))
    rank, died_of = (int(first[1]), int(first[2])) if first else (None, 0)
    if rank not in errors and died_of >= 0:
        # It met the end of another one.
        rank = min(errors, key=lambda one: errors[one]["at"]) if errors else None
    if rank is None:
        how = f"was killed by {_signal(-code)}" if code and code < 0 else f"ended with {code}"
        return LaunchError(
            f"stage {stage}: {launcher} {how} before any rank said why. Its last lines "
            f"({folder / 'launcher.log'}):\n{_tail(folder / 'launcher.log')}"
        )
    how = f"was killed by {_signal(-died_of)}" if died_of < 0 else f"failed: {errors[rank]['told']}"
    hint = " (the system kills so where memory runs out)" if died_of == -signal.SIGKILL else ""
    return LaunchError(
        f"stage {stage}: rank {rank} of {launch.world} {how}{hint}. The others were ended. The same command "
        f"goes on from the last checkpoint. Its last lines ({folder / f'rank-{rank}.log'}):\n"
        f"{_tail(folder / f'rank-{rank}.log')}"
    )


def _signal(number: int) -> str:
    with suppress(ValueError):
        return f"signal {number} ({signal.Signals(number).name})"
    return f"signal {number}"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _tail(file: Path) -> str:
    lines = [line for line in printable(_read(file)).splitlines() if line.strip()]
    return "\n".join(f"  {line[:200]}" for line in lines[-_TAIL:]) or "  (none)"
