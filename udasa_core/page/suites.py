"""The page's section "Suites", and its blocks: what each suite says of each model, item by item.

Blocks, as the page's script reads them. Suites are numbered from 1, in the order of the run.

- `suite-N`: `suite` (its name), `figure` (what the scores are: "score", or the metric that stands for it),
  `models` (the base first), `ids` (of the items), `scores` (by model, an item after the other, null where it
  has none), `chunk` (items a block).
- `suite-N-texts-M`: of each item of the Mth chunk by model, what its rows hold: column → text. Of an item of
  several rows the second one's columns are called "COLUMN (2)". Null where its texts are left out. A column
  `right`, a list of true and false, marks as many texts of another column that is a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from udasa_core.page.blocks import CHUNK, Block
from udasa_core.page.kept import LEFT_OUT, drawn
from udasa_core.page.parts import Browser, Folded, Part, Prose, Section
from udasa_core.page.repeated import repeated_told
from udasa_core.page.suite_figures import differences, differences_table, differences_told, figure_charts
from udasa_core.report.show import suite_tables
from udasa_core.store.runs import Run

# Of so many items the page holds the texts: first those that flipped, the rest drawn at random.
TEXTS = 2_000


def section(run: Run, figures: Mapping[str, Any], *, texts: bool, items: bool = True) -> Section | None:
    """Return the section; None where neither prompts nor suites are read yet.

    figures: what `figures(run)` gave. items: whether each item can be looked at.
    """
    if figures["prompts"] is None and not figures["suites"]:
        return None
    return Section("suites", "Suites", list(_parts(run, figures, texts=texts, items=items)))


def _parts(run: Run, figures: Mapping[str, Any], *, texts: bool, items: bool) -> Iterator[Part]:
    suites = figures["suites"]
    if not suites:
        asked = run.manifest.plain["config"].get("suite", ())
        yield Prose(
            "No suite has measured a model yet."
            if asked
            else "No suite was run: a [[suite]] measures the base and every stage's model on something else "
            "than uncertainty."
        )
    yield from repeated_told(run, suites, texts=texts)
    for number, (name, metrics) in enumerate(suites.items(), 1):
        of_models = list(suite_tables(name, metrics, figures["judge_biases"].get(name, "")))
        if len(of_models) == 1:
            yield from of_models
        yield from (Prose(f"Remark of {name}: {remark}") for remark in _remarks(run, name))
        yield from figure_charts(f"suite-{number}", name, metrics)
        # A table a round: all of them are in the chart, too.
        if len(of_models) > 1:
            yield Folded(f"All figures of {name} by round", of_models)
        found = differences(run, name, metrics)
        if found:
            yield differences_told(name, found)
            yield differences_table(name, found)
        elif len(_models(metrics)) > 1:
            yield Prose(
                f"Models cannot be compared item by item in {name}: its rows hold no figure of an item."
            )
        count = len(_items(run, name, _models(metrics))[0]) if items else 0
        if count:
            if not texts:
                yield LEFT_OUT
            elif count > TEXTS:
                yield Prose(
                    f"Of {count:,} items of {name} the page has the texts of {TEXTS:,}: first those that "
                    "models score otherwise, the rest drawn at random. Scores are of all of them; "
                    "`Run.suite_rows` has all texts."
                )
            yield Browser(
                "items",
                {"block": f"suite-{number}"},
                "The items are shown by a script; `Run.suite_rows` gives them as a table.",
            )


def blocks(run: Run, *, texts: bool) -> Iterator[Block]:
    """Yield the section's blocks."""
    for number, (name, metrics) in enumerate(run.suites().items(), 1):
        yield from _blocks(run, f"suite-{number}", name, _models(metrics), texts=texts)


def _blocks(run: Run, block: str, name: str, models: Sequence[str], *, texts: bool) -> Iterator[Block]:
    ids, rows = _items(run, name, models)
    if not ids:
        return
    figure, items = _scores(run, name, models)
    scores = {model: [items[model].get(item) for item in ids] for model in models}
    index = {"suite": name, "figure": figure, "models": list(models), "ids": ids, "scores": scores}
    yield Block(block, {**index, "chunk": CHUNK})
    kept = _kept(ids, list(scores.values()))
    for place in range(0, len(ids) if texts else 0, CHUNK):
        yield Block(
            f"{block}-texts-{place // CHUNK}",
            [
                {model: _texts(rows[model].get(item, ())) for model in models} if item in kept else None
                for item in ids[place : place + CHUNK]
            ],
        )


def _models(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(metric["model"]) for metric in metrics))


def _remarks(run: Run, name: str) -> list[str]:
    """Return what the judge, or who answered, remarked while the suite ran, each once."""
    told = (plain for output, plain in run.told("suite") if output.instance == name)
    return sorted({remark for plain in told for remark in plain.get("remarks", ())})


def _items(
    run: Run, name: str, models: Sequence[str]
) -> tuple[list[str], dict[str, dict[str, list[Mapping[str, Any]]]]]:
    """Return the items of a suite, and by model and item its rows. A row without an id is an item by its
    place."""
    rows: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for model in models:
        found = rows.setdefault(model, {})
        for place, row in enumerate(run.suite_rows(name, model), 1):
            item = str(place if row.get("id") is None else row["id"])
            found.setdefault(item, []).append(row)
    return list(dict.fromkeys(item for found in rows.values() for item in found)), rows


def _scores(run: Run, name: str, models: Sequence[str]) -> tuple[str, dict[str, dict[str, float]]]:
    """Return what stands for an item's score, and it by model and item; "" where there is none."""
    items = {model: run.suite_items(name, model) for model in models}
    known = list(dict.fromkeys(figure for found in items.values() for figure in found))
    figure = "score" if "score" in known else next(iter(known), "")
    return figure, {model: found.get(figure, {}) for model, found in items.items()}


def _kept(ids: Sequence[str], scores: Sequence[Sequence[float | None]]) -> frozenset[str]:
    """Return the items whose texts the page has: those that one model scores otherwise than another first."""
    if len(ids) <= TEXTS:
        return frozenset(ids)
    flipped = [len({column[place] for column in scores}) > 1 for place in range(len(ids))]
    return frozenset(ids[place] for place in drawn(flipped, TEXTS))


def _texts(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what an item's rows hold as text; what all of them say is said once."""
    told: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        for column, value in row.items():
            if value is None or column == "id" or (column == "score" and len(rows) == 1):
                continue
            text = value if isinstance(value, str) else str(value)
            if number == 1:
                told[column] = text
            elif told.get(column) != text:
                told[f"{column} ({number})"] = text
    return told
