"""A run's aligned model as a plain folder that transformers loads, with a card that tells its provenance."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from udasa_core.errors import UsageError
from udasa_core.export.card import Form, card, places_of
from udasa_core.export.licence import folders_of
from udasa_core.export.licences import root_of
from udasa_core.export.places import tidy_model_files
from udasa_core.files.json_text import parse_json
from udasa_core.files.whole import whole_folder
from udasa_core.progress import Progress, silent
from udasa_core.records import ModelRef
from udasa_core.sources.digests import ADAPTER, ADAPTER_CONFIG
from udasa_core.sources.model_folder import files_beside_weights, legal_files, weight_files
from udasa_core.store.runs import Run

# What tells an export from any other folder. A hidden file is no part of a model's identity.
MARKER = ".udasa-export.json"


def export_merged(
    run: Run,
    folder: Path,
    *,
    dtype: str = "float32",
    force: bool = False,
    unfinished: bool = False,
    progress: Progress = silent,
) -> None:
    """Write the aligned model with its adapter merged into the weights.

    dtype: of the weights written. The merge is made in float32; a light adapter's change is smaller than half
    a unit of most 16-bit weights, so 16 bits round part of it away. Raises UdasaError where the run has no
    trained stage or is not finished (unfinished: what is trained so far counts), and UsageError where the
    folder is not empty (force replaces an earlier export, and nothing else).
    """
    ref = run.unchanged(run.aligned(unfinished=unfinished))
    with (
        _new_folder(run, ref, folder, "merged", dtype, force) as partial,
        progress(f"merging into {folder}", None),
    ):
        import torch
        from transformers import AutoTokenizer
        from transformers.utils import logging

        from udasa_core.models.loading import load_model

        logging.disable_progress_bar()
        with warnings.catch_warnings():
            # What transformers deprecates of its own is not for the user to read.
            warnings.simplefilter("ignore", FutureWarning)
            model = load_model(replace(ref, dtype="float32", quantization="none", device="cpu"))
            model.to(getattr(torch, dtype)).save_pretrained(partial)
        tokenizer = AutoTokenizer.from_pretrained(ref.folder, trust_remote_code=ref.trust_remote_code)
        tokenizer.save_pretrained(partial)
        _finish(run, partial, card(run, form="merged", dtype=dtype))


def export_beside(
    run: Run, folder: Path, *, force: bool = False, unfinished: bool = False, progress: Progress = silent
) -> None:
    """Write the base's own files, and the adapter in the folder `adapter` beside them. Raises as above."""
    ref = run.unchanged(run.aligned(unfinished=unfinished))
    _refuse_whole_weights(run, ref, "beside")
    base = Path(ref.folder)
    files = [*files_beside_weights(base), *weight_files(base)]
    with (
        _new_folder(run, ref, folder, "beside", ref.dtype, force) as partial,
        progress(f"copying to {folder}", len(files)) as advance,
    ):
        for file in files:
            copy = partial / file.relative_to(base)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copy)
            advance(1)
        _copy_adapter(ref, partial / ADAPTER)
        _finish(run, partial, card(run, form="beside", dtype=ref.dtype))


def export_adapter(run: Run, folder: Path, *, force: bool = False, unfinished: bool = False) -> None:
    """Write the adapter alone, for whoever has its base. Raises as above."""
    ref = run.unchanged(run.aligned(unfinished=unfinished))
    _refuse_whole_weights(run, ref, "alone")
    with _new_folder(run, ref, folder, "alone", ref.dtype, force) as partial:
        _copy_adapter(ref, partial)
        _finish(run, partial, card(run, form="alone", dtype=ref.dtype))


def _refuse_whole_weights(run: Run, ref: ModelRef, form: str) -> None:
    if not ref.adapters:
        raise UsageError(
            f"run {run.name} trained the model's own weights: there is no adapter to export; "
            f"leave out --adapter {form}"
        )


def _copy_adapter(ref: ModelRef, folder: Path) -> None:
    """Copy the adapter; by its base it names the base's own name, and no folder."""
    shutil.copytree(ref.adapters[0].folder, folder, dirs_exist_ok=True)
    config = folder / ADAPTER_CONFIG
    plain = json.loads(config.read_text())
    plain["base_model_name_or_path"] = ref.called
    config.write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n")


def _finish(run: Run, folder: Path, readme: str) -> None:
    """Add the base's licence and notices, and the card; take this machine's places out of all of it."""
    for origin in reversed(folders_of(run.base, root_of(run))):
        for file in legal_files(origin) if origin.is_dir() else ():
            shutil.copyfile(file, folder / file.name)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    places = places_of(run)
    for holding in (folder, folder / ADAPTER):
        tidy_model_files(holding, places)


@contextmanager
def _new_folder(run: Run, ref: ModelRef, folder: Path, form: Form, dtype: str, force: bool) -> Iterator[Path]:
    """Yield an empty folder that becomes `folder`, marked as an export, when everything in it is written."""
    folder = folder.resolve()
    _refuse_to_lose(run, ref, folder, force)
    with whole_folder(folder) as partial:
        yield partial
        marker = partial / MARKER
        marker.write_text(json.dumps(_note(run, ref, form, dtype)) + "\n")
        # Weights come with a mode of their own (0600); an export is for whom the umask allows.
        for file in partial.rglob("*"):
            if file.is_file():
                file.chmod(marker.stat().st_mode & 0o777)


def is_exported(run: Run, folder: Path, form: Form, dtype: str) -> bool:
    """Say whether a folder holds the export of the run's model, as it is now, in a form. dtype: of merged
    weights."""
    ref = run.aligned(unfinished=True)
    note = _note(run, ref, form, dtype if form == "merged" else ref.dtype)
    try:
        return bool(parse_json((folder / MARKER).read_bytes()) == note)
    except (OSError, ValueError):
        return False


def _note(run: Run, ref: ModelRef, form: Form, dtype: str) -> dict[str, str]:
    return {"model": ref.key, "run": run.name, "form": form, "dtype": dtype}


def refuse_export(run: Run, folder: Path | None, form: Form, *, force: bool, unfinished: bool) -> None:
    """Raise UdasaError where the model cannot be exported in a form, or not to a folder, as far as that is
    known before anything is read."""
    ref = run.aligned(unfinished=unfinished)
    if form in ("beside", "alone"):
        _refuse_whole_weights(run, ref, form)
    if folder is not None:
        _refuse_to_lose(run, ref, folder.resolve(), force)


def _refuse_to_lose(run: Run, ref: ModelRef, folder: Path, force: bool) -> None:
    """Refuse a folder that holds anything; with `force` one that holds anything but an earlier export."""
    made_from = [ref.folder, run.folder, *(adapter.folder for adapter in ref.adapters)]
    for needed in map(str, made_from):
        if Path(needed).resolve().is_relative_to(folder):
            raise UsageError(f"{folder} holds {needed}, which the export is made from; name another folder")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder")
    if not any(folder.iterdir()):
        return
    if not force:
        raise UsageError(f"{folder} is not empty; --force replaces an earlier export, or name another folder")
    if not (folder / MARKER).is_file():
        raise UsageError(f"{folder} is no export of udasa's, and is left alone; name another folder")


def write_card(run: Run, folder: Path, *, dtype: str) -> None:
    """Write what goes with a GGUF into an empty folder: the card, and the base's licence and notices."""
    _finish(run, folder, card(run, form="gguf", dtype=dtype))
