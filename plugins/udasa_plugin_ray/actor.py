"""What runs in a Ray actor: one plugin stack, which makes one shard after the other."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from udasa_core import UdasaError, end_work, mark_fault, work

log = logging.getLogger("udasa.ray")


class Done(NamedTuple):
    """What became of one shard.

    error: None where it is in the store. warnings: what was warned of meanwhile: logger and text.
    """

    error: Exception | None
    warnings: tuple[tuple[str, str], ...]


class _Kept(logging.Handler):
    """Keeps warnings for whoever leads: an actor has no console."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append((record.name, record.getMessage()))


class Worker:
    """One actor. Whatever goes wrong with a shard is returned, so that an exception is Ray's own."""

    def __init__(self, threads: int) -> None:
        """threads: of torch."""
        self._threads = threads
        # Whatever counts its threads when it is imported.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)
        self._warnings = _Kept()
        logging.getLogger("udasa").addHandler(self._warnings)

    def fault(self, store: str, mark: str, folders: list[str]) -> str:
        """Say why this worker cannot work for a run ("" where it can).

        store, mark: the run's store and the mark in it. folders: of its models.
        """
        host = socket.gethostname()
        if told := mark_fault(Path(store), mark):
            return f"worker on {host}: {told}. Mount one file system at one path on all machines"
        missing = [folder for folder in folders if not Path(folder).is_dir()]
        if missing:
            return (
                f"worker on {host}: the model in {missing[0]} is not there. Put the cache on a file system "
                "that all machines see (XDG_CACHE_HOME)"
            )
        return ""

    def make(self, payload: Mapping[str, Any]) -> Done:
        """Make one shard."""
        error: Exception | None = None
        torch = sys.modules.get("torch")
        if torch is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        try:
            work(payload)
        except UdasaError as told:
            error = told if _survives(told) else UdasaError(str(told))
        except (Exception, SystemExit) as raised:  # whatever a plugin does, the worker stays
            log.debug("%s", traceback.format_exc())
            error = RuntimeError(f"{type(raised).__name__}: {raised}")
        told_of, self._warnings.told = tuple(self._warnings.told), []
        return Done(error, told_of)

    def end(self) -> None:
        """End what plugins hold running here."""
        end_work()


def _survives(error: Exception) -> bool:
    """Say whether an error says the same on the other side."""
    try:
        return str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  it was made a line above
    except Exception:  # an error of any plugin's own
        return False
