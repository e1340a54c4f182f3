"""How large a model is, from its files' headers: no weight is read, nothing fetched or written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from udasa_core.errors import FOREIGN, SourceError, reason
from udasa_core.files.json_text import parse_json
from udasa_core.progress import silent
from udasa_core.sources.cache import cache_root
from udasa_core.sources.source import parse_source

_Shape = Sequence[int]


@dataclass(frozen=True, slots=True)
class ModelSize:
    """A decoder's dimensions; 0 where its files do not tell.

    parameters: all weights. linear_sides: the sum of inputs and outputs over its linear maps, embeddings and
    head left out: a LoRA adapter of rank r on all of them has r × linear_sides weights.
    key_width: numbers that one token leaves in one layer's key cache (heads × head size); values likewise.
    context: the tokens of the longest sequence that they declare.
    """

    parameters: int
    linear_sides: int
    layers: int
    hidden: int
    key_width: int
    vocabulary: int
    context: int = 0


def typical_size(parameters: int) -> ModelSize:
    """Return the dimensions that a dense decoder of so many weights usually has.

    A layer has 12 · hidden² weights, there is one for each 128 of the hidden size, and keys are 1,024 numbers
    wide at most. By that, layers × hidden size, to which activations are in proportion, is between .92 and
    1.5 times what Llama 3 (8B, 70B) and Qwen 2.5 (0.5B to 32B) have.
    """
    hidden = round((parameters * 128 / 12) ** (1 / 3))
    layers = max(1, round(hidden / 128))
    # Query and output h × h each; keys and values a quarter of that; three maps between h and 3.5 h.
    linear_sides = round(layers * hidden * (2 * 2 + 2 * 1.25 + 3 * 4.5))
    return ModelSize(parameters, linear_sides, layers, hidden, min(hidden // 4, 1024), 152_000)


def model_size(source: str, root: Path) -> ModelSize | None:
    """Return the size of a source's model; None where its files are not on this machine yet."""
    path = local_path(source, root)
    if path is None:
        return None
    folder = local_folder(path)
    return _of_folder(folder) if folder else _of_gguf(path)


def local_folder(path: Path) -> Path | None:
    """Return the folder in which transformers finds a model; None for a GGUF that is not converted yet."""
    if path.suffix != ".gguf":
        return path
    ready = sorted((cache_root() / "models").glob(f"{path.stem}-*/config.json"))
    return ready[0].parent if ready else None


def local_path(source: str, root: Path) -> Path | None:
    """Return where a source's files lie, None where they would have to be fetched."""
    parsed = parse_source(source, root)
    if parsed.scheme == "pypi":
        from udasa_core.sources.wheels import wheel_member, wheel_metadata

        # A wheel whose metadata is in the cache is there, and is not asked for again.
        return wheel_member(parsed, silent) if wheel_metadata(parsed) else None
    if parsed.scheme == "hf":
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(parsed.name, revision=parsed.revision, local_files_only=True))
        except OSError:
            return None
    return parsed.path


def _of_folder(folder: Path) -> ModelSize:
    try:
        config = dict(parse_json((folder / "config.json").read_bytes()))
        shapes = [shape for file in sorted(folder.glob("*.safetensors")) for shape in _header_shapes(file)]
    except (OSError, ValueError, TypeError) as error:
        raise SourceError(f"{folder} cannot be read as a model: {reason(error)}") from error
    # Models with several parts keep the decoder's numbers apart.
    parts = [part for part in (config.get("text_config"), config) if isinstance(part, dict)]

    def count(name: str) -> int:
        return next((part[name] for part in parts if isinstance(part.get(name), int)), 0)

    return _sized(
        shapes,
        layers=count("num_hidden_layers"),
        hidden=count("hidden_size"),
        heads=count("num_attention_heads"),
        key_heads=count("num_key_value_heads"),
        head=count("head_dim"),
        vocabulary=count("vocab_size"),
        context=count("max_position_embeddings"),
    )


def _header_shapes(file: Path) -> Iterator[_Shape]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as tensors:
            # A slice reads nothing before it is taken.
            yield from (tensors.get_slice(name).get_shape() for name in tensors.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{file.name}: {error}") from error


def _of_gguf(file: Path) -> ModelSize:
    import gguf

    try:
        reader = gguf.GGUFReader(str(file))
    # The reader raises of many kinds over a file that is not as it expects it.
    except FOREIGN as error:
        raise SourceError(f"{file} cannot be read as a GGUF: {_odd(error)}") from error

    def number(name: str) -> int:
        named = [field for key, field in reader.fields.items() if key.partition(".")[2] == name]
        return int(named[0].contents()) if named else 0

    shapes = [[int(side) for side in tensor.shape] for tensor in reader.tensors]
    return _sized(
        shapes,
        layers=number("block_count"),
        hidden=number("embedding_length"),
        heads=number("attention.head_count"),
        key_heads=number("attention.head_count_kv"),
        head=number("attention.key_length"),
        vocabulary=number("vocab_size"),
        context=number("context_length"),
    )


def _sized(
    shapes: Sequence[_Shape],
    *,
    layers: int,
    hidden: int,
    heads: int,
    key_heads: int,
    head: int,
    vocabulary: int,
    context: int,
) -> ModelSize:
    """Return the size of tensors of these shapes. 0 is what a file does not say: as many key heads as heads,
    and heads that share the hidden size."""
    width = head or (hidden // heads if heads else 0)
    return ModelSize(
        parameters=sum(map(math.prod, shapes)),
        linear_sides=_linear_sides(shapes, vocabulary),
        layers=layers,
        hidden=hidden,
        key_width=(key_heads or heads) * width,
        vocabulary=vocabulary,
        context=context,
    )


def _linear_sides(shapes: Sequence[_Shape], vocabulary: int) -> int:
    return sum(sum(shape) for shape in shapes if len(shape) == 2 and vocabulary not in shape)


def _odd(error: BaseException) -> str:
    """Return why the library's reader of GGUF files takes none, in plain words where they are known."""
    said = str(error)
    plain = {"magic invalid": "it does not begin as one", "version": "it is of a version that is not known"}
    told = next((told for part, told in plain.items() if part in said), "it is damaged or cut off")
    return f"{told} ({said}). See that it was downloaded whole"
