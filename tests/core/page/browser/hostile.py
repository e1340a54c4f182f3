"""Texts that would do something, were they markup, script or a terminal's: and a run and a page that are full
of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import udasa_core
from tests.canned import Generator, configuration, response
from udasa_core import Group, ModelRef, Prompt, SamplingOptions, hookimpl
from udasa_core.page.blocks import Block
from udasa_core.page.chart import COLOURS, Chart
from udasa_core.page.parts import Browser, Card, Cards, Code, Page, Prose, Section
from udasa_core.page.run_page import run_page
from udasa_core.report.table import Interval, Table, TableColumn

BEACON = "http://beacon.invalid"
# Each would set window.planted, ask a server, or turn letters round.
PLANTED = (
    "<script>window.planted = 1</script>",
    "</script><script>window.planted = 2</script>",
    "<!-- <script> -->",
    "\u2028window.planted = 3\u2029",
    f'<img src="{BEACON}/a.png" onerror="window.planted = 4">',
    "\x1b[31mred\x1b[0m\x07",
    "\u202enrut\u202c \u2066a\u2069",
    '" onmouseover="window.planted = 5" style="color: red',
    "'><svg onload=window.planted=6><a href=javascript:window.planted=6>x</a>",
    f"<style>@import url({BEACON}/b.css)</style><base href={BEACON}>",
)
ALL = " ".join(PLANTED)
ARABIC = "ما هي عاصمة فرنسا؟ الجواب هو باريس، ولا شيء غير ذلك."
LONG = "A very long sentence that goes on and on. " * 400 + "w" * 900
# Prompts whose answers all say the same give no pair.
SAME = "which gives no pair"


class Planting(Generator):
    """Four answers a prompt, each with all that is planted; one is cut off."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        return [self._group(prompt, sampling.responses, policy) for prompt in prompts]

    def _group(self, prompt: Prompt, count: int, policy: ModelRef) -> Group:
        asked = prompt.messages[-1].content
        tail = ARABIC if "arabic" in asked else LONG if "long" in asked else ALL
        texts = [f"{prompt.id} says {0 if SAME in asked else k}: {tail}" for k in range(count)]
        made = tuple(response(text, stop=k != 1) for k, text in enumerate(texts))
        return Group(prompt, tuple(asked.encode()), made, policy.key)


def rows() -> Iterator[dict[str, Any]]:
    """Prompts with planted texts in all that a user may write; one is Arabic, one long, some give no pair."""
    for number in range(32):
        kind = {0: "arabic " + ARABIC, 1: "long " + LONG}.get(number, PLANTED[number % len(PLANTED)])
        told = f"{SAME} {kind}" if number % 8 == 7 else f"question {number} {kind}"
        yield {
            "id": f"{PLANTED[number % len(PLANTED)]} p{number}",
            "messages": [{"role": "system", "content": f"be brief {ALL}"}, {"role": "user", "content": told}],
            "topic": f"topic {number % 3} {ALL}",
        }


def hostile_run(folder: Path, model: Path) -> udasa_core.Run:
    """A finished run of such prompts, made in a folder."""
    lines = (json.dumps(row) + "\n" for row in rows())
    (folder / "prompts.jsonl").write_text("".join(lines))
    plain = configuration(folder, model, pairing={"use": "extremes", "min_gap": 0.1})
    plain["generator"]["use"] = f"{__name__}:Planting"
    plain["dimension"].append({"use": "tests.canned:OnPrompts", "name": "mute", "word": "question 4"})
    plain["run"]["held_out"] = 0.05
    return udasa_core.run(plain)


def hostile_page(run: udasa_core.Run) -> Page:
    """The run's page with hostile names of plugins, and sections with every part that a page may have."""
    page = run_page(run)
    own = [one for one in page.sections if one.name == "pairs"]
    return Page(
        f"page {PLANTED[1]}",
        f"about {ALL}",
        [_verdict(), *own, _before_and_after(), _suites()],
        [*map(_renamed, (one for one in page.blocks if one.name.startswith("pair"))), *_answers(), *_items()],
    )


def _renamed(block: Block) -> Block:
    if block.name != "pairs":
        return block
    data = dict(block.data)
    data["dimensions"] = [f"{name} {ALL}" for name in data["dimensions"]]
    data["stages"] = [f"{name} {PLANTED[0]}" for name in data["stages"]]
    data["origins"] = [f"{name} {ALL}" for name in data["origins"]]
    return replace(block, data=data)


def _verdict() -> Section:
    table = Table(
        f"Table {PLANTED[1]}",
        [f"name {PLANTED[0]}", TableColumn("value", 2), "interval"],
        [[f"row {number} {PLANTED[number]}", number / 7, Interval(0.1, 0.2)] for number in range(4)],
        ["WARNING: a note that warns", f"A note {ALL}"],
    )
    chart = Chart(
        "bars", Table(f"Chart {PLANTED[1]}", ["x", "y"], [[PLANTED[4], 1.0], ["b", 2.0]]), _bars, ALL
    )
    cards = [
        Card("gain", "+0.12 [0.03, 0.21]", "better than before", "good"),
        Card("stages kept", "2 of 3", f"beneath {PLANTED[0]}", "doubtful"),
        Card("harm", "0.30", "above its bound", "bad"),
        Card("pairs", "1,204"),
    ]
    tones = (Prose("It got better.", "good"), Prose("It got worse.", "bad"), Prose("Who knows?", "doubtful"))
    parts = (Prose(f"Prose {ALL}"), *tones, Cards(cards), table, chart, Code(f"Code {PLANTED[0]}", ALL))
    return Section("verdict", "Verdict", parts)


def _bars(figure: Any) -> None:
    axes = figure.subplots()
    for place, colour in enumerate(COLOURS):
        axes.bar(place, place + 1, color=colour, label=PLANTED[place])
    axes.set_title(PLANTED[4])


def _before_and_after() -> Section:
    browsers = (
        Browser("answers", {"block": "answers"}, "Answers are shown by a script."),
        Browser("blind", {"block": "answers"}, "The comparison is made by a script."),
    )
    return Section("before-and-after", "Before and after", browsers)


ANSWERED = 120


def _answers() -> Iterator[Block]:
    """Answers to 120 prompts; U of prompt 7 rose most. Those of 5 are the same, those of 6 left out."""
    numbers = range(ANSWERED)
    prompts = {
        "id": [f"h{number} {PLANTED[number % len(PLANTED)]}" for number in numbers],
        "U_before": [0.5 if number % 10 else None for number in numbers],
        "U_after": [0.95 if number == 7 else 0.3 + (number * 37 % ANSWERED) / 300 for number in numbers],
        "tokens_before": [40 for _ in numbers],
        "tokens_after": [20 + number % 50 for number in numbers],
    }
    yield Block("answers", {"figures": ["tokens", "U"], "prompts": prompts, "chunk": 50})
    for first in range(0, ANSWERED, 50):
        held = [_answered(number) for number in range(first, min(first + 50, ANSWERED))]
        yield Block(f"answer-texts-{first // 50}", held)


def _answered(number: int) -> dict[str, Any] | None:
    if number == 6:
        return None
    before, after = f"The answer was {number}. {ALL}", f"The answer is now {number + 1}. {ALL}"
    return {
        "messages": [["user", f"held-out question {number} {ALL}"]],
        "own": {"level": number, "topic": ALL},
        "before": [{"text": before, "U": 0.5, "tokens": 40, "cut": 0}],
        "after": [
            {
                "text": before if number == 5 else after,
                "thought": f"hm {ALL}",
                "U": 0.6,
                "tokens": 41,
                "cut": 1,
            }
        ],
    }


def _suites() -> Section:
    return Section(
        "suites", "Suites", [Browser("items", {"block": "items-quiz"}, "Items are shown by a script.")]
    )


def _items() -> Iterator[Block]:
    """Sixty items of three models; item 11 and 12 were lost, item 20 gained."""
    models = ["base", f"stage {PLANTED[0]}", "final"]
    first = [1.0 if number != 20 else 0.0 for number in range(60)]
    last = [0.0 if number in (11, 12) else 1.0 for number in range(60)]
    scores = {models[0]: first, models[1]: [None, *last[1:]], models[2]: last}
    ids = [f"i{number} {PLANTED[number % len(PLANTED)]}" for number in range(60)]
    yield Block("items-quiz", {"suite": "quiz", "models": models, "ids": ids, "scores": scores, "chunk": 50})
    for start in (0, 50):
        held = [
            {
                model: {
                    "question": f"item question {number} {ALL}",
                    "response": f"{place} says {number} {ALL}",
                    "outputs": f'["{place} a", "b"]',
                    "right": "[true, false]",
                    "judgement": f'{{"verdict": "</script>", "by": {place}}}',
                }
                for place, model in enumerate(models)
            }
            for number in range(start, min(start + 50, 60))
        ]
        yield Block(f"items-quiz-texts-{start // 50}", held)
