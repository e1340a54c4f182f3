"""What one policy's figures are beside another's: the rows of the matrix of transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

# With fewer prompts or items than this no two-sided paired test reaches 5%: 2 / 2⁵ is more.
FEWEST = 6
# How two values of a figure are paired: by prompt, by item of a suite, or not at all.
Paired = Literal["prompt", "item", "standard errors"]


@dataclass(frozen=True, slots=True)
class Move:
    """A figure of two policies, before and after.

    low, high: of the 95% interval of after − before; None where it has no bound, as with fewer than six
    prompts. n: prompts or items that both have a value for. paired: by what the interval is taken.
    """

    name: str
    before: float
    after: float
    low: float | None
    high: float | None
    n: int
    paired: Paired

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Move:
        """Rebuild a Move."""
        return cls(**plain)
