"""A key-value cache of slots: one row a response in progress, each row at its own length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import Cache, DynamicCache

from udasa_core.errors import UdasaError
from udasa_core.models.cache_use import cache_use
from udasa_core.models.held import STRIP

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_FULL, _SLIDING = "full_attention", "sliding_attention"


def takes_slots(model: PreTrainedModel) -> bool:
    """Say whether a model's responses can decode in slots, several prompts' together.

    Models from before transformers' common attention interface make masks of their own, and some of them
    would take ours and silently compute something else.
    """
    return (
        bool(model._supports_attention_backend)
        and not model._is_stateful
        # Each row is told its own positions, on top of what it has in the cache.
        and (use := cache_use(model)).goes_on
        and use.placed
        and _kinds(model) <= {_FULL, _SLIDING}
    )


def _kinds(model: PreTrainedModel) -> frozenset[str]:
    """Return the kinds of a model's layers."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    return frozenset(getattr(config, "layer_types", None) or [_SLIDING if window else _FULL])


class Slots(Cache):  # type: ignore[misc]  # transformers' classes are untyped here, and models ask for a Cache
    """Keys and values by layer, (rows, heads, columns, size) each, reserved once and written in place.

    The first `count` rows are in use. Row r holds lengths[r] tokens in its first columns; what lies beyond is
    masked. So rows of different prompts decode together without padding, and dropping a finished row costs
    one row's copy. Columns are cleaned as they are reached: room not yet reached costs no memory on most
    systems, and what a mask hides is never a stray NaN.

    rows: how many responses fit; columns: tokens in the longest of them, prompt included.
    Raises UdasaError for a model whose state is not keys and values behind the common attention interface.
    """

    def __init__(self, model: PreTrainedModel, rows: int, columns: int) -> None:
        super().__init__(layers=[])
        self.count = 0
        self.lengths = torch.zeros(rows, dtype=torch.long, device=model.device)
        self._rows = torch.arange(rows, device=model.device)
        self._places = torch.arange(columns, device=model.device)
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._filled = 0
        self._clean = 0
        self._dtype = model.dtype
        self._window: int | None = getattr(model.config.get_text_config(), "sliding_window", None)
        self._kinds = _kinds(model)
        if not takes_slots(model):
            raise UdasaError(
                f"generator transformers cannot sample from a {model.config.get_text_config().model_type} "
                "model: it needs plain or "
                "sliding-window attention behind transformers' common interface. Choose another model, or "
                'sample elsewhere and give the responses to the generator "recorded"'
            )

    def admit(self, prompt: DynamicCache, responses: int) -> None:
        """Copy one prompt's keys and values (a cache of one row) to the next `responses` rows."""
        start, stop = self.count, self.count + responses
        length = prompt.get_seq_length()
        for index, layer in enumerate(prompt.layers):
            if index == len(self._keys):
                for kept, states in ((self._keys, layer.keys), (self._values, layer.values)):
                    shape = (len(self._rows), states.shape[1], len(self._places), states.shape[3])
                    kept.append(states.new_empty(shape))
        self._reach(length)
        for index, layer in enumerate(prompt.layers):
            self._keys[index][start:stop, :, :length] = layer.keys
            self._values[index][start:stop, :, :length] = layer.values
        self.lengths[start:stop] = length
        self.count = stop

    def fork(self, rows: Sequence[int]) -> None:
        """Copy each of `rows` (one may stand several times) to a new row of its own, in order."""
        for row in rows:
            length = int(self.lengths[row])
            for states in (*self._keys, *self._values):
                states[self.count, :, :length] = states[row, :, :length]
            self.lengths[self.count] = length
            self.count += 1

    def keep(self, kept: Sequence[int]) -> list[int]:
        """Drop every row in use but `kept` (ascending); return which old row each row in use now is.

        Only rows beyond the new count move, into the places of dropped ones.
        """
        count = len(kept)
        moving = [row for row in kept if row >= count]
        holes = sorted(set(range(count)) - set(kept))
        came_from = list(range(count))
        for hole, row in zip(holes, moving, strict=True):
            came_from[hole] = row
            length = int(self.lengths[row])
            for states in (*self._keys, *self._values):
                states[hole, :, :length] = states[row, :, :length]
            self.lengths[hole] = length
        self.count = count
        return came_from

    def step(self) -> dict[str, Any]:
        """Make room for one more token a row; return the model's arguments that go with the new tokens."""
        positions = self.lengths[: self.count].clone()
        self._filled = int(positions.max()) + 1
        self._reach(self._filled)
        self.lengths[: self.count] += 1
        return {
            "position_ids": positions[:, None],
            "attention_mask": self._masks(positions[:, None]),
            "past_key_values": self,
        }

    def _reach(self, columns: int) -> None:
        """Clean the rows up to `columns`, where they are not clean yet."""
        if columns > self._clean:
            clean = min(columns + STRIP, len(self._places))
            for states in (*self._keys, *self._values):
                states[:, :, self._clean : clean] = 0
            self._clean = clean

    def _masks(self, positions: Tensor) -> Tensor | dict[str, Tensor]:
        """Return additive masks (rows, 1, 1, columns), one a kind of layer where a model mixes kinds."""
        places = self._places[: self._filled]
        seen = {_FULL: places <= positions}
        if self._window is not None:
            seen[_SLIDING] = seen[_FULL] & (places > positions - self._window)
        masks = {
            kind: torch.zeros(visible.shape, dtype=self._dtype, device=visible.device).masked_fill_(
                ~visible, torch.finfo(self._dtype).min
            )[:, None, None, :]
            for kind, visible in seen.items()
            if kind in self._kinds
        }
        return masks if len(masks) > 1 else next(iter(masks.values()))

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write one new token a row at the row's own position; return what is filled of the rows in use."""
        rows, count = self._rows[: self.count], self.count
        positions = self.lengths[:count] - 1
        keys, values = self._keys[layer_idx], self._values[layer_idx]
        keys[rows, :, positions] = key_states[:, :, 0]
        values[rows, :, positions] = value_states[:, :, 0]
        return keys[:count, :, : self._filled], values[:count, :, : self._filled]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return the columns filled before the step in progress."""
        return max(self._filled - 1, 0)
