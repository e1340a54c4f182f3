"""What a model said of a text, remembered while there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[Any]

_Key = TypeVar("_Key", bound=Hashable)


class Remembered(Generic[_Key]):
    """One row a key, made once: `read` is asked for the rows that are not known, in order, equal keys once.

    At most `most` rows are kept, or those of the last call where they are more: the latest asked for. So
    memory does not grow with what passes through.
    """

    def __init__(self, read: Callable[[Sequence[_Key]], Rows], most: int = 2**14) -> None:
        self._read = read
        self._most = most
        self._rows: OrderedDict[_Key, Rows] = OrderedDict()

    def forget(self) -> None:
        """Forget every row."""
        self._rows.clear()

    def rows(self, keys: Sequence[_Key]) -> Rows:
        """Return (len(keys), …) rows in order."""
        import numpy as np

        unknown = [key for key in dict.fromkeys(keys) if key not in self._rows]
        if unknown or not keys:
            read = self._read(unknown)
            if not keys:
                return read
            # Copied: a row that is a view would keep all that was read with it.
            self._rows.update((key, row.copy()) for key, row in zip(unknown, read, strict=True))
        found = np.stack([self._rows[key] for key in keys])
        for key in dict.fromkeys(keys):
            self._rows.move_to_end(key)
        # What one call asked for, the next dimension asks for again: it is kept whole.
        while len(self._rows) > max(self._most, len(set(keys))):
            self._rows.popitem(last=False)
        return found
