"""What an engine calls, in any process: the job is rebuilt there from plain data, once, and makes shards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udasa_core import waiting
from udasa_core.config.parse import parse_config
from udasa_core.job.job import Job
from udasa_core.job.making import do, known
from udasa_core.plugins.catalog import read_catalog
from udasa_core.records import ModelRef, content_key


def work(payload: Mapping[str, Any]) -> None:
    """Make one shard: what an engine calls, in any process, for each payload it was given."""
    plain = payload["job"]
    key = content_key(plain)
    if key not in known:
        known[key] = _rebuilt(plain)
    with waiting.watch.during(payload["step"]):
        do(known[key], payload)


def end_work() -> None:
    """End what plugins hold running in this process: what an engine calls in a worker that is to end."""
    while known:
        known.popitem()[1].close()


def _rebuilt(plain: Mapping[str, Any]) -> Job:
    """Return the job of some plain data. Raises what `Job.check_sources` raises."""
    config = parse_config(plain["raw"], root=Path(plain["root"]), origin=plain["origin"])
    refs = {role: ModelRef.from_json(ref) for role, ref in plain["refs"].items()}
    job = Job(config, read_catalog(), refs, store=Path(plain["store"]), alone=True)
    job.check_sources(plain["sources"])
    return job
