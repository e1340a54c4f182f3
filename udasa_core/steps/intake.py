"""Step `intake`: a prompt source → prompt shards, split once into training and held-out prompts.

Rows that cannot be used are set aside with line number and reason; too many of them stop the run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from udasa_core import doors
from udasa_core.errors import PromptsError, StoreError
from udasa_core.job import Job
from udasa_core.prompts import PromptSource, ReadPrompt, SetAside, prompts_digest, read_prompts
from udasa_core.records import Prompt, content_key
from udasa_core.store import Shards, fingerprint
from udasa_core.tables import prompts_table

TRAINING, HELD_OUT = "training", "held-out"
# Rows that are put before the generator's admission at once.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Prompts:
    """The run's prompts: two splits of shards, their sizes, and how many rows were set aside."""

    training: Shards
    held_out: Shards
    training_size: int
    held_out_size: int
    set_aside: int


def intake(job: Job) -> Prompts:
    """Return the prompts, reading the source only where it, or what is asked of it, has changed."""
    table, run = job.config.prompts, job.config.run
    source = PromptSource(table.source, table.config, table.split, dict(table.columns), table.limit)
    generator = job.stack.generator
    ingredients = {
        "source": prompts_digest(source, job.config.root),
        "held_out": run.held_out,
        "seed": run.seed,
        "shard_size": run.shard_size,
        "generator": job.identity(generator),
        "max_new_tokens": job.config.sampling.max_new_tokens,
        "model": job.base.key,
        "max_set_aside": table.max_set_aside,
    }
    key = fingerprint("prompts", ingredients)
    aside = job.config.run_dir / "set-aside.jsonl"
    todo = int(not job.store.has("prompts", key, ".json"))
    with job.step("read prompts", 1, todo) as advance:
        if todo:
            index = _read(job, source, aside)
            job.store.write_json("prompts", key, index)
            advance()
    index = job.store.read_json("prompts", key)
    job.point("read prompts", "prompts", [key, *index[TRAINING], *index[HELD_OUT]])
    return Prompts(
        training=Shards("prompts", TRAINING, tuple(index[TRAINING])),
        held_out=Shards("prompts", HELD_OUT, tuple(index[HELD_OUT])),
        training_size=index["sizes"][TRAINING],
        held_out_size=index["sizes"][HELD_OUT],
        set_aside=index["set_aside"],
    )


def _read(job: Job, source: PromptSource, aside_path: Path) -> dict[str, Any]:
    """Stream the source into shards and the set-aside file; return the index of what was written."""
    splits = {name: _Split(job, name) for name in (TRAINING, HELD_OUT)}
    set_aside = 0
    reasons: dict[str, int] = {}
    partial = aside_path.with_name(f".{aside_path.name}.{os.getpid()}")
    try:
        aside_path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            for row in _admitted(job, read_prompts(source, job.config.root, progress=job.resources.progress)):
                if isinstance(row, SetAside):
                    set_aside += 1
                    reasons[row.reason] = reasons.get(row.reason, 0) + 1
                    _write_aside(file, row)
                else:
                    is_held_out = _draw(job, row.prompt) < job.config.run.held_out
                    splits[HELD_OUT if is_held_out else TRAINING].add(row.prompt)
        partial.replace(aside_path)
    except OSError as error:
        raise StoreError(f"{aside_path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    for split in splits.values():
        split.flush()
    sizes = {name: split.size for name, split in splits.items()}
    _refuse_bad(job, set_aside, sum(sizes.values()), reasons, aside_path)
    return {**{name: split.keys for name, split in splits.items()}, "sizes": sizes, "set_aside": set_aside}


def _draw(job: Job, prompt: Prompt) -> float:
    """Return a number in [0, 1) that depends on the prompt and the run's seed alone: a prompt stays on its
    side of the split whatever else is added."""
    return int(content_key(job.config.run.seed, "held out", prompt.id, length=13), 16) / 16**13


def _admitted(job: Job, rows: Iterator[ReadPrompt | SetAside]) -> Iterator[ReadPrompt | SetAside]:
    """Pass rows on; those that the generator does not take become set aside."""
    generator = job.stack.generator
    if not job.stack.implements(generator, "udasa_admit"):
        yield from rows
        return
    while batch := list(islice(rows, _BATCH)):
        prompts = [row.prompt for row in batch if isinstance(row, ReadPrompt)]
        answer = job.stack.call(generator, "udasa_admit", prompts=prompts, sampling=job.config.sampling)
        refusals = iter(doors.check_refusals(generator, prompts, answer))
        for row in batch:
            refusal = next(refusals) if isinstance(row, ReadPrompt) else ""
            if isinstance(row, ReadPrompt) and refusal:
                yield SetAside(row.line, refusal, row.prompt.messages[-1].content[:200])
            else:
                yield row


def _write_aside(file: TextIO, row: SetAside) -> None:
    file.write(json.dumps({"line": row.line, "reason": row.reason, "row": row.row}) + "\n")


def _refuse_bad(job: Job, set_aside: int, kept: int, reasons: dict[str, int], path: Path) -> None:
    """Stop before sampling where too much was set aside, or nothing is left."""
    if not set_aside and kept:
        return
    told = "\n".join(f"  {count:>6}  {reason}" for reason, count in sorted(reasons.items()))
    share = set_aside / max(1, set_aside + kept)
    if kept and share <= job.config.prompts.max_set_aside:
        return
    if not set_aside:
        raise PromptsError(f"{job.config.prompts.source} holds no prompt")
    left = "" if kept else "; no prompt is left"
    raise PromptsError(
        f"{set_aside} of {set_aside + kept} rows of {job.config.prompts.source} cannot be used{left}:\n"
        f"{told}\n"
        f"They are listed in {path}. Mend them, or allow them: --set prompts.max_set_aside={share:.3f}"
    )


class _Split:
    """One side of the split while it is written: a buffer of at most one shard."""

    def __init__(self, job: Job, name: str) -> None:
        self._job = job
        self._buffer: list[Prompt] = []
        self.name = name
        self.keys: list[str] = []
        self.size = 0

    def add(self, prompt: Prompt) -> None:
        self._buffer.append(prompt)
        if len(self._buffer) == self._job.config.run.shard_size:
            self.flush()

    def flush(self) -> None:
        if self._buffer:
            self.keys.append(_write_shard(self._job, self._buffer))
            self.size += len(self._buffer)
            self._buffer = []


def _write_shard(job: Job, prompts: Sequence[Prompt]) -> str:
    rows = [(one.id, [(message.role, message.content) for message in one.messages]) for one in prompts]
    key = fingerprint("prompts", {"rows": rows})
    if not job.store.has("prompts", key):
        job.store.write_table("prompts", key, prompts_table(prompts))
    return key
