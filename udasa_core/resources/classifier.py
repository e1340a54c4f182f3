"""A sequence-classification model in a local folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import SourceError
from udasa_core.files.json_text import parse_json
from udasa_core.models.chat import SANITIZE, heard
from udasa_core.models.loading import quiet
from udasa_core.models.weight_fit import filled
from udasa_core.records import Message, ModelRef
from udasa_core.resources.fixed_shapes import Batch, alone, batches
from udasa_core.resources.padded_model import PaddedModel
from udasa_core.resources.remembered import Remembered

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


# How a text is read: with special tokens added, as a chat template that has put them there, or as the pair of
# what came before and the last turn.
_PLAIN, _RENDERED, _TURN = "plain", "rendered", "turn"
# A text that spells special tokens ("[SEP]") has none.
_AS_TEXT = {"split_special_tokens": True, "return_attention_mask": False}


def load_classifier(ref: ModelRef) -> TransformerClassifier:
    """Return the sequence-classification model of `ref`; its weights are read when the first text comes."""
    return TransformerClassifier(ref)


class TransformerClassifier:
    """Any transformers model for sequence classification; its labels are read from its config.json.

    A text is cut at the model's limit: of a pair the longer one loses its end, a conversation its beginning.
    Equal texts are read once, and batches have fixed shapes, so a text's logits do not depend on its company:
    they are those of the text alone, without padding. The weights are loaded when the first text comes, from
    safetensors only.
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
        count = self._config.get("num_labels", 2)
        names = self._config.get("id2label") or {str(number): f"LABEL_{number}" for number in range(count)}
        return tuple(names[str(number)] for number in range(len(names)))

    @property
    def problem_type(self) -> str:
        """What config.json says of the head; "" where it says nothing."""
        return str(self._config.get("problem_type") or "")

    @cached_property
    def _config(self) -> dict[str, Any]:
        found: dict[str, Any] = parse_json(
            (Path(self.ref.folder) / "config.json").read_text(encoding="utf-8")
        )
        return found

    def logits(self, texts: Sequence[tuple[str, ...]]) -> NDArray[float64]:
        """Return (len(texts), labels) logits, in order."""
        return self._remembered.rows([(_PLAIN, *text) for text in texts])

    def conversation_logits(self, conversations: Sequence[Sequence[Message]]) -> NDArray[float64]:
        """Return (len(conversations), labels) logits of whole conversations."""
        return self._remembered.rows([self._rendered(conversation) for conversation in conversations])

    def _rendered(self, conversation: Sequence[Message]) -> tuple[str, ...]:
        if self._tokenizer.chat_template:
            return (
                _RENDERED,
                *(part for message in conversation for part in (message.role, message.content)),
            )
        *before, last = conversation
        return (_TURN, "\n".join(message.content for message in before), last.content)

    def _read(self, texts: Sequence[tuple[str, ...]]) -> NDArray[float64]:
        import numpy as np
        import torch

        self._reads["texts classified"] += len(texts)
        rows = np.empty((len(texts), len(self.labels)), dtype=np.float64)
        encoded = [self._encode(text) for text in texts]
        ids, kinds = [ids for ids, _ in encoded], [kinds for _, kinds in encoded]
        with torch.inference_mode():
            for batch in self._batches(ids, kinds):
                logits = self._model.logits(batch.ids, batch.mask, batch.segments)
                rows[list(batch.indices)] = logits[: len(batch.indices)].double().cpu().numpy()
        return rows

    def _batches(self, ids: list[list[int]], kinds: list[list[int]]) -> Iterator[Batch]:
        if self._model.takes_padding:
            padding = self._model.padding({token for sequence in ids for token in sequence})
            yield from batches(ids, kinds, padding, self._limit)
        else:
            yield from alone(ids, kinds)

    def _encode(self, text: tuple[str, ...]) -> tuple[list[int], list[int]]:
        """Return the token ids of a text or a pair, and which of the two each token belongs to."""
        kind, *parts = text
        if kind == _RENDERED:
            turns = [
                {"role": role, "content": said} for role, said in zip(parts[::2], parts[1::2], strict=True)
            ]
            rendered = self._heard(turns)
            # Of a conversation the beginning goes: it is the last turn that is asked about.
            ids = rendered[-self._limit :] or [0]
            return ids, [0] * len(ids)
        if kind == _TURN:
            parts = self._fitting(*parts)
        encoded = self._tokenizer(*parts, truncation=True, max_length=self._limit, **_AS_TEXT)
        ids = list(encoded["input_ids"]) or [0]
        return ids, list(encoded.get("token_type_ids") or [0] * len(ids))

    def _heard(self, turns: Sequence[Mapping[str, str]]) -> list[int]:
        """Return a conversation's ids; a system message that the template does not take goes with the next
        turn."""
        options = {SANITIZE: True}
        try:
            return heard(self._tokenizer, turns, False, options)
        except ValueError:
            first, *others = turns
            if first["role"] != "system" or not others:
                raise
            joined = {**others[0], "content": f"{first['content']}\n\n{others[0]['content']}"}
            return heard(self._tokenizer, [joined, *others[1:]], False, options)

    def _fitting(self, before: str, last: str) -> list[str]:
        """Return a pair whose first text has lost as much of its beginning as there is no room for."""
        whole = len(self._tokenizer(before, last, **_AS_TEXT)["input_ids"])
        if whole <= self._limit:
            return [before, last]
        spans = self._tokenizer(before, add_special_tokens=False, return_offsets_mapping=True, **_AS_TEXT)[
            "offset_mapping"
        ]
        over = whole - self._limit
        return [before[spans[over][0] :] if over < len(spans) else "", last]

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.ref.folder, trust_remote_code=self.ref.trust_remote_code)

    @cached_property
    def _limit(self) -> int:
        """The longest input in tokens. RoBERTa's kin count positions from after the padding token."""
        return int(min(self._tokenizer.model_max_length, self._model.positions or 512))

    @cached_property
    def _model(self) -> PaddedModel:
        import torch
        from transformers import AutoModelForSequenceClassification

        folder = Path(self.ref.folder)
        if not any(folder.glob("*.safetensors")):
            raise SourceError(
                f"classifier {self.ref.source}: {folder} holds no safetensors weights, and no pickle is ever "
                "loaded. Name a model that has a model.safetensors."
            )
        with quiet():
            loaded = AutoModelForSequenceClassification.from_pretrained(
                folder,
                dtype=getattr(torch, self.ref.dtype),
                use_safetensors=True,
                trust_remote_code=self.ref.trust_remote_code,
                output_loading_info=True,
            )
        model = filled(loaded, f"classifier {self.ref.source}")
        return PaddedModel(model.to(self.ref.device).eval())
