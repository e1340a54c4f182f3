"""The hub, or its local cache: models (safetensors, configuration, tokenizer) and data sets (their files);
never a pickle."""

from __future__ import annotations

import contextlib
import importlib
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from udasa_core.errors import SourceError
from udasa_core.progress import Progress
from udasa_core.sources.digests import digest, git_digest
from udasa_core.sources.model_folder import folder_faults
from udasa_core.sources.source import Source

_LEGAL = ["LICENSE*", "LICENCE*", "NOTICE*", "COPYING*", "USE_POLICY*"]
_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken", "README.md", *_LEGAL]
_CODE = ["*.py"]
_DATA = ["*.parquet", "*.jsonl", "*.jsonl.gz", "*.json", "*.csv", "*.csv.gz", "*.tsv", "*.txt", "README.md"]
# A SHA-1, of a small file, or a SHA-256.
_HEX = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
# Seconds that the hub may take to say whether it has something.
_PATIENCE = 5.0
# Copies of the weights in other formats.
_UNWANTED = ["original/*", "onnx/*", "openvino/*", "consolidated*"]


def hub_model(source: Source, progress: Progress, *, with_code: bool = False) -> Path:
    """Return the folder of a model's snapshot, fetched where it is not in the hub's cache.

    A commit that lies in the cache is taken from there without asking the hub. Raises SourceError.
    """
    from huggingface_hub import snapshot_download

    def snapshot(local: bool) -> Path:
        return Path(
            snapshot_download(
                source.name,
                revision=source.revision,
                allow_patterns=[*_WANTED, *(_CODE if with_code else [])],
                ignore_patterns=_UNWANTED,
                local_files_only=local,
            )
        )

    if re.fullmatch("[0-9a-f]{40}", source.revision):
        with contextlib.suppress(OSError):
            folder = snapshot(local=True)
            # A snapshot may be there in part; then the hub is asked for the rest.
            if not folder_faults(folder):
                return _as_fetched(folder, source, progress)
    return _as_fetched(_fetched(source, "model", progress, snapshot), source, progress)


def hub_data(source: Source, progress: Progress) -> Path:
    """Return the folder of a data set's snapshot, fetched where it is not in the hub's cache.

    A commit that lies in the cache is taken as it lies there: what a data set should have only its reader
    knows. Raises SourceError.
    """
    from huggingface_hub import snapshot_download

    def snapshot(local: bool) -> Path:
        return Path(
            snapshot_download(
                source.name,
                repo_type="dataset",
                revision=source.revision,
                allow_patterns=_DATA,
                local_files_only=local,
            )
        )

    if re.fullmatch("[0-9a-f]{40}", source.revision):
        with contextlib.suppress(OSError):
            return _as_fetched(snapshot(local=True), source, progress)
    return _as_fetched(_fetched(source, "dataset", progress, snapshot), source, progress)


class SilentHubError(SourceError):
    """The hub gave no answer: there is no network, it is down, or it was told to be left alone."""


def ask_hub(source: Source, kind: Literal["model", "dataset"] = "model") -> None:
    """Ask the hub once whether it has a repository at that revision, and gives it to whoever asks.

    Raises SourceError where it refuses, and SilentHubError where no answer comes within seconds.
    """
    from huggingface_hub import HfApi

    hub = HfApi()
    with _answered(source):
        asked = hub.model_info if kind == "model" else hub.dataset_info
        found = asked(source.name, revision=source.revision, timeout=_PATIENCE)
        if found.gated:
            hub.auth_check(source.name, repo_type=kind)


def parameters(source: Source) -> int:
    """Ask the hub once how many weights a model has; 0 where it does not know. Raises as `ask_hub`."""
    from huggingface_hub import HfApi

    with _answered(source):
        found = HfApi().model_info(
            source.name, revision=source.revision, timeout=_PATIENCE, expand=["safetensors"]
        )
    return found.safetensors.total if found.safetensors is not None else 0


@contextlib.contextmanager
def _answered(source: Source) -> Iterator[None]:
    """Tell a refusal of the hub (SourceError) from its silence (SilentHubError)."""
    try:
        yield
    except hub_errors() as error:
        refused = getattr(getattr(error, "response", None), "status_code", None)
        kind_of = SourceError if refused is not None and 400 <= refused < 500 else SilentHubError
        raise kind_of(unreachable(source, error)) from error


@contextlib.contextmanager
def left_alone() -> Iterator[None]:
    """Have the hub's client go by its cache while this lasts, and ask nobody."""
    constants: Any = importlib.import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """Let the hub's client tell once that it tries again, and not each time."""
    log = logging.getLogger("huggingface_hub.utils._http")
    told: list[str] = []

    def is_first(record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        told.append(record.getMessage())
        return len(told) == 1

    log.addFilter(is_first)
    try:
        yield
    finally:
        log.removeFilter(is_first)


def _fetched(
    source: Source, kind: Literal["model", "dataset"], progress: Progress, fetch: Callable[[bool], Path]
) -> Path:
    """Return what `fetch` gets from the hub; where that gives no sign, what lies in its cache.

    fetch: takes whether to leave the hub alone. Raises SourceError.
    """
    with progress(f"fetching {source.name}@{source.revision}", None), _one_line():
        try:
            ask_hub(source, kind)
        except SilentHubError as silent:
            # Its client would ask again and again for half a minute.
            try:
                return fetch(True)
            except hub_errors():
                raise silent from None
        try:
            return fetch(False)
        except hub_errors() as error:
            raise SourceError(unreachable(source, error)) from error


def _as_fetched(folder: Path, source: Source, progress: Progress) -> Path:
    """Return a snapshot's folder once its files are seen to be what the hub gave.

    The hub's cache names each file by what it holds: by its SHA-256, or as git does. Where it has no links
    (some file systems know none), nothing tells. Raises SourceError.
    """
    for file in sorted(folder.rglob("*")):
        blob = file.resolve()
        if not file.is_symlink() or not blob.is_file():
            continue
        if not _HEX.fullmatch(blob.name):
            continue
        found = git_digest(blob) if len(blob.name) == 40 else digest(blob, progress=progress)
        if found != blob.name:
            raise SourceError(
                f"{source.text}: {file.name} in the hub's cache was changed since it was fetched\n"
                f"    → rm {blob}, and type the command again, which fetches it anew"
            )
    return folder


def hub_errors() -> tuple[type[Exception], ...]:
    """Return what asking the hub may raise: its client's errors, its HTTP library's and the system's."""
    # Its HTTP library is another in other versions.
    errors: Any = importlib.import_module("huggingface_hub.errors")

    return (OSError, ValueError, RuntimeError, errors.HTTPError)


def is_data_here(source: Source) -> bool:
    """Say whether a data set's snapshot lies in the cache under a commit, so that the hub is not asked."""
    from huggingface_hub import snapshot_download

    if not re.fullmatch("[0-9a-f]{40}", source.revision):
        return False
    try:
        snapshot_download(source.name, repo_type="dataset", revision=source.revision, local_files_only=True)
    except OSError:
        return False
    return True


def unreachable(source: Source, error: Exception) -> str:
    """Say that the hub gave nothing, and what to write instead."""
    told = str(error).strip().splitlines() or [type(error).__name__]
    return (
        f"{source.text}: the hub gave no {source.name} at revision {source.revision}: {told[0]}\n"
        "    → check the name, the network and, for a gated model, `hf auth login`; without a network, copy "
        f'the files onto this machine and write source = "file:/folder/{source.name.rpartition("/")[2]}"'
    )
