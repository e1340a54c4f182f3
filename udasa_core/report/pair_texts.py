"""Pairs as text, for reading with one's own eyes: what was asked, what was chosen over what."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from udasa_core.records import Pair
from udasa_core.report.written import number, wrap
from udasa_core.store.runs import Run
from udasa_core.store.tables import read_pairs
from udasa_core.text.printable import printable, printable_line


def pair_texts(run: Run, count: int) -> Iterator[str]:
    """Yield up to `count` pairs a stage as text."""
    for stage in run.stages():
        if not stage.pairs.exists():
            continue
        for place, pair in enumerate(islice(read_pairs(stage.pairs), count), 1):
            yield _pair_text(f"{stage.label}, pair {place} of {stage.size}", pair)


def _pair_text(title: str, pair: Pair) -> str:
    gap = "no gap" if pair.gap is None else f"gap {number(pair.gap)}"
    lines = [printable(f"── {title} · {gap} · {pair.id}")]
    for message in pair.prompt.messages:
        lines += _labelled(message.role, message.content)
    for label, response, uncertainty in (
        ("chosen", pair.chosen, pair.chosen_U),
        ("rejected", pair.rejected, pair.rejected_U),
    ):
        cut = ", cut off" if response.finish_reason == "length" else ""
        about = f"U {number(uncertainty)}, {len(response.token_ids)} tokens{cut}"
        if response.thought:
            lines += _labelled(f"{label}, thought ({response.thought_tokens} tokens)", response.thought)
        lines += _labelled(f"{label} ({about})", response.text)
    return "\n".join(lines)


def _labelled(label: str, text: str) -> list[str]:
    paragraphs = [line for paragraph in text.splitlines() for line in wrap(printable_line(paragraph), 94)]
    return [f"  {label}:", *(f"    {line}".rstrip() for line in paragraphs or ["(empty)"])]
