"""A set of 64-bit hashes that grows by at most 32 bytes an entry: a million prompts stay within 32 MB."""

from __future__ import annotations

from array import array

_EMPTY = 0


class SeenHashes:
    """Remembers hashes and says which came before. Open addressing, at most half full.

    The hashes are uniform: their low bits choose the slot.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * 1024))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, value: int) -> bool:
        """Remember a hash in [0, 2**64); return whether it is new."""
        value = value or 1  # 0 marks an empty slot
        if not self._put(self._slots, value):
            return False
        self._count += 1
        if 2 * self._count > len(self._slots):
            larger = array("Q", bytes(8 * 2 * len(self._slots)))
            for old in self._slots:
                if old != _EMPTY:
                    self._put(larger, old)
            self._slots = larger
        return True

    @staticmethod
    def _put(slots: array[int], value: int) -> bool:
        mask = len(slots) - 1
        index = value & mask
        while (found := slots[index]) != _EMPTY:
            if found == value:
                return False
            index = (index + 1) & mask
        slots[index] = value
        return True
