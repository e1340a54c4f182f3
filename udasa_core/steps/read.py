"""Step `read`: a prompt source → prompt shards, split once into training and held-out prompts.

Rows that cannot be used are set aside with line number and reason; too many of them stop the run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from udasa_core.errors import PromptsError, StoreError
from udasa_core.job.job import Job, log
from udasa_core.plugins.admission import admits, refusals
from udasa_core.prompts.held_out import is_held_out, refuse_all_held_out, refuse_unwatched, unwatched_note
from udasa_core.prompts.read import PromptSource, ReadPrompt, SetAside, prompts_digest, read_prompts
from udasa_core.prompts.reasons import Reasons, no_row
from udasa_core.records import Prompt
from udasa_core.store.output import CONTROLS, HELD_OUT, TRAINING, Output
from udasa_core.store.own import OWN, own_table, widened
from udasa_core.store.store import Shards, fingerprint
from udasa_core.store.tables import prompts_table

SET_ASIDE = ".set-aside.jsonl"
# Rows that are put before the generator's admission at once.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Prompts:
    """The run's prompts: two splits, their sizes, how many rows were set aside, and the control prompts."""

    training: Shards
    held_out: Shards
    controls: Shards
    training_size: int
    held_out_size: int
    set_aside: int


def split_prompts(job: Job) -> Prompts:
    """Return the prompts, reading the source only where it, or what is asked of it, has changed."""
    table, run = job.config.prompts, job.config.run
    source = PromptSource.of_table(table)
    controls = PromptSource(job.config.controls.source) if job.config.controls.source else None
    generator, thinking = job.stack.generator, job.config.sampling.thinking_tokens
    ingredients = {
        "source": prompts_digest(source, job.config.root),
        "held_out": run.held_out,
        "seed": run.seed,
        "shard_size": run.shard_size,
        "generator": job.identity(generator),
        "max_new_tokens": job.config.sampling.max_new_tokens,
        "voters": job.config.voters,
        **({} if thinking is None else {"thinking_tokens": thinking}),
        "model": job.base.key,
        "max_set_aside": table.max_set_aside,
        "controls": prompts_digest(controls, job.config.root) if controls else "",
    }

    def make(key: str) -> None:
        index, reasons = _read(job, source, controls, key)
        if prompts_digest(source, job.config.root) != ingredients["source"]:
            raise PromptsError(f"{source.source} was changed while it was read: run again")
        _refuse_bad(job, index, reasons, _show_set_aside(job, key))
        job.store.write_json("prompts", key, index)

    key = job.outputs.once(
        Output("prompts"), "read prompts", ingredients, make, is_whole=lambda key: _is_whole(job, key)
    )
    _show_set_aside(job, key)
    index = job.store.read_json("prompts", key)
    sizes = index["sizes"]
    refuse_unwatched(job.config, sizes[HELD_OUT], sizes[HELD_OUT] + sizes[TRAINING])
    if note := unwatched_note(job.config, sizes[HELD_OUT]):
        log.warning("%s", note)
    for split in (TRAINING, HELD_OUT, CONTROLS):
        if index[split]:
            job.outputs.point(Output("prompts", split), f"prompts {split}", index[split])
        if own := index.get(f"{OWN} {split}"):
            job.outputs.point(Output("prompts", split, instance=OWN), f"prompts' own columns, {split}", own)
    return Prompts(
        training=Shards("prompts", TRAINING, tuple(index[TRAINING])),
        held_out=Shards("prompts", HELD_OUT, tuple(index[HELD_OUT])),
        controls=Shards("prompts", CONTROLS, tuple(index[CONTROLS])),
        training_size=index["sizes"][TRAINING],
        held_out_size=index["sizes"][HELD_OUT],
        set_aside=index["set_aside"],
    )


def _is_whole(job: Job, key: str) -> bool:
    """Say whether the index is there, and all that it names."""
    if not (job.store.is_whole("prompts", key, ".json") and job.store.is_whole("prompts", key, SET_ASIDE)):
        return False
    index = job.store.read_json("prompts", key)
    own = (*index[f"{OWN} {TRAINING}"], *index[f"{OWN} {HELD_OUT}"])
    shards = (*index[TRAINING], *index[HELD_OUT], *index[CONTROLS], *own)
    return all(job.store.is_whole("prompts", shard) for shard in shards)


def _read(
    job: Job, source: PromptSource, controls: PromptSource | None, key: str
) -> tuple[dict[str, Any], Reasons]:
    """Stream the sources into shards and the set-aside file; return the index of what was written, and why
    rows were set aside."""
    splits = {name: _Split(job, name) for name in (TRAINING, HELD_OUT, CONTROLS)}
    reasons = Reasons()
    kinds: dict[str, str] = {}
    rows = read_prompts(source, job.config.root, progress=job.resources.progress)
    with (
        job.store.writing("prompts", key, SET_ASIDE) as temporary,
        temporary.open("w", encoding="utf-8") as file,
    ):
        for row in _admitted(job, rows):
            if isinstance(row, SetAside):
                reasons.add(row.reason, row.line)
                file.write(json.dumps({"line": row.line, "reason": row.reason, "row": row.row}) + "\n")
            else:
                held_out = is_held_out(row.prompt.id, job.config)
                splits[HELD_OUT if held_out else TRAINING].add(row.prompt, row.own)
                for name, value in row.own.items():
                    kinds[name] = widened(kinds.get(name), value)
    if controls is not None:
        for row in _admitted(job, read_prompts(controls, job.config.root, progress=job.resources.progress)):
            if isinstance(row, SetAside):
                log.warning(
                    "control prompt, line %d of %s, is not asked: %s", row.line, controls.source, row.reason
                )
            else:
                splits[CONTROLS].add(row.prompt, {})
    for split in splits.values():
        split.flush()
    sizes = {name: splits[name].size for name in (TRAINING, HELD_OUT)}
    keys = {name: split.keys for name, split in splits.items()}
    lm = job.resources.causal_lm(job.base)
    rendering = job.config.rendering
    if rendering.get("template") != "plain" and (note := lm.closing_note(rendering.get("template_options"))):
        log.warning("%s", note)
    index = {
        **keys,
        # The user's own columns: their kinds, in order, and where they lie.
        OWN: list(kinds.items()),
        **{f"{OWN} {name}": splits[name].own for name in (TRAINING, HELD_OUT)},
        "sizes": sizes,
        "set_aside": reasons.total,
        # By these the report counts responses that spell one.
        "control_tokens": list(lm.control_tokens),
    }
    return index, reasons


def _show_set_aside(job: Job, key: str) -> Path:
    """Put the set-aside rows where the user looks: beside the run's manifest, whoever read the source."""
    rows = job.store.read_bytes("prompts", key, SET_ASIDE)
    path = job.config.run_dir / "set-aside.jsonl"
    try:
        if not path.exists() or path.read_bytes() != rows:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rows)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def _admitted(job: Job, rows: Iterator[ReadPrompt | SetAside]) -> Iterator[ReadPrompt | SetAside]:
    """Pass rows on; those that the generator does not take become set aside."""
    generator = job.stack.generator
    if not admits(job.stack, generator):
        yield from rows
        return
    while batch := list(islice(rows, _BATCH)):
        prompts = [row.prompt for row in batch if isinstance(row, ReadPrompt)]
        said = iter(refusals(job.stack, generator, prompts, job.config.blocks))
        for row in batch:
            refusal = next(said) if isinstance(row, ReadPrompt) else ""
            if isinstance(row, ReadPrompt) and refusal:
                yield SetAside(row.line, refusal, row.prompt.messages[-1].content[:200])
            else:
                yield row


def _refuse_bad(job: Job, index: Mapping[str, Any], reasons: Reasons, path: Path) -> None:
    """Stop before sampling where too much was set aside, or nothing is left to train on."""
    set_aside, kept = index["set_aside"], sum(index["sizes"].values())
    table = job.config.prompts
    share = set_aside / max(1, set_aside + kept)
    if kept and share <= table.max_set_aside:
        refuse_all_held_out(index["sizes"][TRAINING], kept)
        return
    if not set_aside:
        raise PromptsError(no_row(table.source))
    # Rounded up, so that what is advised is enough.
    allowing = f", or allow them: --set prompts.max_set_aside={math.ceil(share * 1000) / 1000}"
    raise PromptsError(
        f"{set_aside} of {set_aside + kept} rows of {table.source} cannot be used"
        f"{'' if kept else '; no prompt is left'}:\n{reasons}\n"
        f"They are listed in {path}. Mend them{allowing if kept else '.'}"
    )


class _Split:
    """One side of the split while it is written: a buffer of at most one shard.

    keys, own: the shards that are written, of prompts and of the user's own columns of them.
    """

    def __init__(self, job: Job, name: str) -> None:
        self._job = job
        self._buffer: list[tuple[Prompt, Mapping[str, Any]]] = []
        self.name = name
        self.keys: list[str] = []
        self.own: list[str] = []
        self.size = 0

    def add(self, prompt: Prompt, own: Mapping[str, Any]) -> None:
        self._buffer.append((prompt, own))
        if len(self._buffer) == self._job.config.run.shard_size:
            self.flush()

    def flush(self) -> None:
        if self._buffer:
            self.keys.append(_write_shard(self._job, [prompt for prompt, _ in self._buffer]))
            if any(own for _, own in self._buffer):
                self.own.append(_write_own(self._job, [(prompt.id, own) for prompt, own in self._buffer]))
            self.size += len(self._buffer)
            self._buffer = []


def _write_shard(job: Job, prompts: Sequence[Prompt]) -> str:
    rows = [
        (one.id, [(message.role, message.content) for message in one.messages], one.passages)
        for one in prompts
    ]
    # By its content alone: the same prompts are the same shard, whatever read them.
    key = fingerprint("prompts", {"rows": rows})
    if not job.store.is_whole("prompts", key):
        job.store.write_table("prompts", key, prompts_table(prompts))
    return key


def _write_own(job: Job, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    key = fingerprint("prompts", {"own": rows})
    if not job.store.is_whole("prompts", key):
        job.store.write_table("prompts", key, own_table(rows))
    return key
