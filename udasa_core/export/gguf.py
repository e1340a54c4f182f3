"""A run's aligned model as one GGUF file, made by llama.cpp's own converter where that is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from udasa_core.errors import UdasaError, UsageError
from udasa_core.export.model import export_merged
from udasa_core.files.whole import whole_file
from udasa_core.progress import Progress, silent
from udasa_core.store.runs import Run

# What llama.cpp calls its converter, as a file of its repository and as an installed command.
_NAMES = ("convert_hf_to_gguf.py", "convert-hf-to-gguf")
# Names the converter where it is not on PATH.
CONVERTER_ENV = "UDASA_GGUF_CONVERTER"
_TYPES = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
# Of what the converter says at its end.
_LINES = 3


def find_converter(named: Path | None = None) -> Path:
    """Return llama.cpp's converter: the one that is named, by argument or by UDASA_GGUF_CONVERTER, or the one
    on PATH. Raises UsageError where there is none, with what to install."""
    asked = named or os.environ.get(CONVERTER_ENV)
    if asked:
        if Path(asked).is_file():
            return Path(asked)
        raise UsageError(f"{asked} is no file: name llama.cpp's convert_hf_to_gguf.py")
    found = next(filter(None, map(shutil.which, _NAMES)), None) or _on_path(_NAMES[0])
    if found is None:
        raise UsageError(
            "a GGUF is made by llama.cpp's converter, which is not on this machine\n"
            "    → git clone https://github.com/ggml-org/llama.cpp, and add\n"
            "      --gguf-converter llama.cpp/convert_hf_to_gguf.py (or export "
            f"{CONVERTER_ENV}=…, or have it on PATH)"
        )
    return Path(found)


def export_gguf(
    run: Run,
    file: Path,
    *,
    converter: Path,
    dtype: str = "float32",
    force: bool = False,
    unfinished: bool = False,
    merged: Path | None = None,
    progress: Progress = silent,
) -> None:
    """Write the aligned model, its adapter merged in, as a GGUF file with weights of `dtype`.

    converter: see `find_converter`. merged: a folder with the merged model, where it was exported already.
    Raises what `export_merged` raises, UsageError where the file is there (force replaces it) or has another
    suffix, and UdasaError with the converter's last words where that fails.
    """
    refuse_gguf(file, force=force)
    with tempfile.TemporaryDirectory(prefix="udasa-gguf-") as aside:
        # The converter calls the model by its folder's name, where its card does not tell another.
        folder = merged or Path(aside) / run.name
        if merged is None:
            export_merged(run, folder, dtype=dtype, unfinished=unfinished, progress=progress)
        with whole_file(file) as partial, progress(f"converting to {file.name}", None):
            # By its suffix the converter knows what to write.
            written = partial.with_name(f"{partial.name}.gguf")
            try:
                _convert(converter, folder, written, _TYPES[dtype])
                written.rename(partial)
            finally:
                written.unlink(missing_ok=True)


def refuse_gguf(file: Path, *, force: bool) -> None:
    """Raise UsageError where a GGUF cannot be written to `file`."""
    if file.suffix != ".gguf":
        raise UsageError(f"{file}: a GGUF is written to FILE.gguf; name such a file")
    if file.exists() and not force:
        raise UsageError(f"{file} exists already; --force replaces it, or name another file")


def _on_path(name: str) -> str | None:
    """Return a script on PATH that nobody marked as executable."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = (Path(folder) / name for folder in folders if folder)
    return next((str(path) for path in found if path.is_file()), None)


def _convert(converter: Path, folder: Path, file: Path, kind: str) -> None:
    # As a script it needs a Python with torch and gguf: this one has both.
    begins = [sys.executable] if converter.suffix == ".py" else []
    command = [*begins, str(converter), str(folder), "--outfile", str(file), "--outtype", kind]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise UdasaError(f"{converter} cannot be started: {error.strerror or error}") from error
    if done.returncode or not file.is_file():
        words = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        told = " / ".join(words[-_LINES:]) or f"it ended with {done.returncode}"
        raise UdasaError(f"llama.cpp's converter {converter} made no GGUF: {told}")
