"""What a run does not train on, as text: how much by reason, and each row, prompt and pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core.report.table import Table
from udasa_core.report.written import WIDTH
from udasa_core.store.runs import Run
from udasa_core.text.printable import printable_line

# Characters of a reason that every line repeats.
_SHORT = 60
_UNKNOWN = "not noted: an earlier udasa paired it"
_DONE = {
    "read": "rows give no prompt",
    "pair": "prompts give no pair",
    "stage": "pairs are in no stage",
    "train": "pairs are not trained on",
}


def left_out(run: Run) -> Iterator[str]:
    """Yield a table of what is left out by reason, and then a line each."""
    counts = Counter((row["step"], row["reason"] or _UNKNOWN) for row in run.unpaired())
    order = list(_DONE)
    rows = sorted(counts.items(), key=lambda one: (order.index(one[0][0]), -one[1], one[0][1]))
    cells = [(count, _DONE[step], reason) for (step, reason), count in rows]
    notes = [] if cells else ["Nothing: every prompt gave a pair, and every pair was trained on."]
    yield f"{Table(f'What run {run.name} does not train on', ('count', 'what', 'reason'), cells, notes)}\n"
    for row in run.unpaired():
        # The table has the whole reason.
        yield left_out_line({**row, "reason": _cut(row["reason"] or _UNKNOWN, _SHORT)})


def left_out_line(row: Mapping[str, Any]) -> str:
    """Return one row of `Run.unpaired` on one line."""
    who = f"line {row['line']}" if row["step"] == "read" else f"prompt {row['prompt_id']}"
    pair = f" · pair {row['pair_id']}" if row.get("pair_id") else ""
    told = f"{who}{pair} · {row['reason'] or _UNKNOWN} · {row['prompt']}"
    return _cut(printable_line(told), 2 * WIDTH)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
