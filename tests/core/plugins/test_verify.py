"""Plugins that break at import harm nobody but themselves."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from udasa_core.check.plugin_list import listed, plugin_table, verified
from udasa_core.config.parse import PluginTable
from udasa_core.plugins.catalog import Catalog, Offer, read_catalog
from udasa_core.plugins.verify import problems, verify
from udasa_core.progress import Advance

GOOD = """
from typing import ClassVar
from pydantic import BaseModel, ConfigDict
from udasa_core import hookimpl
class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
class Good:
    Options = Options
    def __init__(self, options, name, resources): ...
    @hookimpl
    def udasa_score(self, groups, seed): ...
class Unmarked(Good):
    def udasa_score(self, groups, seed): ...
class Empty:
    Options = Options
class Misspelt(Good):
    def udasa_scores(self, groups, seed): ...
class NoOptions: ...
class Greedy(Good):
    needs: ClassVar = ("universe",)
"""
MODULES = {
    "good_one": GOOD,
    "raises_one": "raise RuntimeError('no licence')",
    "exits_one": "import os; os._exit(3)",
    "leaves_one": "import sys; sys.exit('goodbye')",
    "crashes_one": "import os, signal; print('about to fall'); os.kill(os.getpid(), signal.SIGSEGV)",
    "hangs_one": "import subprocess, time; subprocess.Popen(['sleep', '300']); time.sleep(300)",
    "heavy_one": "import torch\n" + GOOD,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    # A stand-in, so that the test need not wait for the real one.
    (tmp_path / "torch.py").write_text("")
    return tmp_path


def offer(target: str) -> Offer:
    return Offer("dimension", target, "somebody", "1.0", target)


def test_each_breakage_is_told_of_its_own_plugin(folder: Path) -> None:
    expected = {
        "good_one:Good": "",
        "raises_one:Good": "cannot be imported: RuntimeError: no licence",
        "exits_one:Good": "ended the process (exit status 3)",
        "leaves_one:Good": "cannot be imported: SystemExit: goodbye",
        "crashes_one:Good": "crashed the process (SIGSEGV): about to fall",
        "hangs_one:Good": "did not end within",
        "heavy_one:Good": "also imports torch",
        "good_one:Missing": "has no attribute 'Missing'",
        "good_one:Unmarked": "udasa_score is not marked with @hookimpl",
        "good_one:Empty": "does not implement udasa_score",
        "good_one:Misspelt": "udasa_scores is no hook",
        "good_one:NoOptions": "no pydantic model `Options`",
        "good_one:Greedy": "it needs universe",
    }
    begun = time.monotonic()
    verdicts = verify([offer(target) for target in expected], root=folder, timeout=10)
    assert time.monotonic() - begun < 60
    assert [one.offer.name for one in verdicts] == list(expected)
    for one in verdicts:
        wanted = expected[one.offer.name]
        assert (wanted in one.problem) if wanted else (one.problem == ""), one


@pytest.mark.slow
def test_the_built_in_plugins_pass() -> None:
    broken = [(str(one.offer), one.problem) for one in verify(read_catalog().offers) if one.problem]
    assert broken == []


def test_progress_is_told_plugin_by_plugin() -> None:
    done: list[int] = []

    @contextmanager
    def progress(name: str, total: int | None) -> Iterator[Advance]:
        assert total == 2
        yield done.append

    faulty = Offer("dimension", "x", "somebody", "1.0", "os:_exit", "made for contract-9")
    verify([faulty, faulty], progress=progress)
    assert done == [1, 1]


def test_a_static_fault_is_not_imported() -> None:
    faulty = Offer("dimension", "x", "somebody", "1.0", "os:_exit", "made for contract-9")
    assert verify([faulty])[0].problem == "made for contract-9"


def test_a_heavy_module_that_was_there_before_is_nobodys_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert list(problems(offer("heavy_one:Good"))) == []


def table(use: str) -> PluginTable:
    return PluginTable("dimension", f"dimension.{use}", use, use, 1.0, {})


def test_selected_and_shadowed() -> None:
    mine, theirs, other = (
        Offer("dimension", "a.b", "udasa", "1", "m:F"),
        Offer("dimension", "A_B", "somebody", "2", "n:F"),
        Offer("dimension", "c", "udasa", "1", "m:G"),
    )
    catalog = Catalog([mine, theirs, other])
    states = {row.offer.spelling: row.state for row in listed(catalog, [table("udasa/a-b")])}
    assert states == {"udasa/a.b": "selected", "somebody/A_B": "shadowed", "udasa/c": ""}
    assert {row.state for row in listed(catalog)} == {""}


def test_what_nobody_offers_is_listed_with_its_fault() -> None:
    faulty = Offer("dimension", "old", "somebody", "1", "m:F", "made for contract-9")
    rows = listed(Catalog([faulty]), [table("old"), table("missing"), table("local:Factory")])
    told = {row.offer.name: (row.state, row.offer.fault) for row in rows}
    assert told["old"] == ("selected", "made for contract-9")
    assert told["local:Factory"] == ("selected", "")
    assert told["missing"][0] == "selected"
    assert "no installed distribution offers" in told["missing"][1]
    text = str(plugin_table(rows, states=True))
    assert "made for contract-9" in text
    assert "state" in text


def test_a_verdict_replaces_the_fault() -> None:
    rows = listed(Catalog([Offer("dimension", "a", "udasa", "1", "no_such_module:F")]))
    after = verified(rows, verify([row.offer for row in rows]))
    assert "ModuleNotFoundError" in after[0].offer.fault
