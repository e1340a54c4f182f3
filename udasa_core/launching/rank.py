"""One rank of a launched stage: `python -m udasa_core.launching.rank REQUEST`, which torchrun or accelerate
starts, calls the stage's trainer as every other rank does.

Beside the request, in the launch folder, lie: `alive.lock`, held by whoever waits for the ranks, without whom
they end; `rank-N.log`, what rank N writes, and `rank-N.lock`, which it holds; `error-N.json`, why it ended;
`events.jsonl`, what rank 0 tells meanwhile; `report.json`, what it returned.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from udasa_core import waiting
from udasa_core.config.parse import parse_config
from udasa_core.errors import LockedError, PluginError, UdasaError
from udasa_core.files.lock import locked
from udasa_core.files.whole import write_whole
from udasa_core.job.job import Job
from udasa_core.job.observers import Observers
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.returned.report import check_report
from udasa_core.records import ModelRef, Report, Stage

ALIVE, EVENTS, REPORT = "alive.lock", "events.jsonl", "report.json"
# Seconds between two looks at whether anybody still waits.
_HEARTBEAT = 0.5


def main() -> None:
    """Train as the request says, and end this process: with 0, or with 1 and an `error-N.json`."""
    request = Path(sys.argv[1])
    rank, folder = int(os.environ.get("RANK", "0")), request.parent
    with (folder / f"rank-{rank}.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    code = 1
    try:
        with locked(folder / f"rank-{rank}.lock", "an earlier rank is still at work"):
            threading.Thread(target=_end_with, args=(folder / ALIVE,), daemon=True).start()
            _train(json.loads(request.read_text()), folder, rank)
            code = 0
    except BaseException as error:
        # What a plugin met says more than that it was met there.
        traceback.print_exception(error.__cause__ or error)
        _tell_error(error, folder / f"error-{rank}.json")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Whatever a library still holds, a connection to a rank that is no more, keeps nobody waiting.
        os._exit(code)


def _train(request: Mapping[str, Any], folder: Path, rank: int) -> None:
    _check_world(request)
    # Whoever waits for the ranks says who keeps it waiting.
    waiting.watch.close()
    events = (folder / EVENTS).open("a", buffering=1) if rank == 0 else None
    observers = Observers()
    if events is not None:
        observers = Observers(listeners=[lambda event: _write(events, {"event": asdict(event)})])
        logging.getLogger("udasa").addHandler(_Relay(events))
    plain, asked = request["job"], request["asked"]
    config = parse_config(plain["raw"], root=Path(plain["root"]), origin=plain["origin"])
    refs = {role: _here(ref) for role, ref in plain["refs"].items()}
    job = Job(config, read_catalog(), refs, observers=observers, store=Path(plain["store"]))
    job.check_sources(plain["sources"])
    plugin = next(one for one in job.stack.plugins() if one.table.path == request["trainer"])
    stage, policy, out_dir = Stage(**asked["stage"]), _here(asked["policy"]), Path(asked["out_dir"])
    answer = job.stack.call(
        plugin,
        "udasa_train",
        stage=stage,
        pairs=Path(asked["pairs"]),
        policy=policy,
        reference=_here(asked["reference"]),
        out_dir=out_dir,
        seed=asked["seed"],
        earlier_state=Path(asked["earlier_state"]) if asked["earlier_state"] else None,
    )
    if rank == 0:
        report = check_report(plugin, stage, policy, out_dir, answer)
        write_whole(folder / REPORT, json.dumps(report_to_json(report), default=float))
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_initialized():
        distributed.barrier()  # rank 0 may serve the others until then


def _check_world(request: Mapping[str, Any]) -> None:
    """Raise UdasaError where another number of ranks came up than was asked for."""
    found, asked = int(os.environ.get("WORLD_SIZE", "1")), request["world"]
    if found != asked:
        raise UdasaError(
            f"{request['launcher']} started {found} rank{'s' if found != 1 else ''}, and [train] asks for "
            f"{asked}: accelerate starts one process on a CPU unless distributed_type is MULTI_GPU, FSDP or "
            "DEEPSPEED in its configuration"
        )


def _here(plain: Mapping[str, Any]) -> ModelRef:
    """Return a model on this rank's own device."""
    ref = ModelRef.from_json(plain)
    local = os.environ.get("LOCAL_RANK", "0")
    return replace(ref, device=f"cuda:{local}") if ref.device == "cuda" else ref


def report_to_json(report: Report) -> dict[str, Any]:
    """Return a report as plain data that `report_from_json` reads back."""
    return {**asdict(report), "policy": report.policy.to_json()}


def report_from_json(plain: Mapping[str, Any]) -> Report:
    """Rebuild a report from `report_to_json`'s plain data."""
    policy = ModelRef.from_json(plain["policy"])
    return Report(**{**plain, "policy": policy, "history": tuple(plain["history"])})


def _tell_error(error: BaseException, file: Path) -> None:
    # What a plugin met rather than said, such as a connection that another rank's end has closed.
    met = isinstance(error, PluginError) and error.__cause__ is not None
    is_said = isinstance(error, UdasaError) and not met
    told = str(error) if isinstance(error, UdasaError) else f"{type(error).__name__}: {error}"
    write_whole(file, json.dumps({"told": told, "is_said": is_said, "at": time.time()}))


def _end_with(alive: Path) -> None:
    """End this process once nobody holds the lock `alive` any more: nobody waits for what it does."""
    while alive.is_file():
        time.sleep(_HEARTBEAT)
        try:
            with locked(alive, "somebody waits"):
                break
        except LockedError:
            continue
        except UdasaError:
            break
    os._exit(1)


class _Relay(logging.Handler):
    """Hands warnings to whoever waits for the ranks."""

    def __init__(self, events: Any) -> None:
        super().__init__(logging.WARNING)
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        _write(self._events, {"level": record.levelno, "logger": record.name, "text": record.getMessage()})


def _write(events: Any, plain: Mapping[str, Any]) -> None:
    events.write(json.dumps(plain, default=float) + "\n")


if __name__ == "__main__":
    main()
