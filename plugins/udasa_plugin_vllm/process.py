"""A worker as a process of its own: asked over pipes, waited for with an end to it, and surely ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from udasa_core import UdasaError

_WORKER = Path(__file__).with_name("worker.py")
# What a worker said last, in an error: bytes.
_TAIL = 3000
# What is of this interpreter and would mislead another one.
_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSAFEPATH")
# Nothing is fetched or told to anybody, and the engine runs where the worker does: in one order.
_SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}


def environment(**more: str) -> dict[str, str]:
    """Return the environment of another interpreter: this one's, without what is this interpreter's own."""
    kept = {name: value for name, value in os.environ.items() if name not in _OWN}
    return {**kept, **_SETTINGS, **more}


class Process:
    """A running worker. Its end takes with it every process that it has started; it also comes when this
    process ends, however that is, or when nothing holds the object any more.

    who: the plugin, for messages.
    """

    def __init__(self, python: str, who: str, **variables: str) -> None:
        """variables: further ones of its environment. Raises UdasaError where it cannot be run."""
        self._who = who
        # Deleted at once: it is there as long as somebody has it open.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._popen = subprocess.Popen(
                [python, "-u", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment(**variables),
                # A group of its own, which can be ended as a whole; Ctrl-C is for this process to handle.
                start_new_session=True,
            )
        except OSError as error:
            raise UdasaError(f"{who}: {python} cannot be run: {error}") from error
        self._answers: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=_read, args=(self._popen.stdout, self._answers), daemon=True).start()
        self._number = 0
        self.end = weakref.finalize(self, _end, self._popen, self._log)

    @property
    def pid(self) -> int:
        """Its process id, which is its group's."""
        return self._popen.pid

    def send(self, request: Mapping[str, Any]) -> None:
        """Send a request; `receive` gives its answer. Raises UdasaError where the worker is gone."""
        self._number += 1
        line = json.dumps({"number": self._number, **request}) + "\n"
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(line.encode())
            self._popen.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def receive(self, seconds: float) -> Mapping[str, Any]:
        """Return the answer to the last request. Raises UdasaError, the worker ended, where there is none
        within `seconds`, it is no answer, or it says what failed."""
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            told = f"vLLM gave no answer within {seconds:g} s (see timeout and start_timeout)"
            raise self._failed(told) from None
        except BaseException:
            # What it was asked for is not waited for any more, and must not answer what comes next.
            self.end()
            raise
        if not line:
            raise self._gone()
        try:
            answer = json.loads(line)
            if answer["number"] != self._number:
                raise ValueError("it answers another request")
        except (ValueError, LookupError, TypeError) as error:
            raise self._failed(f"vLLM's process gave no answer, but {line[:80]!r} ({error})") from error
        if "error" in answer:
            raise self._failed(f"vLLM failed: {answer['error']}")
        plain: Mapping[str, Any] = answer
        return plain

    def _gone(self) -> UdasaError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout=5)
        code = self._popen.returncode
        ended = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return self._failed(f"vLLM's process ended {ended}")

    def _failed(self, told: str) -> UdasaError:
        said = self._said()
        self.end()
        more = f". What it said last:\n{said}" if said else ""
        return UdasaError(f"{self._who}: {told}{more}")

    def _said(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            # Read past the file's position, which is where the worker writes.
            log = self._log.fileno()
            size = os.fstat(log).st_size
            return os.pread(log, _TAIL, max(0, size - _TAIL)).decode(errors="replace").strip()
        return ""


def _read(stdout: IO[bytes], answers: queue.Queue[bytes]) -> None:
    for line in stdout:
        answers.put(line)
    answers.put(b"")


def _end(popen: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()
    for file in (popen.stdin, popen.stdout, log):
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
