"""A sequence-classification model in a local folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import SourceError
from udasa_core.models.loading import quiet
from udasa_core.records import Message, ModelRef
from udasa_core.resources.fixed_shapes import batches
from udasa_core.resources.remembered import Remembered

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


# How a text is read: with special tokens added, or as a chat template that has put them there.
_PLAIN, _RENDERED = "plain", "rendered"


def load_classifier(ref: ModelRef) -> TransformerClassifier:
    """Return the sequence-classification model of `ref`; its weights are read when the first text comes."""
    return TransformerClassifier(ref)


class TransformerClassifier:
    """Any transformers model for sequence classification; its labels are read from its config.json.

    A text is cut at the model's limit: of a pair the longer one loses its end. Equal texts are read once, and
    batches have fixed shapes, so a text's logits do not depend on its company. The weights are loaded when
    the first text comes, from safetensors only.
    """

    def __init__(self, ref: ModelRef, reads: Counter[str] | None = None) -> None:
        """reads: where "texts classified" are counted, a pair as one."""
        self.ref = ref
        self._reads = reads if reads is not None else Counter()
        self._remembered: Remembered[tuple[str, ...]] = Remembered(self._read)

    def forget(self) -> None:
        """Forget the texts that were read, not the weights."""
        self._remembered.forget()

    @property
    def key(self) -> str:
        """The model's identity."""
        return self.ref.key

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the logits."""
        path = Path(self.ref.folder) / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        names = config.get("id2label") or {str(n): f"LABEL_{n}" for n in range(config.get("num_labels", 2))}
        return tuple(names[str(number)] for number in range(len(names)))

    def logits(self, texts: Sequence[tuple[str, ...]]) -> NDArray[float64]:
        """Return (len(texts), labels) logits, in order."""
        return self._remembered.rows([(_PLAIN, *text) for text in texts])

    def conversation_logits(self, conversations: Sequence[Sequence[Message]]) -> NDArray[float64]:
        """Return (len(conversations), labels) logits of whole conversations."""
        return self._remembered.rows([self._rendered(conversation) for conversation in conversations])

    def _rendered(self, conversation: Sequence[Message]) -> tuple[str, ...]:
        if self._tokenizer.chat_template:
            turns = [{"role": message.role, "content": message.content} for message in conversation]
            return (_RENDERED, str(self._tokenizer.apply_chat_template(turns, tokenize=False)))
        *before, last = conversation
        return (_PLAIN, "\n".join(message.content for message in before), last.content)

    def _read(self, texts: Sequence[tuple[str, ...]]) -> NDArray[float64]:
        import numpy as np
        import torch

        self._reads["texts classified"] += len(texts)
        rows = np.empty((len(texts), len(self.labels)), dtype=np.float64)
        encoded = [self._encode(text) for text in texts]
        model = self._model
        takes_segments = getattr(model.config, "type_vocab_size", 0) > 1
        with torch.inference_mode():
            ids, kinds = [ids for ids, _ in encoded], [kinds for _, kinds in encoded]
            for batch in batches(ids, kinds, self._padding, self._limit):
                arguments = {"input_ids": batch.ids, "attention_mask": batch.mask}
                if takes_segments:
                    arguments["token_type_ids"] = batch.segments
                logits = model(**{name: given.to(model.device) for name, given in arguments.items()}).logits
                rows[list(batch.indices)] = logits[: len(batch.indices)].double().cpu().numpy()
        return rows

    def _encode(self, text: tuple[str, ...]) -> tuple[list[int], list[int]]:
        """Return the token ids of a text or a pair, and which of the two each token belongs to."""
        kind, *parts = text
        encoded = self._tokenizer(
            *parts,
            truncation=True,
            max_length=self._limit,
            add_special_tokens=kind == _PLAIN,
            return_attention_mask=False,
        )
        ids = list(encoded["input_ids"]) or [self._padding]
        kinds = encoded.get("token_type_ids") or [0] * len(ids)
        return ids, list(kinds)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.ref.folder, trust_remote_code=self.ref.trust_remote_code)

    @property
    def _padding(self) -> int:
        return int(self._tokenizer.pad_token_id or 0)

    @cached_property
    def _limit(self) -> int:
        """The longest input in tokens. RoBERTa's kin count positions from after the padding token."""
        positions = getattr(self._model.config, "max_position_embeddings", None) or 512
        # Only they give padding a position of its own.
        paddings = [
            getattr(module, "padding_idx", None)
            for name, module in self._model.named_modules()
            if name.endswith("position_embeddings")
        ]
        offset = max((padding + 1 for padding in paddings if padding is not None), default=0)
        return int(min(self._tokenizer.model_max_length, positions - offset))

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModelForSequenceClassification

        folder = Path(self.ref.folder)
        if not any(folder.glob("*.safetensors")):
            raise SourceError(
                f"classifier {self.ref.source}: {folder} holds no safetensors weights, and no pickle is ever "
                "loaded. Name a model that has a model.safetensors."
            )
        with quiet():
            model = AutoModelForSequenceClassification.from_pretrained(
                folder,
                dtype=getattr(torch, self.ref.dtype),
                use_safetensors=True,
                trust_remote_code=self.ref.trust_remote_code,
            )
        model = model.to(self.ref.device).eval()
        if model.config.pad_token_id is None:
            # Decoders with a classification head find the last token by it.
            model.config.pad_token_id = self._padding
        return model
