"""Whether a suite asks what was trained on: what it gains there shows little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core.page.parts import Prose
from udasa_core.report.written import share
from udasa_core.store.output import BASE
from udasa_core.store.runs import Run
from udasa_core.text.words import words

# A question is not longer; what models said together is.
_LONGEST = 2_000


def repeated_told(run: Run, suites: Mapping[str, Any], *, texts: bool) -> Iterator[Prose]:
    """Yield a warning for each suite that has items whose words are those of a training prompt.

    By equal words alone; `udasa check` finds more, with the suite's own questions. texts: whether an example
    is given."""
    measured = {name: dict.fromkeys(str(row["model"]) for row in metrics) for name, metrics in suites.items()}
    if not any(measured.values()):
        return
    asked = {key for row in run.prompts() for text in _questions(row) if (key := tuple(words(text)))}
    for name, models in measured.items():
        rows = run.suite_rows(name, BASE if BASE in models else next(iter(models)))
        items: dict[str, bool] = {}
        example = ""
        for place, row in enumerate(rows, 1):
            item = str(place if row.get("id") is None else row["id"])
            found = next((text for text in _texts(row) if tuple(words(text)) in asked), "")
            items[item] = items.get(item, False) or bool(found)
            example = example or found
        count = sum(items.values())
        if count:
            shown = f", as “{example}”" if texts else ""
            of = f"{count} of {len(items)} items ({share(count / len(items))})"
            yield Prose(
                f"In {name}, {of} hold a training prompt's question word "
                f"for word{shown}. What the suite gains there shows little.",
                "doubtful",
            )


def _questions(prompt: Mapping[str, Any]) -> set[str]:
    """Return a prompt's text, and its last line: an instruction may stand above the question."""
    text = str(prompt["prompt"]).strip()
    return {text, text.rpartition("\n")[2]}


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        value
        for name, value in row.items()
        if name != "id" and isinstance(value, str) and 0 < len(value) <= _LONGEST
    )
