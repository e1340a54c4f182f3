"""How many bytes, or weights, as people read it."""

from __future__ import annotations


def size(count: float) -> str:
    """Return a number of bytes as people read it: 269 MB, 1.4 GB (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 9.95 else f"{count:.1f} {unit}"


def weights(count: int) -> str:
    """Return a number of weights as people read it: 135M, 8.03B."""
    for unit, least in (("B", 1e9), ("M", 1e6)):
        if count >= least:
            return f"{count / least:.3g}{unit}"
    return f"{count:,}"
