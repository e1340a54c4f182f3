"""Prompts from the user's source, streamed: each row becomes a Prompt, or is set aside with the reason.

A row is {"prompt": text}, {"system": text, "prompt": text} or {"messages": [{"role": …, "content": …}, …]},
with an optional "id" that is unique in the source, and optional "passages": texts that a dimension may check
responses against (a list; in CSV, JSON text).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from udasa_core.errors import SourceError
from udasa_core.progress import Progress, silent
from udasa_core.prompts.prompt_row import RowError, identity_of, messages_of, passages_of
from udasa_core.prompts.rows import Bad, Row, csv_rows, dataset_rows, json_rows, parquet_rows
from udasa_core.prompts.seen import SeenHashes
from udasa_core.records import Prompt, content_key
from udasa_core.sources.digests import digest
from udasa_core.sources.resolve import resolve
from udasa_core.sources.source import Source, parse_source

FIELDS = ("prompt", "messages", "system", "id", "passages")
_SHOWN = 200
# Counts up when the same source would be read as other prompts.
_READER = 2


@dataclass(frozen=True, slots=True)
class PromptSource:
    """Where prompts come from. config and split: hub data sets; columns: our field → theirs; limit: rows."""

    source: str
    config: str | None = None
    split: str = "train"
    columns: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that gives no prompt: its line (from 1), why, and its first 200 characters, safe to print."""

    line: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A row that gives a prompt, and its line (from 1)."""

    line: int
    prompt: Prompt


def read_prompts(
    options: PromptSource, root: Path, *, progress: Progress = silent
) -> Iterator[ReadPrompt | SetAside]:
    """Yield each row of the source, in order, as a ReadPrompt or as a SetAside.

    Rows are never a reason to raise; a source that cannot be read at all is (SourceError). Memory stays flat:
    duplicates are found by 64-bit hashes. Relative files are looked for in `root`.
    """
    named = _named_columns(options)
    contents, ids = SeenHashes(), SeenHashes()
    try:
        for line, row, shown in islice(_rows(options, root, named, progress), options.limit):
            try:
                if isinstance(row, Bad):
                    raise RowError(row.reason)
                prompt = _prompt(row, named, contents, ids)
            except RowError as fault:
                yield SetAside(line, str(fault), _excerpt(shown))
            else:
                yield ReadPrompt(line, prompt)
    except OSError as error:
        raise SourceError(f"{options.source} cannot be read: {error}") from error


def prompts_digest(options: PromptSource, root: Path, *, progress: Progress = silent) -> str:
    """Return what the prompts of a source depend on, as a hash: equal digests, equal prompts.

    A hub data set counts by its commit where the hub or its cache tells it, otherwise by name and revision.
    """
    source = parse_source(options.source, root)
    if source.scheme == "hf":
        identity = f"{source.name}@{_commit(source)}"
    else:
        identity = _digest_of(resolve(options.source, root, progress=progress), progress)
    return content_key(
        _READER, identity, options.config, options.split, dict(options.columns), options.limit, length=64
    )


def _digest_of(path: Path, progress: Progress) -> str:
    if path.is_file():
        return digest(path, progress=progress)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    named = [(file.relative_to(path), file) for file in files]
    return content_key(
        [
            [name.as_posix(), digest(file, progress=progress)]
            for name, file in named
            if not any(part.startswith(".") for part in name.parts)
        ]
    )


def _commit(source: Source) -> str:
    if re.fullmatch("[0-9a-f]{40}", source.revision):
        return source.revision
    from huggingface_hub import HfApi, constants

    try:
        return str(HfApi().dataset_info(source.name, revision=source.revision, timeout=10).sha)
    # The client raises errors of its own, of its HTTP library and of the system. Its cache may still tell.
    except Exception:
        folder = "datasets--" + source.name.replace("/", "--")
        ref = Path(constants.HF_HUB_CACHE) / folder / "refs" / source.revision
        return ref.read_text().strip() if ref.is_file() else source.revision


def _named_columns(options: PromptSource) -> dict[str, str]:
    """Return our field → their column. Naming one of prompt and messages leaves the other unread."""
    unknown = sorted(set(options.columns) - set(FIELDS))
    if unknown:
        raise SourceError(
            f"prompts.columns: {', '.join(unknown)} is no field of a prompt\n    → {', '.join(FIELDS)}"
        )
    named = {name: name for name in FIELDS}
    one = {"prompt", "messages"} & set(options.columns)
    for name in {"prompt", "messages"} - one if one else ():
        del named[name]
    return {**named, **options.columns}


def _rows(options: PromptSource, root: Path, named: Mapping[str, str], progress: Progress) -> Iterator[Row]:
    source = parse_source(options.source, root)
    if source.scheme == "hf":
        return _hub_rows(options, source.name, source.revision, named, source)
    path = resolve(options.source, root, progress=progress)
    if path.is_dir():
        return _hub_rows(options, str(path), None, named, source)
    if path.suffix in (".jsonl", ".ndjson"):
        return json_rows(path)
    if path.suffix == ".csv":
        return csv_rows(path, [named["system"], named["id"], named["passages"]])
    if path.suffix == ".parquet":
        return parquet_rows(path, named.values())
    raise SourceError(
        f"{path}: {path.suffix or 'no suffix'} is no format of prompts\n"
        "    → .jsonl (one JSON object a line), .parquet, .csv, or a folder as the hub lays it out"
    )


def _hub_rows(
    options: PromptSource, name: str, revision: str | None, named: Mapping[str, str], source: Source
) -> Iterator[Row]:
    try:
        yield from dataset_rows(name, options.config, options.split, revision, named.values())
    # The library raises errors of its own, of the hub's client, of Arrow and of the system.
    except Exception as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{source.text}: the data set (config {options.config!r}, split {options.split!r}) cannot be "
            f"read: {told}\n    → check name, config and split; without a network, copy its files onto this "
            'machine and write source = "file:/folder" (or file:/folder/prompts.jsonl)'
        ) from error


def _prompt(
    row: Mapping[str, Any], named: Mapping[str, str], contents: SeenHashes, ids: SeenHashes
) -> Prompt:
    messages = messages_of(row, named)
    passages = passages_of(row.get(named["passages"]))
    content = [[message.role, message.content] for message in messages]
    key = content_key(content, passages) if passages else content_key(content)
    identity = identity_of(row.get(named["id"])) or key
    # 16 hex digits are the 64 bits.
    if not contents.add(int(key, 16)):
        raise RowError("is a duplicate: an earlier row has the same messages")
    hashed = hashlib.blake2b(identity.encode(), digest_size=8).digest()
    if not ids.add(int.from_bytes(hashed, "big")):
        raise RowError("has an id that an earlier row has")
    return Prompt(identity, messages, passages)


def _excerpt(shown: object) -> str:
    """Return a row's beginning with everything that a terminal could act on written out."""
    if isinstance(shown, bytes):
        text = shown[: 4 * _SHOWN].decode(errors="backslashreplace").strip()
    elif isinstance(shown, Bad):
        text = ""
    else:
        text = json.dumps(shown, ensure_ascii=False, default=str)
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:_SHOWN])
    return safe if len(safe) <= _SHOWN and len(text) <= _SHOWN else safe[: _SHOWN - 1] + "…"
