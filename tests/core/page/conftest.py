"""Pages, read as whoever opens them reads them, without the script; and runs that several are made of."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from tests.core.page.kinds import planted
from udasa_core.errors import PluginError
from udasa_core.page.html import write_page
from udasa_core.page.parts import Page


class Written:
    """A page's file: its markup, its words, and its blocks of data."""

    def __init__(self, path: Path) -> None:
        self.markup = path.read_text("utf-8")

    @property
    def words(self) -> str:
        """What is read of it, in one line."""
        bare = re.sub(r"<(script|style)\b.*?</\1>", " ", self.markup, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", bare.replace("<wbr>", ""))).split())

    def block(self, name: str) -> Any:
        """Return a block's data."""
        found = re.search(rf'id="block-{re.escape(name)}">([^<]*)<', self.markup)
        assert found, name
        return json.loads(gzip.decompress(base64.b64decode(found[1])))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Page], Written]:
    def write(page: Page) -> Written:
        path = tmp_path / "page.html"
        write_page(page, path)
        return Written(path)

    return write


@pytest.fixture(scope="session")
def planted_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """The run of planted scores, two suites and a rollback; read it only."""
    return udasa_core.run(planted(tmp_path_factory.mktemp("planted"), tiny_model_dir))


@pytest.fixture(scope="session")
def rounds_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run of two rounds that holds nothing out and skips a stage; read it only."""
    plain = configuration(tmp_path_factory.mktemp("rounds"), tiny_model_dir, count=12, rounds={"count": 2})
    plain["run"]["held_out"] = 0.0
    plain["trainer"]["moderate"] = {"min_pairs": 99}
    return udasa_core.run(plain)


@pytest.fixture(scope="session")
def crashed_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run with a suite whose trainer failed, as it lies on disk; read it only."""
    folder = tmp_path_factory.mktemp("crashed")
    trainer = {"use": "tests.canned:Trainer", "crash": True}
    suite = [{"use": "tests.canned:Suite"}]
    with pytest.raises(PluginError):
        udasa_core.run(configuration(folder, tiny_model_dir, count=12, trainer=trainer, suite=suite))
    return udasa_core.Run(folder / "runs" / "canned")
