"""The page's section "Before and after", and its blocks: what the base answered to the held-out prompts, and
what the policy that the run left did.

Blocks, as the page's script reads them. Prompts stand in the order of the shards.

- `answers`: `after` (that policy's label), `figures` (names), `chunk` (prompts a block), `lead` (what all
  prompts begin with), and `prompts` in columns: `id`, and of each figure `FIGURE_before` and `FIGURE_after`,
  null where there is none. Figures are means over a prompt's responses: U, "u DIMENSION" (calibrated),
  tokens, cut_off, and what else was measured of both policies.
- `answer-texts-N`: of each prompt of the Nth chunk `messages`, `own`, and `before` and `after` by response:
  text, thought where there is one, U, tokens, cut; null where its texts are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from udasa_core.errors import UdasaError
from udasa_core.page.blocks import CHUNK, Block, chunks
from udasa_core.page.changes import changes_chart, changes_told
from udasa_core.page.kept import LEFT_OUT, Lead, prompt_texts
from udasa_core.page.parts import Browser, Part, Prose, Section
from udasa_core.records import Group, Score, Scores
from udasa_core.report.show import held_out_table
from udasa_core.store.answered import dimensions, shards, value_of
from udasa_core.store.meters import HALVES_DIFFER, figures_by_prompt
from udasa_core.store.output import HELD_OUT, Output
from udasa_core.store.own import OwnColumns
from udasa_core.store.run_tables import left_answers
from udasa_core.store.runs import Run

# Of so many prompts the page holds the texts: first those whose U rose most, the rest drawn at random.
TEXTS = 2_000
_BASE = Output("sample", HELD_OUT)
# Meters that are told from the responses themselves here, or say nothing of one prompt.
_TOLD = ("U", "length", "truncated", HALVES_DIFFER)


def section(run: Run, figures: Mapping[str, Any], *, texts: bool) -> Section | None:
    """Return the section; None where no prompts are read yet. figures: what `figures(run)` gave."""
    if figures["prompts"] is None:
        return None
    return Section("answers", "Before and after", list(_parts(run, figures, texts=texts)))


def _parts(run: Run, figures: Mapping[str, Any], *, texts: bool) -> Iterator[Part]:
    count = figures["prompts"]["held_out"]
    if not count:
        yield Prose("No prompt is held out, so nothing is compared before and after; raise run.held_out.")
        return
    if figures["held_out"]:
        yield changes_told(figures["held_out"])
        yield held_out_table(figures["held_out"], is_recorded=figures["is_recorded"])
        yield changes_chart(figures["held_out"])
    after = _after(run)
    if after is None:
        yield Prose("Nothing is compared yet: the model that is left has not answered the held-out prompts.")
        return
    if not texts:
        yield LEFT_OUT
    elif count > TEXTS:
        yield Prose(
            f"Of {count:,} held-out prompts the page has the texts of {TEXTS:,}: those whose U rose most, "
            "and others drawn at random. Numbers are of all of them; `Run.answers` has all texts."
        )
    # Who compares blindly has not read above which answer is which.
    if texts:
        yield Browser(
            "blind",
            {"block": "answers"},
            "Here a script shows answers before and after in random order, for you to say which is better.",
        )
    yield Browser(
        "answers",
        {"block": "answers"},
        "The answers are shown by a script; `Run.answers` gives them as a table.",
    )


def blocks(run: Run, *, texts: bool) -> Iterator[Block]:
    """Yield the section's blocks; none where nothing is compared yet."""
    after = _after(run)
    if after is None:
        return
    label, output = after
    others = _others(run, output)
    names = ["U", *(f"u {name}" for name in dimensions(run)), "tokens", "cut_off", *others]
    columns: dict[str, list[Any]] = {
        "id": [],
        **{f"{name}_{side}": [] for name in names for side in ("before", "after")},
    }
    lead = Lead()
    for one in _asked(run, output):
        lead.add(one.before.prompt)
        prompt = one.before.prompt.id
        columns["id"].append(prompt)
        told = _figures(one.before, one.before_scores, run), _figures(one.after, one.after_scores, run)
        for place, side in enumerate(("before", "after")):
            for name in names:
                value = others[name][place].get(prompt) if name in others else told[place][name]
                columns[f"{name}_{side}"].append(value)
    index = {"after": label, "figures": names, "chunk": CHUNK, "lead": lead.text if texts else ""}
    yield Block("answers", {**index, "prompts": columns})
    if texts:
        kept = _kept(columns)
        for number, chunk in enumerate(chunks(_asked(run, output), CHUNK)):
            yield Block(
                f"answer-texts-{number}",
                [_texts(one) if kept is None or one.before.prompt.id in kept else None for one in chunk],
            )


class _Asked(NamedTuple):
    """One held-out prompt: what both policies said, and its own columns."""

    before: Group
    after: Group
    before_scores: Scores | None
    after_scores: Scores | None
    own: Mapping[str, Any]


def _after(run: Run) -> tuple[str, Output] | None:
    """Return the label of the policy that the run left, and its answers; None where they are not whole."""
    try:
        label, output = left_answers(run)
    except UdasaError:
        return None
    keys = [run.keys(one) for one in (_BASE, output)]
    is_whole = len(keys[0]) == len(keys[1]) and all(
        run.store.has("sample", key) for some in keys for key in some
    )
    return (label, output) if is_whole else None


def _asked(run: Run, output: Output) -> Iterator[_Asked]:
    own = OwnColumns(run, HELD_OUT, [])
    for old, new in zip(shards(run, _BASE), shards(run, output), strict=True):
        cells = own.of(group.prompt.id for group in old.groups)
        for before, after in zip(old.groups, new.groups, strict=True):
            prompt = before.prompt.id
            yield _Asked(before, after, old.scores.get(prompt), new.scores.get(prompt), cells[prompt])


def _others(run: Run, output: Output) -> dict[str, tuple[Mapping[str, float], Mapping[str, float]]]:
    """Return what else was measured of both policies: figure → by prompt, before and after."""
    sides = []
    for round, policy in ((0, ""), (output.round, output.policy)):
        keys = run.keys(Output("meters", HELD_OUT, round, policy=policy))
        if not keys or not run.store.has("meters", keys[0]):
            return {}
        sides.append(figures_by_prompt(run.store.read_table("meters", keys[0])))
    before, after = sides
    return {
        name: (before[name], after[name])
        for name in before
        if name in after and name not in _TOLD and not name.startswith("u ")
    }


def _figures(group: Group, scores: Scores | None, run: Run) -> dict[str, float | None]:
    responses = group.responses
    columns = {f"u {name}": scores.calibrated[name] if scores else () for name in dimensions(run)}
    return {
        "U": _mean(scores.U if scores else ()),
        **{name: _mean(column) for name, column in columns.items()},
        "tokens": sum(len(one.token_ids) for one in responses) / len(responses),
        "cut_off": sum(one.finish_reason == "length" for one in responses) / len(responses),
    }


def _mean(scores: Sequence[Score]) -> float | None:
    values = [value for value in map(value_of, scores) if value is not None]
    return math.fsum(values) / len(values) if values else None


def _kept(columns: Mapping[str, list[Any]]) -> frozenset[str] | None:
    """Return the prompts whose texts the page has; None for all of them."""
    prompts = columns["id"]
    if len(prompts) <= TEXTS:
        return None
    rises = [
        -math.inf if before is None or after is None else after - before
        for before, after in zip(columns["U_before"], columns["U_after"], strict=True)
    ]
    order = sorted(range(len(prompts)), key=lambda place: -rises[place])
    worst, rest = order[: TEXTS // 2], order[TEXTS // 2 :]
    return frozenset(prompts[place] for place in (*worst, *Random(0).sample(rest, TEXTS - len(worst))))


def _texts(one: _Asked) -> dict[str, Any]:
    return {
        **prompt_texts(one.before.prompt, one.own),
        "before": _said(one.before, one.before_scores),
        "after": _said(one.after, one.after_scores),
    }


def _said(group: Group, scores: Scores | None) -> list[dict[str, Any]]:
    return [
        {
            "text": response.text,
            **({"thought": response.thought} if response.thought else {}),
            "U": value_of(scores.U[place]) if scores else None,
            "tokens": len(response.token_ids),
            "cut": response.finish_reason == "length",
        }
        for place, response in enumerate(group.responses)
    ]
