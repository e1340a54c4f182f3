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
from udasa_core.export.card import card
from udasa_core.export.licence import base_name_of
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
    with _new_folder(run, ref, folder, force) as partial, progress(f"merging into {folder}", None):
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
        for file in legal_files(Path(run.base.folder)):
            shutil.copyfile(file, partial / file.name)
        (partial / "README.md").write_text(card(run, merged=True, dtype=dtype), encoding="utf-8")


def export_beside(
    run: Run, folder: Path, *, force: bool = False, unfinished: bool = False, progress: Progress = silent
) -> None:
    """Write the base's own files, and the adapter in the folder `adapter` beside them. Raises as above."""
    ref = run.unchanged(run.aligned(unfinished=unfinished))
    if not ref.adapters:
        raise UsageError(
            f"run {run.name} trained the model's own weights: there is no adapter to lie beside the base's; "
            "leave out --adapter beside"
        )
    base, adapter = Path(ref.folder), Path(ref.adapters[0].folder)
    files = [*files_beside_weights(base), *weight_files(base)]
    with (
        _new_folder(run, ref, folder, force) as partial,
        progress(f"copying to {folder}", len(files)) as advance,
    ):
        for file in files:
            copy = partial / file.relative_to(base)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copy)
            advance(1)
        shutil.copytree(adapter, partial / ADAPTER)
        config = partial / ADAPTER / ADAPTER_CONFIG
        plain = json.loads(config.read_text())
        plain["base_model_name_or_path"] = base_name_of(ref)
        config.write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n")
        (partial / "README.md").write_text(card(run, merged=False, dtype=ref.dtype), encoding="utf-8")


@contextmanager
def _new_folder(run: Run, ref: ModelRef, folder: Path, force: bool) -> Iterator[Path]:
    """Yield an empty folder that becomes `folder`, marked as an export, when everything in it is written."""
    folder = folder.resolve()
    _refuse_to_lose(run, ref, folder, force)
    with whole_folder(folder) as partial:
        yield partial
        (partial / MARKER).write_text(json.dumps({"model": ref.key, "run": run.name}) + "\n")


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
