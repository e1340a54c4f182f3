"""A page of each kind of run has no hole: every section, every chart drawn in the page's colours alone."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import udasa_core
from tests.canned import configuration
from tests.core.page.kinds import HOSTILE
from tests.misbehaving_server import Call, MisbehavingServer, says
from tests.plugins.openai.test_generator import honest
from udasa_core.page import uncertainty
from udasa_core.page.blocks import Block
from udasa_core.page.chart import Chart
from udasa_core.page.figures import keep_figures
from udasa_core.page.html import write_page
from udasa_core.page.parts import Browser, Page, Prose, Section
from udasa_core.page.run_page import run_page
from udasa_core.report.figures import figures

MINE = {"stages", "answers", "uncertainty", "suites"}


def whole(run: udasa_core.Run, folder: Path, *, texts: int = 20_000) -> str:
    """Write the page of a run; look at its sections, its charts as they stand there, and its blocks."""
    page = run_page(run, texts=texts)
    assert {section.name for section in page.sections} >= MINE
    assert all(section.parts for section in page.sections)
    blocks: list[Block] = []
    write_page(replace(page, blocks=_noted(page.blocks, blocks)), folder / "page.html")
    text = (folder / "page.html").read_text()
    parts = [part for section in page.sections for part in section.parts]
    charts = [part for part in parts if isinstance(part, Chart)]
    assert len({chart.name for chart in charts}) == len(charts) > 0
    drawn = re.findall("<svg.*?</svg>", text, re.DOTALL)
    for chart, svg in zip(charts, drawn, strict=True):
        looked_at(chart, ElementTree.fromstring(svg))
    names = {block.name for block in blocks}
    assert names >= {part.settings["block"] for part in parts if isinstance(part, Browser)}
    return text


def _noted(blocks: Iterable[Block], into: list[Block]) -> Iterator[Block]:
    for block in blocks:
        into.append(block)
        yield block


def looked_at(chart: Chart, root: ElementTree.Element) -> None:
    assert re.fullmatch(r"[A-Za-z0-9-]+", chart.name)
    assert chart.table.title
    assert chart.table.rows
    assert chart.says.endswith(".")
    assert chart.size[0] <= 4.6, "a phone would show its texts too small"
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds.isdisjoint({"script", "image", "style"})
    for element in root.iter():
        assert "style" not in element.attrib
        # What is coloured has a class of the page's, so that it is seen in the dark, too.
        for attribute in ("fill", "stroke"):
            assert element.attrib.get(attribute, "none") == "none"


def test_hostile_names_an_abstaining_dimension_two_suites_and_a_rollback(
    planted_run: udasa_core.Run, tmp_path: Path
) -> None:
    text = whole(planted_run, tmp_path)
    assert "</script><b>" not in text
    assert "<i>other" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_charts_are_kept_for_papers(planted_run: udasa_core.Run, tmp_path: Path) -> None:
    told = figures(planted_run)
    section = uncertainty.section(planted_run, told)
    assert section is not None
    charts = [
        part
        for part in section.parts
        if isinstance(part, Chart) and part.name in ("distributions", "abstentions")
    ]
    page = Page("a", "b", [Section("uncertainty", "Uncertainty", [Prose("c"), *charts])])
    paths = keep_figures(page, tmp_path / "new" / "figures")
    kinds = ("svg", "pdf", "csv")
    wanted = [f"{name}.{kind}" for name in ("distributions", "abstentions") for kind in kinds]
    assert [path.name for path in paths] == wanted
    assert paths[1].read_bytes().startswith(b"%PDF")
    assert b"<svg" in paths[0].read_bytes()
    with paths[2].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["of"] for row in rows} == {"U", "planted", HOSTILE, "mute"}


@pytest.mark.slow
def test_the_other_kinds(
    canned_run: udasa_core.Run,
    finished_run: udasa_core.Run,
    rounds_run: udasa_core.Run,
    crashed_run: udasa_core.Run,
    tmp_path: Path,
) -> None:
    for run in (canned_run, finished_run, rounds_run, crashed_run):
        whole(run, tmp_path)
    assert "left out on purpose" in whole(canned_run, tmp_path, texts=0)


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


@pytest.mark.slow
def test_recorded_responses(tmp_path: Path, tiny_model_dir: Path) -> None:
    said = [[f"answer {number} {k} {'word ' * k}" for k in range(4)] for number in range(12)]
    rows = [{"prompt": f"question {number}", "responses": each} for number, each in enumerate(said)]
    path = tmp_path / "responses.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recorded = {"use": "recorded", "source": f"file:{path}", "responses": 4, "template": "plain"}
    plain = configuration(tmp_path, tiny_model_dir, count=12, generator=recorded)
    plain["run"]["held_out"] = 0.0  # what the canned trainer makes is no model that could measure them
    whole(udasa_core.run(plain), tmp_path)


@pytest.mark.slow
def test_a_server_that_knows_no_entropies(
    server: MisbehavingServer, tmp_path: Path, tiny_model_dir: Path
) -> None:
    def behave(call: Call, handler: Any) -> None:
        (says("Rating: [[7]]") if call.body["model"] == "j" else honest())(call, handler)

    server.always(behave)
    plain = configuration(
        tmp_path,
        tiny_model_dir,
        count=8,
        generator={"use": "openai", "base_url": server.url, "model": "g", "max_new_tokens": 8},
        judge={"use": "openai", "base_url": server.url, "model": "j"},
        suite=[{"use": "tests.canned:Judged"}],
    )
    plain["run"]["held_out"] = 0.0  # no server serves what is trained
    whole(udasa_core.run(plain), tmp_path)
