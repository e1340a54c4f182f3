"""Pairs as text, for reading with one's own eyes: what was asked, what was chosen over what."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Literal

from udasa_core.errors import UsageError
from udasa_core.records import Pair
from udasa_core.report.left_out import left_out_line
from udasa_core.report.written import number, wrap
from udasa_core.store.runs import Run
from udasa_core.store.tables import read_pairs
from udasa_core.text.printable import printable, printable_line

Order = Literal["gap", "U", "length"]
# What pairs are ordered by, the smallest first: so the narrowest gap, the highest U(chosen), the longest.
_ORDERS: Mapping[Order, Callable[[Pair], float | None]] = {
    "gap": lambda pair: pair.gap,
    "U": lambda pair: None if pair.chosen_U is None else -pair.chosen_U,
    "length": lambda pair: -len(pair.chosen.token_ids) - len(pair.rejected.token_ids),
}


def pair_texts(run: Run, count: int) -> Iterator[str]:
    """Yield up to `count` pairs a stage as text."""
    for stage in run.stages():
        if not stage.pairs.exists():
            continue
        for place, pair in enumerate(islice(read_pairs(stage.pairs), count), 1):
            yield _pair_text(f"{stage.label}, pair {place} of {stage.size}", pair)


def sorted_pair_texts(run: Run, count: int, by: Order, *, is_reversed: bool = False) -> Iterator[str]:
    """Yield the first `count` of all pairs in an order; those without the figure are left out.

    by: "gap", the narrowest first; "U", the most uncertain chosen response first; "length", by both sides'
    tokens, the longest first. No more than `count` pairs are held.
    """
    keyed = ((_ORDERS[by](pair), label, pair) for label, pair in run.pairs())
    found = ((key, label, pair) for key, label, pair in keyed if key is not None)
    take = heapq.nlargest if is_reversed else heapq.nsmallest
    for place, (_, label, pair) in enumerate(take(count, found, key=lambda one: one[0]), 1):
        yield _pair_text(f"{place}. by {by}, {label}", pair)


def texts_of(run: Run, identity: str) -> Iterator[str]:
    """Yield the pairs of one id, a pair's or a prompt's; of a prompt that has none, why.

    Raises UsageError where the run has neither.
    """
    is_found = False
    for label, pair in run.pairs():
        if identity in (pair.id, pair.prompt.id):
            is_found = True
            yield _pair_text(label, pair)
    for row in run.unpaired():
        if identity in (row.get("pair_id"), row.get("prompt_id")) and row["step"] != "train":
            is_found = True
            yield left_out_line(row)
    if not is_found:
        raise UsageError(
            f"run {run.name} has neither a pair nor a training prompt of the id {identity!r}; --pairs and "
            "--unpaired print ids"
        )


def _pair_text(title: str, pair: Pair) -> str:
    gap = "no gap" if pair.gap is None else f"gap {number(pair.gap)}"
    lines = [printable(f"── {title} · {gap} · {pair.id} · prompt {pair.prompt.id}")]
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
