"""Why rows were set aside: counted by reason, with the first lines of each."""

from __future__ import annotations

from collections import Counter

# How many lines are named of a reason, and how many reasons are told; the file beside the run has every row.
_LINES, _REASONS = 5, 10


def no_row(source: str) -> str:
    """Say that a source has no row at all, and what it should have."""
    return (
        f'{source} holds no prompt\n    → write one a line: {{"prompt": "…"}} in .jsonl, or its text in .txt'
    )


class Reasons:
    """The rows that give no prompt, counted by reason while they are read. Memory does not grow with them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lines: dict[str, list[int]] = {}

    @property
    def total(self) -> int:
        """How many rows were set aside."""
        return self.counts.total()

    def add(self, reason: str, line: int) -> None:
        """Count a row. line: its own, from 1."""
        self.counts[reason] += 1
        lines = self._lines.setdefault(reason, [])
        if len(lines) < _LINES:
            lines.append(line)

    def __str__(self) -> str:
        """The most frequent reasons, one a line, with the lines of the source where they stand."""
        often = sorted(self.counts.items(), key=lambda one: (-one[1], one[0]))[:_REASONS]
        return "\n".join(f"  {count:>6}  {reason} ({self._where(reason)})" for reason, count in often)

    def _where(self, reason: str) -> str:
        lines, more = self._lines[reason], self.counts[reason] > _LINES
        named = ", ".join(map(str, lines))
        return f"line{'s' if len(lines) > 1 else ''} {named}{', …' if more else ''}"
