"""What one `udasa export` writes of a model, and pushes: a folder, a GGUF file, a repository of a hub."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from udasa_core.errors import UsageError
from udasa_core.export.gguf import export_gguf, find_converter, refuse_gguf
from udasa_core.export.model import (
    export_adapter,
    export_beside,
    export_merged,
    is_exported,
    refuse_export,
    write_card,
)
from udasa_core.export.push import gone, listed_files, naming_note, push, reach
from udasa_core.progress import Progress, silent
from udasa_core.store.runs import Run
from udasa_core.text.size import size


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported: the model in a form to a folder, as a GGUF to a file, to a repository.

    converter: llama.cpp's, None for the one on PATH. push: owner/name; pushed is the model's folder, with the
    GGUF where one is asked for, and the GGUF with its card alone where no folder is. force: an earlier
    export is replaced. unfinished: of a run that is not finished.
    """

    adapter: Literal["merged", "beside", "alone"] = "merged"
    dtype: str = "float32"
    model: Path | None = None
    gguf: Path | None = None
    converter: Path | None = None
    push: str | None = None
    private: bool = True
    force: bool = False
    unfinished: bool = False


def export_model(run: Run, wanted: Wanted, *, progress: Progress = silent) -> Iterator[str]:
    """Export a model, and yield what was done, and what is about to be pushed, in lines.

    What can be refused is refused before anything is written, here or on the hub. Raises UdasaError.
    """
    _refuse_in_vain(wanted)
    is_there = _is_there(run, wanted)
    refuse_export(
        run,
        None if is_there else wanted.model,
        wanted.adapter,
        force=wanted.force,
        unfinished=wanted.unfinished,
    )
    converter = None
    if wanted.gguf is not None:
        refuse_gguf(wanted.gguf, force=wanted.force)
        converter = find_converter(wanted.converter)
    repository = None
    if wanted.push is not None:
        # Before any hub is asked: who reads it in time can still name another.
        if note := naming_note(run, wanted.push):
            yield note
        repository = reach(run, wanted.push, private=wanted.private, force=wanted.force)
    with ExitStack() as held:
        folder = wanted.model
        if folder is None and wanted.gguf is None:
            aside = held.enter_context(tempfile.TemporaryDirectory(prefix="udasa-export-"))
            folder = Path(aside) / run.name
        if folder is not None and not is_there:
            _write(run, folder, wanted, progress)
        if wanted.model is not None:
            what = "adapter" if wanted.adapter == "alone" else "aligned model"
            yield f"wrote the {what} to {folder}; {folder}/README.md tells where it comes from"
        if wanted.gguf is not None and converter is not None:
            export_gguf(
                run,
                wanted.gguf,
                converter=converter,
                dtype=wanted.dtype,
                force=wanted.force,
                unfinished=wanted.unfinished,
                merged=folder if wanted.adapter == "merged" else None,
                progress=progress,
            )
            yield f"wrote the aligned model to {wanted.gguf}"
        if repository is None:
            return
        if folder is None:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="udasa-export-")))
            write_card(run, folder, dtype=wanted.dtype)
        files = listed_files(folder)
        if wanted.gguf is not None:
            files[wanted.gguf.name] = wanted.gguf
        yield f"pushing to {repository}:"
        yield from (f"  {path}, {size(file.stat().st_size)}" for path, file in files.items())
        yield from (f"  {path}: removed, of an earlier export" for path in gone(repository, files))
        anew = ", with --force, which makes the GGUF anew" if wanted.gguf is not None else ""
        push(run, repository, files, again=f"type the same command again{anew}", progress=progress)
        yield f"pushed to {repository}"


def _refuse_in_vain(wanted: Wanted) -> None:
    """Refuse what would change nothing (UsageError): a dtype where no weights are merged."""
    if wanted.adapter != "merged" and wanted.dtype != "float32" and wanted.gguf is None:
        raise UsageError(
            f"--dtype is of merged weights, and --adapter {wanted.adapter} copies weights: leave one out"
        )


def _is_there(run: Run, wanted: Wanted) -> bool:
    """Say whether the folder was written before: the same command was typed, and the push broke off."""
    if wanted.push is None or wanted.model is None or wanted.force:
        return False
    return is_exported(run, wanted.model, wanted.adapter, wanted.dtype)


def _write(run: Run, folder: Path, wanted: Wanted, progress: Progress) -> None:
    force, unfinished = wanted.force, wanted.unfinished
    if wanted.adapter == "merged":
        export_merged(run, folder, dtype=wanted.dtype, force=force, unfinished=unfinished, progress=progress)
    elif wanted.adapter == "beside":
        export_beside(run, folder, force=force, unfinished=unfinished, progress=progress)
    else:
        export_adapter(run, folder, force=force, unfinished=unfinished)
