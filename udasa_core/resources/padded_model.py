"""A sequence-classification model that is given texts of unlike lengths at once: what stands for nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from udasa_core.models.positions import positional_padding, rope_ends

if TYPE_CHECKING:
    from torch import Tensor

# How far rounding may take a padded text's logits from those of the text alone, as a share of 1 + |logit|.
_TOLERANCE = {"float32": 1e-3}
_COARSE = 5e-2


def text_positions(model: Any) -> int | None:
    """Return the longest input in tokens; None where the model has no such limit.

    Those that count positions from padding have that many fewer for texts. XLNet, without end, says −1. Where
    a rope changes with the length, texts end before: a longer one would change those that it is read with.
    """
    config = model.config.get_text_config()
    most = getattr(config, "max_position_embeddings", None)
    padding = positional_padding(model)
    declared = most - (0 if padding is None else padding + 1) if most and most > 0 else None
    return min([*rope_ends(config).values(), *([] if declared is None else [declared])], default=None)


class PaddedModel:
    """The loaded model, and which token its padding is.

    A decoder finds a text's last token by the id that its config calls padding, and a text may end in that
    very token ("!" where the config says 0): so padding is a token that no text in the batch has. RoBERTa's
    kin count positions by theirs, and keep it. Whether a model's logits stand padding at all is tried once,
    on texts without and with it. Encoders with a decoder (BART, T5) are read at an end token that padding
    has not: their texts are read one by one.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._takes_segments = getattr(model.config, "type_vocab_size", 0) > 1
        self._fixed = positional_padding(model)
        self.positions = text_positions(model)
        has_decoder = getattr(model.config, "is_encoder_decoder", False)
        if has_decoder:
            self._fixed = model.config.pad_token_id
        self.takes_padding = not has_decoder and self._is_undisturbed()

    def padding(self, used: Collection[int]) -> int:
        """Return the token to pad texts with that have the tokens `used`."""
        if self._fixed is not None:
            return self._fixed
        config = self._model.config.get_text_config()
        marks = {getattr(config, name, None) for name in ("eos_token_id", "bos_token_id", "sep_token_id")}
        return next(token for token in reversed(range(config.vocab_size)) if token not in {*used, *marks})

    def logits(self, ids: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Return (rows, labels) logits of padded texts. ids, mask, segments: (rows, columns)."""
        padded = ids[mask == 0]
        # Where nothing is padded the last token is the last one all the same.
        free = int(padded[0]) if len(padded) else self.padding(set(ids.flatten().tolist()))
        for config in (self._model.config, self._model.config.get_text_config()):
            config.pad_token_id = free
        arguments = {"input_ids": ids, "attention_mask": mask}
        if self._takes_segments:
            arguments["token_type_ids"] = segments
        device = self._model.device
        found: Tensor = self._model(**{name: given.to(device) for name, given in arguments.items()}).logits
        return found

    def _is_undisturbed(self) -> bool:
        import torch

        size = int(self._model.config.get_text_config().vocab_size)
        texts = [[size // 2, 1 % size, 0], [0, size // 3, size // 2, 0, 1 % size]]
        width = 8
        if self.positions is not None and self.positions < width:
            return False
        padding = self.padding({token for text in texts for token in text})
        ids = torch.full((len(texts), width), padding)
        mask = torch.zeros_like(ids)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = 1
        tolerance = _TOLERANCE.get(str(self._model.dtype).removeprefix("torch."), _COARSE)
        with torch.inference_mode():
            together = self.logits(ids, mask, torch.zeros_like(ids))
            for row, text in enumerate(texts):
                bare = torch.tensor([text])
                single = self.logits(bare, torch.ones_like(bare), torch.zeros_like(bare))[0]
                if not torch.allclose(together[row], single, rtol=tolerance, atol=tolerance):
                    return False
        return True
