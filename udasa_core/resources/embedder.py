"""Texts as unit vectors, by an encoder in a local folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from udasa_core.errors import SourceError
from udasa_core.files.json_text import parse_json
from udasa_core.models.loading import quiet
from udasa_core.models.positions import positional_padding
from udasa_core.models.weight_fit import filled
from udasa_core.records import ModelRef
from udasa_core.resources.fixed_shapes import Batch, batches
from udasa_core.resources.padded_model import text_positions
from udasa_core.resources.remembered import Remembered
from udasa_core.sources.digests import model_files

if TYPE_CHECKING:
    import torch
    from numpy import float32
    from numpy.typing import NDArray

# What a sentence-transformers folder may be made of. Another module (a dense layer, say) changes vectors.
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")

# Folders written since sentence-transformers 5 name the mode; older ones have a switch for each.
_POOLINGS: dict[str, Literal["mean", "cls"]] = {
    "mean": "mean",
    "pooling_mode_mean_tokens": "mean",
    "cls": "cls",
    "pooling_mode_cls_token": "cls",
}


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How a folder says that texts become vectors. max_tokens: None where it does not say."""

    pooling: Literal["mean", "cls"] = "mean"
    max_tokens: int | None = None


class TransformerEmbedder:
    """An encoder (BERT and its kin) with pooling: one vector of Euclidean length 1 a text.

    Pooling is the mean over the tokens, or the first token, as the folder's sentence-transformers files say
    (mean without them), then L2 normalisation, as all-MiniLM-L6-v2 defines it (Reimers and Gurevych 2019,
    arXiv 1908.10084). A text longer than the encoder's limit is cut there: what follows does not count
    (all-MiniLM-L6-v2 reads 256 tokens). An empty text has the vector of the encoder's special tokens alone.

    Equal texts are embedded once, and remembered for the next dimension that asks. Batches have fixed shapes:
    a text has the same vector, to the byte, whatever it is embedded with.

    The weights are loaded when the first text comes, from safetensors only.
    """

    def __init__(self, ref: ModelRef, reads: Counter[str] | None = None) -> None:
        """reads: where "texts embedded" are counted."""
        self.ref = ref
        self._reads = reads if reads is not None else Counter()
        self._encoder: _Encoder | None = None
        self._remembered: Remembered[str] = Remembered(self._read)

    def forget(self) -> None:
        """Forget the texts that were embedded, not the weights."""
        self._remembered.forget()

    def embed(self, texts: Sequence[str]) -> NDArray[float32]:
        """Return (len(texts), d) rows of Euclidean length 1, in order.

        Raises SourceError where the folder holds no encoder that this class can reproduce.
        """
        return self._remembered.rows(texts)

    def _read(self, texts: Sequence[str]) -> NDArray[float32]:
        if self._encoder is None:
            self._encoder = _Encoder(self.ref)
        self._reads["texts embedded"] += len(texts)
        return self._encoder.embed(texts)


class _Encoder:
    """The loaded encoder, its tokenizer and its recipe."""

    def __init__(self, ref: ModelRef) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        folder = Path(ref.folder)
        if not any(folder.glob("*.safetensors")):
            raise SourceError(
                f"embedder {ref.source}: {folder} holds no safetensors weights, and no pickle is ever "
                "loaded. Name an encoder that has a model.safetensors."
            )
        recipe = _recipe(folder, ref.source)
        self.pooling = recipe.pooling
        self.device = torch.device(ref.device)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=ref.trust_remote_code)
        with quiet():
            loaded = AutoModel.from_pretrained(
                folder,
                dtype=getattr(torch, ref.dtype),
                use_safetensors=True,
                trust_remote_code=ref.trust_remote_code,
                output_loading_info=True,
            )
        # What makes a sentence's vector of the first token's is not read: the recipe is.
        self.model: Any = filled(loaded, f"embedder {ref.source}", ("pooler.",))
        self.model.to(self.device).eval()
        limits = (
            recipe.max_tokens,
            self.tokenizer.model_max_length,
            text_positions(self.model),
        )
        self.max_tokens = min(limit for limit in limits if limit is not None)

    def embed(self, texts: Sequence[str]) -> NDArray[float32]:
        """Return (len(texts), d) unit rows, in order."""
        import numpy as np
        import torch

        width = int(self.model.config.hidden_size)
        rows = np.empty((len(texts), width), dtype=np.float32)
        if not texts:
            return rows
        encoded: list[list[int]] = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_tokens,
            return_attention_mask=False,
            # A text that spells special tokens ("[SEP]") has none.
            split_special_tokens=True,
        )["input_ids"]
        # A tokenizer without special tokens makes nothing of an empty text: one padding token stands for it.
        counted_from = positional_padding(self.model)
        padding = int(self.tokenizer.pad_token_id or 0) if counted_from is None else counted_from
        sequences = [ids or [padding] for ids in encoded]
        segments = [[0] * len(ids) for ids in sequences]
        with torch.inference_mode():
            for batch in batches(sequences, segments, padding, self.max_tokens):
                pooled = torch.nn.functional.normalize(self._pool(batch), dim=1).cpu().numpy()
                rows[list(batch.indices)] = pooled[: len(batch.indices)]
        return rows

    def _pool(self, batch: Batch) -> torch.Tensor:
        """Return a batch's vectors (rows, d) in float32, not yet normalised."""
        mask = batch.mask.to(self.device)
        hidden: torch.Tensor = self.model(
            input_ids=batch.ids.to(self.device), attention_mask=mask
        ).last_hidden_state.float()
        if self.pooling == "cls":
            return hidden[:, 0]
        weights = mask.unsqueeze(-1).float()
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)


def _recipe(folder: Path, source: str) -> _Recipe:
    """Read how the folder pools its tokens; a plain encoder folder says nothing and is averaged.

    Raises SourceError for a recipe that is neither mean nor first-token pooling.
    """
    modules_file = folder / "modules.json"
    if not modules_file.is_file():
        return _Recipe()
    modules = parse_json(modules_file.read_text(encoding="utf-8"))
    kinds = {module["type"].rsplit(".", 1)[-1]: module["path"] for module in modules}
    unknown = sorted(set(kinds) - set(_KNOWN_MODULES))
    if unknown:
        raise SourceError(
            f"embedder {source}: modules.json asks for {', '.join(unknown)}, known are "
            f"{', '.join(_KNOWN_MODULES)}. Name another encoder, such as all-MiniLM-L6-v2."
        )
    pooling: Literal["mean", "cls"] = "mean"
    if "Pooling" in kinds:
        pooling_file = folder / str(kinds["Pooling"]) / "config.json"
        if pooling_file not in model_files(folder):
            raise SourceError(
                f"embedder {source}: modules.json names {kinds['Pooling']!r}, where no config.json of the "
                "folder lies. Copy the encoder's folder again."
            )
        pooling = _pooling(pooling_file, source)
    transformer_file = folder / "sentence_bert_config.json"
    max_tokens = None
    if transformer_file.is_file():
        max_tokens = parse_json(transformer_file.read_text(encoding="utf-8")).get("max_seq_length")
    return _Recipe(pooling, max_tokens)


def _pooling(config_file: Path, source: str) -> Literal["mean", "cls"]:
    config = parse_json(config_file.read_text(encoding="utf-8"))
    named = config.get("pooling_mode")
    if named is not None:
        modes = [named] if isinstance(named, str) else list(named)
    else:
        modes = [key for key, on in config.items() if key.startswith("pooling_mode_") and on]
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise SourceError(
            f"embedder {source}: {config_file} asks for {', '.join(modes) or 'no pooling'}; udasa pools by "
            "mean or by the first token. Name another encoder, such as all-MiniLM-L6-v2."
        )
    return _POOLINGS[modes[0]]
