"""A GGUF file → a model's folder in the cache: dequantised once, in bfloat16, loaded in well under a second.

Reading a GGUF takes transformers tens of seconds each time, and what it loads cannot be saved or trained as
it is: it calls itself quantised. The converted folder is a plain model.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from udasa_core.errors import FOREIGN, SourceError
from udasa_core.progress import Progress
from udasa_core.records import content_key
from udasa_core.sources.cache import cache_root
from udasa_core.sources.digests import digest
from udasa_core.sources.made import made_once

# Counts up when the same GGUF would be converted to other bytes.
CONVERTER = 1
# Holds JSON; without a suffix, so that it is no part of the model's digest.
PROVENANCE = "PROVENANCE"


def converted(gguf: Path, progress: Progress) -> Path:
    """Return the folder of a GGUF file's model, converting it the first time.

    Peak memory: the weights twice in bfloat16, beside one tensor in float32. Raises SourceError.
    """
    sha256 = digest(gguf, progress=progress)
    major = importlib.metadata.version("transformers").partition(".")[0]
    folder = cache_root() / "models" / f"{gguf.stem}-{content_key(sha256, CONVERTER, major, length=12)}"

    def make(partial: Path) -> None:
        with progress(f"converting {gguf.name} (once)", 3) as advance, _silent(), _read_once():
            try:
                _convert_model(gguf, partial)
                advance(1)
                gc.collect()
                _convert_tokenizer(gguf, partial)
                advance(1)
                (partial / PROVENANCE).write_text(json.dumps(_provenance(gguf, sha256), indent=1) + "\n")
                advance(1)
            # transformers, gguf and numpy raise of many kinds over a file that is not as they expect it.
            except FOREIGN as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # the disk, not the file: the cache says so
                raise SourceError(
                    f"{gguf} cannot be converted: {type(error).__name__}: {error}\n"
                    "    → use a GGUF whose architecture transformers reads, or the model's safetensors"
                ) from error

    return made_once(folder, f"converting {gguf.name}", make, progress)


def _convert_model(gguf: Path, folder: Path) -> None:
    import torch
    import transformers
    from transformers import AutoModelForCausalLM

    # Newer versions can keep the weights packed, and are told not to.
    gguf_config: Any = getattr(transformers, "GgufConfig", None)
    options = {"quantization_config": gguf_config(dequantize=True)} if gguf_config is not None else {}
    read = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16, local_files_only=True, **options
    )
    plain = read.config.to_dict()
    plain.pop("quantization_config", None)
    with torch.device("meta"):  # no memory for weights that are about to be put in
        model = AutoModelForCausalLM.from_config(type(read.config).from_dict(plain), dtype=torch.bfloat16)
    model.load_state_dict(read.state_dict(), strict=True, assign=True)
    model.tie_weights()
    model.generation_config = read.generation_config
    model.save_pretrained(folder)


def _convert_tokenizer(gguf: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    context = json.loads((folder / "config.json").read_text()).get("max_position_embeddings")
    if context:
        tokenizer.model_max_length = context
    tokenizer.save_pretrained(folder)


def _provenance(gguf: Path, sha256: str) -> dict[str, str]:
    """Return what the GGUF says of itself, for a model card."""
    import gguf as library

    fields = library.GGUFReader(str(gguf)).fields
    told = {
        name: str(fields[f"general.{name}"].contents())
        for name in ("name", "organization", "license", "license.name", "license.link")
        if f"general.{name}" in fields
    }
    return {"gguf": gguf.name, "sha256": sha256, **told}


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep transformers' own bars and warnings off the terminal, where ours are."""
    from tqdm.auto import tqdm
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    drawn = tqdm.__init__
    logging.set_verbosity_error()
    tqdm.__init__ = functools.partialmethod(drawn, disable=True)
    try:
        yield
    finally:
        tqdm.__init__ = drawn
        logging.set_verbosity(verbosity)


@contextlib.contextmanager
def _read_once() -> Iterator[None]:
    """Let transformers parse the file and the table of names once: it asks for both again and again.

    Measured on the embedded model: half of the time.
    """
    import gguf as library

    reader, names = library.GGUFReader, library.get_tensor_name_map
    library.GGUFReader, library.get_tensor_name_map = functools.cache(reader), functools.cache(names)
    try:
        yield
    finally:
        library.GGUFReader, library.get_tensor_name_map = reader, names
