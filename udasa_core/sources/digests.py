"""What files hold, as a SHA-256: the same bytes found elsewhere have the same digest.

Digests of a model's large files are remembered in the cache, by device, inode, size and times of change, so
that a second run does not read gigabytes again. Those of data are not: data are known by what they hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from pathlib import Path

from udasa_core.errors import SourceError, StoreError, reason
from udasa_core.files.digest import file_digest
from udasa_core.files.json_text import parse_json
from udasa_core.files.whole import write_whole
from udasa_core.progress import Progress, silent
from udasa_core.records import Adapter, content_key
from udasa_core.sources.cache import cache_root

# What makes a model what it is: weights, configuration, tokenizer, chat template, and code where it has some.
# Licences, read-me files, optimizer states and pickles are not part of it.
MODEL_SUFFIXES = (".safetensors", ".json", ".jinja", ".txt", ".model", ".tiktoken", ".py")

# An adapter, its weights and its configuration: what PEFT calls them.
ADAPTER = "adapter"
# A model whose own weights were trained.
MODEL = "model"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
# Where the base lay, and under which name: provenance, which changes no output.
_PROVENANCE = ("base_model_name_or_path", "revision")

# What datasets reads beside README.md.
_DATA_DESCRIPTION = ".huggingface.yaml"

_REMEMBERED_FROM = 1 << 20
_CHUNK = 1 << 22
# A file that changed this recently may change again within its timestamp's grain.
_SETTLED_NS = 100_000_000


def digest(path: Path, *, progress: Progress = silent) -> str:
    """Return the SHA-256, as hex, of a file, or of the names and contents of a folder's model files."""
    try:
        if path.is_file():
            return _file_digest(path, progress)
        files = model_files(path)
        listed = [[file.relative_to(path).as_posix(), _file_digest(file, progress)] for file in files]
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {reason(error)}") from error
    if not listed:
        raise SourceError(f"{path} holds no model file ({', '.join(MODEL_SUFFIXES)})")
    return hashlib.sha256(json.dumps(sorted(listed)).encode()).hexdigest()


def model_files(folder: Path) -> list[Path]:
    """Return the files that a model's folder counts with, in order; none that lies behind a link to a folder.

    Raises OSError.
    """
    return sorted(file for file in folder.rglob("*") if _belongs(file.relative_to(folder)) and file.is_file())


def weights_digest(adapter: Path) -> str:
    """Return the SHA-256 of an adapter's weights."""
    return file_digest(adapter / ADAPTER_WEIGHTS)


def adapter_digest(adapter: Path) -> str:
    """Return an adapter's identity, as a SHA-256: of its weights, and of what its configuration makes of them
    (rank, alpha, targets; not where its base lay).

    Raises SourceError where one of the two cannot be read.
    """
    config = adapter / ADAPTER_CONFIG
    try:
        weights = weights_digest(adapter)
        # A trainer's plugin may leave weights alone; PEFT reads none without a configuration.
        plain = parse_json(config.read_bytes()) if config.exists() else {}
        if not isinstance(plain, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError) as error:
        raise SourceError(f"the adapter in {adapter} cannot be read: {reason(error)}") from error
    # PEFT writes some sets as lists, in any order.
    settings = {
        name: sorted(value, key=str) if isinstance(value, list) else value
        for name, value in plain.items()
        if name not in _PROVENANCE
    }
    return content_key(weights, settings, length=64)


def check_adapter_files(adapter: Adapter) -> None:
    """Raise SourceError where an adapter's files are not those that it is known by: by its weights and
    configuration, or, where a trainer has just written it, by its weights alone."""
    folder = Path(adapter.folder)
    found = adapter_digest(folder)
    if adapter.sha256 not in (found, weights_digest(folder)):
        raise SourceError(
            f"the adapter in {folder} is not the one that was made there: its weights or its configuration "
            f"have changed (SHA-256 {found[:12]}…, not {adapter.sha256[:12]}…). Where it is a run's, delete "
            f"{folder.parent} and run again"
        )


def model_digest(folder: Path) -> str:
    """Return a model's identity, as a SHA-256, which is its `ModelRef.revision`: of the names and contents of
    its folder's weights, configuration, tokenizer, chat template and code. Raises SourceError."""
    return digest(folder)


def trained_digest(out_dir: Path) -> tuple[str, str]:
    """Return what a trainer left in its folder, `ADAPTER` or `MODEL`, and its identity, as a SHA-256.

    Raises SourceError where it cannot be read, or where there is neither.
    """
    if (out_dir / MODEL).is_dir():
        return MODEL, digest(out_dir / MODEL)
    return ADAPTER, adapter_digest(out_dir / ADAPTER)


def git_digest(path: Path) -> str:
    """Return the SHA-1, as hex, by which git knows a file's content. Raises OSError."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def data_digest(path: Path, *, progress: Progress = silent) -> str:
    """Return a hash of what a file of data, or a folder of them, holds: names and contents, read each time.

    Nothing is taken from memory: two files may agree in size and times, and hold other rows.
    """
    try:
        if path.is_file():
            return _read_digest(path, path.stat().st_size, progress)
        return content_key(
            [
                [name.as_posix(), _read_digest(file, file.stat().st_size, progress)]
                for name, file in data_files(path)
            ]
        )
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {reason(error)}") from error


def data_files(folder: Path) -> list[tuple[Path, Path]]:
    """Return the files that a folder of data counts with, each as (its path inside, itself), in order.

    Hidden ones do not count, but for the one that says what the folder's data are.
    """
    found = [(file.relative_to(folder), file) for file in sorted(folder.rglob("*")) if file.is_file()]
    return [
        (name, file)
        for name, file in found
        if name.as_posix() == _DATA_DESCRIPTION or not any(part.startswith(".") for part in name.parts)
    ]


def _belongs(relative: Path) -> bool:
    hidden = any(part.startswith(".") for part in relative.parts)
    return relative.suffix in MODEL_SUFFIXES and not hidden


def _file_digest(path: Path, progress: Progress) -> str:
    stat = path.stat()
    if stat.st_size < _REMEMBERED_FROM:
        return file_digest(path)
    key = _stamp(stat)
    memo = cache_root() / "digests" / key
    # One small file a memo: concurrent writers write the same thing, and a damaged memo is not a digest.
    with contextlib.suppress(OSError, UnicodeDecodeError):
        known = memo.read_text()
        if re.fullmatch("[0-9a-f]{64}", known):
            return known
    sha256 = _read_digest(path, stat.st_size, progress)
    # Another file may have taken its place while it was read.
    if _stamp(path.stat()) == key and time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _SETTLED_NS:
        # A cache that cannot be written costs a re-read next time, and is no reason to fail.
        with contextlib.suppress(StoreError):
            write_whole(memo, sha256)
    return sha256


def _stamp(stat: os.stat_result) -> str:
    """Return what a file's digest is remembered by. The change time moves even where somebody sets the
    modification time back."""
    return content_key(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, length=32)


def _read_digest(path: Path, size: int, progress: Progress) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb") as file, progress(f"reading {path.name}", size) as advance:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            advance(len(chunk))
    return sha256.hexdigest()
