"""Runs of every kind that a page is made of, over canned plugins, and a look into sections and blocks."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.canned import Generator, configuration, response
from udasa_core import Group, ModelRef, Prompt, SamplingOptions, hookimpl
from udasa_core.page.blocks import Block
from udasa_core.page.chart import Chart
from udasa_core.page.parts import Browser, Folded, Prose, Section
from udasa_core.report.table import Table

QUIZ = "tests.core.running.test_watch:Quizzes"
# A dimension, as somebody may call it.
HOSTILE = "_</script><b>$x^2$&\u202e\x1b汉🙂" + "long" * 9


class Wordy(Generator):
    """Response k says k + 1 words of four letters: 4, 9, 14, … tokens. The last one is cut off."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        count = sampling.responses
        said = tuple(
            response(" ".join(["word"] * (number + 1)), stop=number < count - 1) for number in range(count)
        )
        return [Group(one, tuple(one.messages[-1].content.encode()), said, policy.key) for one in prompts]


def planted(folder: Path, model: Path, **tables: Any) -> dict[str, Any]:
    """Four responses a prompt whose U is 0, 0.1, 0.2 and 0.3, the longer the higher; two suites, one of which
    the second stage forgets; a dimension that always abstains, and one of a hostile name."""
    dimensions = [
        {"use": "tests.canned:Planted", "name": "planted"},
        {"use": "tests.canned:Planted", "name": HOSTILE},
        {"use": "tests.canned:Abstaining", "name": "mute"},
    ]
    suites = [
        {"use": QUIZ, "name": "quiz", "right": [9, 9, 2, 9]},
        {"use": QUIZ, "name": "<i>other</i>", "right": [8, 8, 8, 8]},
    ]
    gate = {"figure": "quiz accuracy", "better": "higher", "max_drop": 0.1, "action": "rollback"}
    plain = {
        "generator": {"use": "tests.core.page.kinds:Wordy", "responses": 4},
        "dimension": dimensions,
        "calibration": {"use": "none"},
        "suite": suites,
        "gate": [gate],
    }
    return configuration(folder, model, **{**plain, **tables})


def words(section: Section | None) -> str:
    """All that a section says in sentences."""
    assert section is not None
    return "\n".join(part.text for part in section.parts if isinstance(part, Prose))


def charts(section: Section | None) -> dict[str, Chart]:
    assert section is not None
    found = [part for part in section.parts if isinstance(part, Chart)]
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def tables(section: Section | None) -> dict[str, Table]:
    assert section is not None
    folded = [one for part in section.parts if isinstance(part, Folded) for one in part.tables]
    shown = [part for part in section.parts if isinstance(part, Table)]
    return {table.title: table for table in [*shown, *folded]}


def browsers(section: Section | None) -> list[tuple[str, str]]:
    assert section is not None
    return [(part.kind, str(part.settings["block"])) for part in section.parts if isinstance(part, Browser)]


def opened(blocks: Iterable[Block]) -> dict[str, Any]:
    """Blocks as the page's script opens them, by name."""
    return {
        block.name: json.loads(gzip.decompress(base64.b64decode(block.text())).decode()) for block in blocks
    }
